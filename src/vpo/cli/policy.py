"""``vpo policy``: check, test, explain and migrate policies; print their schema."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import click

from vpo.cli import policy_cases
from vpo.cli.options import format_option
from vpo.cli.output import print_json, print_problem, print_warnings
from vpo.cli.paths import refuse_missing
from vpo.config.builder import build
from vpo.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, PolicyError, ProbeError
from vpo.execute.writers import as_carried_out
from vpo.plan.explain import explain
from vpo.plugins.metadata import fetch_metadata
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.inheritance import MergedPolicy
from vpo.policy.loader import (
    PolicyLines,
    load_text,
    migrate_text,
    replace_policy_file,
)
from vpo.policy.migration import CURRENT_VERSION
from vpo.policy.policy_files import PolicyFiles
from vpo.policy.policy_text import read_policy
from vpo.policy.schema import json_schema
from vpo.policy.yaml_source import read_policy_text, write_yaml
from vpo.probe.cues import read_cues, read_sidecar
from vpo.probe.reader import probe_file
from vpo.report.explain import explanation_json, explanation_lines
from vpo.report.text import Console
from vpo.run.policy_faults import CheckedPolicy, check_policy_text
from vpo.run.sidecar_facts import sidecar_facts
from vpo.run.workers import installed_tools
from vpo.text import printable


@click.group("policy")
def command() -> None:
    """Check, test, explain and migrate policies; print their schema."""


command.add_command(policy_cases.test)
command.add_command(policy_cases.new_case_command)


@command.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
@format_option
def _check(files: tuple[str, ...], output_format: str) -> int:
    """Check whether policies are valid, and what in them will fail.

    Shows every error, with file, line and column where it has one.
    """
    found = [_checked(name) for name in files]
    if output_format == "json":
        print_json({"policies": [item._asdict() for item in found]})
    for item in found:
        print_warnings(item.warnings)
        if item.error:
            print_problem(item.error)
            continue
        if output_format == "text":
            phases = printable(", ".join(item.phases))
            click.echo(f"{printable(item.path)}: ok; phases: {phases}")
    return EXIT_USAGE if any(item.error for item in found) else EXIT_OK


def _checked(name: str) -> CheckedPolicy:
    try:
        text = read_policy(name)
    except PolicyError as error:
        return CheckedPolicy(name, [], [], str(error))
    return check_policy_text(text, build({}).config.plugins)


@command.command("explain")
@click.argument("policy", type=click.Path(path_type=str))
@click.argument("file", type=click.Path(path_type=str))
@click.option("--phases", metavar="A,B", help="Only these phases of the policy.")
@format_option
def _explain(policy: str, file: str, phases: str | None, output_format: str) -> int:
    """Explain what POLICY decides for FILE, and why.

    Shows each decision with its line of the policy. Nothing is changed.
    """
    choice = PolicyFiles((policy,), phases)
    print_warnings(choice.warnings)
    lines = PolicyLines(choice.texts[0])
    refuse_missing([file])
    try:
        media = probe_file(os.path.realpath(file))
    except ProbeError as error:
        raise ProbeError(f"{file}: {error}") from None
    settings = build({})
    metadata = fetch_metadata(settings.config, choice, [media.path])
    print_warnings(metadata.warnings)
    beside = sidecar_facts(media, read_sidecar, read_cues) if choice.uses_sidecars else None
    facts = ExternalFacts(metadata.of(media.path), now_ns=time.time_ns(), sidecars=beside)
    plan, stories = explain(choice.policies[0], media, facts)
    plan = as_carried_out(plan, installed_tools(settings))
    if output_format == "json":
        print_json(explanation_json(policy, plan, stories, lines))
    else:
        console = Console(sys.stdout)
        for line, style in explanation_lines(plan, stories, lines):
            console.line(line, style)
    return EXIT_FAILED if plan.error else EXIT_OK


@command.command("show")
@click.argument("file", type=click.Path(path_type=str))
@format_option
def _show(file: str, output_format: str) -> int:
    """Show a policy merged with those that it extends.

    The result is a policy of the current version that means the same.
    """
    text = read_policy(file)
    load_text(text)
    found = MergedPolicy.of(text)
    if output_format == "json":
        print_json({"path": file, "policy": found.data, "files": [p.name for p in text.chain()]})
    else:
        click.echo(write_yaml(found.data).encode(), nl=False)
    return EXIT_OK


@command.command("schema")
def _schema() -> None:
    """Print the JSON Schema of policies, for editors."""
    click.echo(json.dumps(json_schema(), indent=2))


@command.command("migrate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
@click.option("--write", is_flag=True, help="Replace each FILE; the old one is kept as FILE.v12.")
@format_option
def _migrate(files: tuple[str, ...], write: bool, output_format: str) -> int:
    """Convert policies of versions 11 and 12 to version 13.

    Comments are kept with their keys. The policy is not checked otherwise.
    """
    found = []
    for name in files:
        item = _migrated(name, write=write)
        found.append(item)
        if item["error"]:
            print_problem(item["error"])
        elif output_format == "text":
            _print_migrated(item, write=write, titled=len(files) > 1)
    if output_format == "json":
        print_json({"policies": found})
    return EXIT_USAGE if any(item["error"] for item in found) else EXIT_OK


def _migrated(name: str, *, write: bool) -> dict[str, Any]:
    """Convert a policy, and with ``write`` replace it; ``kept`` is the copy of the old one."""
    try:
        old = read_policy_text(name)
        new = migrate_text(old, name)
        kept = str(replace_policy_file(name, new)) if write and new != old else None
    except PolicyError as error:
        return {"path": name, "changed": False, "text": None, "kept": None, "error": str(error)}
    return {"path": name, "changed": new != old, "text": new, "kept": kept, "error": None}


def _print_migrated(item: dict[str, Any], *, write: bool, titled: bool) -> None:
    name = printable(item["path"])
    if not item["changed"]:
        click.echo(f"{name}: is version {CURRENT_VERSION} already", err=not write)
    if item["kept"]:
        click.echo(f"{name}: migrated; the old policy is {printable(item['kept'])}")
    if not write:
        title = f"# {name}\n" if titled else ""
        # A policy is UTF-8, whatever the encoding of the terminal is.
        click.echo(f"{title}{item['text']}".encode(), nl=False)
