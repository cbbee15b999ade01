"""``vpo doctor``: what of this machine can be used, and what is missing."""

from __future__ import annotations

import json
import sys

import click

from vpo.cli.main import EXIT_CODES
from vpo.cli.options import format_option
from vpo.config.builder import build
from vpo.doctor import Finding, examine
from vpo.errors import EXIT_FAILED, EXIT_OK, EXIT_TOOL_MISSING
from vpo.report import JSON_SCHEMA_VERSION
from vpo.report.text import Console
from vpo.text import padded, printable, width

_SHOWN = {"ok": ("ok", "changed"), "note": ("note", "skipped"), "problem": ("PROBLEM", "failed")}


@click.command("doctor", epilog=EXIT_CODES)
@format_option("text", "json")
def command(style: str) -> int:
    """Say what of this machine vpo can use, and what is missing.

    Tools and their versions; encoders and hardware, each of which has to encode a picture; the
    database, room, rights and the clock. A "note" is what only some policies need. Nothing is
    changed.
    """
    found = list(examine(build({})))
    if style == "json":
        findings = [item._asdict() for item in found]
        click.echo(
            json.dumps({"schema_version": JSON_SCHEMA_VERSION, "findings": findings}, indent=2)
        )
    else:
        _print(found)
    return _exit_code(found)


def _print(found: list[Finding]) -> None:
    console = Console(sys.stdout)
    column = max(width(item.subject) for item in found)
    for item in found:
        word, look = _SHOWN[item.state]
        console.line(f"{word:7}  {padded(item.subject, column)}  {printable(item.message)}", look)
        if item.advice:
            console.line(f"{'':7}  {'':{column}}  -> {printable(item.advice)}")


def _exit_code(found: list[Finding]) -> int:
    problems = {item.subject for item in found if item.state == "problem"}
    if problems & {"tools", "ffmpeg"}:
        return EXIT_TOOL_MISSING
    return EXIT_FAILED if problems else EXIT_OK
