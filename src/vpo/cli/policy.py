"""``vpo policy``: check policies, print their schema."""

from __future__ import annotations

import json

import click

from vpo.errors import EXIT_OK, EXIT_USAGE, PolicyError
from vpo.policy.loader import load
from vpo.policy.schema import json_schema
from vpo.report import printable


@click.group("policy")
def command() -> None:
    """Check policies and get help with writing them."""


@command.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
def check(files: tuple[str, ...]) -> int:
    """Say whether each policy loads, and where it does not, why and in which line."""
    code = EXIT_OK
    for name in files:
        try:
            policy = load(name)
        except PolicyError as error:
            code = EXIT_USAGE
            click.echo(printable_lines(str(error)), err=True)
            continue
        for warning in policy.warnings:
            click.echo(f"warning: {printable(warning)}", err=True)
        phases = ", ".join(phase.name for phase in policy.phases)
        click.echo(f"{printable(name)}: ok; phases: {printable(phases)}")
    return code


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of policies, for an editor that checks while you write."""
    click.echo(json.dumps(json_schema(), indent=2))


def printable_lines(text: str) -> str:
    """A message of several lines, each made printable."""
    return "\n".join(printable(line) for line in text.splitlines())
