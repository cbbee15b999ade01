"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vpo.cli import completion

F = TypeVar("F", bound=Callable[..., Any])


def format_option(*styles: str, default: str | None = "text") -> Callable[[F], F]:
    """``--format``, as the parameter ``style``."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        default=default,
        show_default=True,
        help="How results are printed; the JSON is described in docs/json.md.",
    )


def at_least_one(
    ctx: click.Context,
    param: click.Parameter,
    value: int | None,
) -> int | None:
    """For numbers; click's own range would put ``[x>=1]`` into the help."""
    if value is not None and value < 1:
        raise click.BadParameter(f"{value} is less than 1", ctx, param)
    return value


policy_option = click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    required=True,
    type=click.Path(path_type=str),
    metavar="FILE",
    help="Policy to apply; repeat it to apply several, in order, as one plan.",
)
recursive_option = click.option(
    "-R", "--recursive", is_flag=True, help="Search the folders below, too."
)
workers_option = click.option(
    "-w",
    "--workers",
    type=int,
    callback=at_least_one,
    metavar="N",
    help="Files worked on at the same time; by default 2, but at most half of the cores.",
)
phases_option = click.option(
    "--phases",
    metavar="A,B",
    shell_complete=completion.phases,
    help="Apply only these phases of the policies.",
)


def verbosity_options(function: F) -> F:
    """``-v`` and ``-q``, as the parameters ``verbose`` (counted) and ``quiet``."""
    quiet = click.option("-q", "--quiet", is_flag=True, help="Show failures only.")
    verbose = click.option("-v", "--verbose", count=True, help="Show every file and its changes.")
    return verbose(quiet(function))
