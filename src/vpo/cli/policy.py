"""``vpo policy``: check and explain policies, migrate old ones, print their schema."""

from __future__ import annotations

import json
import os
import sys

import click

from vpo.cli.options import format_option
from vpo.config.builder import build
from vpo.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, PolicyError, ProbeError
from vpo.plan.explain import explain
from vpo.plugins.metadata import ask
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import PolicyPositions, load_policy, migrate_text, replace_policy_file
from vpo.policy.migration import CURRENT_VERSION
from vpo.policy.policy_files import PolicyFiles
from vpo.policy.schema import json_schema
from vpo.policy.yaml_source import read_policy_text
from vpo.probe.reader import probe_file
from vpo.report.explain import Lines, json_document, text
from vpo.report.text import Console
from vpo.text import printable


@click.group("policy")
def command() -> None:
    """Check and explain policies, migrate old ones, print their schema."""


@command.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
def check(files: tuple[str, ...]) -> int:
    """Say whether each policy loads, or what is wrong.

    Everything wrong is shown with file, line and column.
    """
    code = EXIT_OK
    for name in files:
        try:
            policy = load_policy(name)
        except PolicyError as error:
            code = EXIT_USAGE
            click.echo(printable_lines(str(error)), err=True)
            continue
        for warning in policy.warnings:
            click.echo(f"warning: {printable(warning)}", err=True)
        phases = ", ".join(phase.name for phase in policy.phases)
        click.echo(f"{printable(name)}: ok; phases: {printable(phases)}")
    return code


@command.command("explain")
@click.argument("policy", type=click.Path(path_type=str))
@click.argument("file", type=click.Path(path_type=str))
@click.option("--phases", metavar="A,B", help="Only these phases of the policy.")
@format_option("text", "json")
def explain_(policy: str, file: str, phases: str | None, style: str) -> int:
    """Show step by step what POLICY decides for FILE, and why.

    Every decision is shown with the line of the policy that it comes from. The file is only read.
    """
    choice = PolicyFiles((policy,), phases)
    for warning in choice.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    lines = Lines(PolicyPositions(read_policy_text(policy), policy))
    try:
        media = probe_file(os.path.realpath(file))
    except ProbeError as error:
        raise ProbeError(f"{file}: {error}") from None
    answers = ask(build({}).config, choice, [media.path])
    for warning in answers.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    plan, stories = explain(
        choice.policies[0], media, ExternalFacts(metadata=answers.of(media.path))
    )
    if style == "json":
        click.echo(json.dumps(json_document(policy, plan, stories, lines), indent=2))
    else:
        console = Console(sys.stdout)
        for line, look in text(plan, stories, lines):
            console.line(line, look)
    return EXIT_FAILED if plan.error else EXIT_OK


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of policies, for editors."""
    click.echo(json.dumps(json_schema(), indent=2))


@command.command("migrate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
@click.option(
    "--write", is_flag=True, help="Replace each FILE; what it was is kept beside it as FILE.v12."
)
def migrate(files: tuple[str, ...], write: bool) -> int:
    """Print policies of versions 11 and 12 in the form of 13.

    Comments stay where their keys stay. Whether the policy is right otherwise is not looked at.
    """
    code = EXIT_OK
    for name in files:
        try:
            _migrate(name, write=write, titled=len(files) > 1)
        except PolicyError as error:
            code = EXIT_USAGE
            click.echo(printable_lines(str(error)), err=True)
    return code


def _migrate(name: str, *, write: bool, titled: bool) -> None:
    old = read_policy_text(name)
    new = migrate_text(old, name)
    if new == old:
        click.echo(
            f"{printable(name)}: has the form of version {CURRENT_VERSION} already", err=not write
        )
    if write and new != old:
        kept = replace_policy_file(name, new)
        click.echo(f"{printable(name)}: migrated; what it was is in {printable(kept)}")
    if not write:
        title = f"# {printable(name)}\n" if titled else ""
        # A policy is UTF-8, whatever the terminal is.
        click.echo(f"{title}{new}".encode(), nl=False)


def printable_lines(text: str) -> str:
    """A message of several lines, each made printable."""
    return "\n".join(printable(line) for line in text.splitlines())
