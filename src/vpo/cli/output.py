"""What several commands print: JSON documents, warnings and errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

import click


def print_json(document: Mapping[str, object]) -> None:
    """Print a JSON document with its schema version on standard output."""
    from vpo.report import json_text

    click.echo(json_text(document))


def print_warnings(warnings: Iterable[str]) -> None:
    """Print warnings on standard error."""
    for warning in warnings:
        print_error(f"warning: {warning}")


def print_error(*lines: str) -> None:
    """Print the lines of a message on standard error, if that can be written."""
    from vpo.text import printable  # imported late: most commands print no error

    with contextlib.suppress(OSError):
        for line in lines:
            click.echo(f"vpo: {printable(line)}", err=True)


def print_problem(message: str) -> None:
    """Print the lines of an error as compilers do: they begin with file, line and column."""
    from vpo.text import printable

    click.echo("\n".join(printable(line) for line in message.splitlines()), err=True)
