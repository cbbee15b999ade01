"""``vpo doctor``: check tools, encoders and the database."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from vpo.cli.options import table_format_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.doctor import CheckResult, run_checks
from vpo.errors import EXIT_FAILED, EXIT_OK, EXIT_TOOL_MISSING
from vpo.report.table import write_csv
from vpo.report.text import Console
from vpo.text import padded, printable, width

_LABELS = {"ok": ("ok", "changed"), "info": ("info", "skipped"), "problem": ("PROBLEM", "failed")}
_EXIT_CODES = """\b
Exit codes:
  0    no problem was found
  1    a problem was found
  2    invalid usage or configuration
  3    ffmpeg is missing, or a configured tool is not a program"""


@click.command("doctor", epilog=_EXIT_CODES)
@click.option(
    "--test-message", is_flag=True, help="Send a test message to each target of notifications."
)
@table_format_option
def command(test_message: bool, output_format: str) -> int:
    """Check which tools and encoders are available, and what is missing.

    Checks the tools and their versions, encodes a frame with each encoder and device, and checks
    the database, free space, permissions, the clock, and the configured servers. "info" concerns
    only some policies.
    Nothing is changed.
    """
    results = list(run_checks(build({}), test_message))
    if output_format == "json":
        print_json({"checks": [item._asdict() for item in results]})
    elif output_format == "csv":
        write_csv(sys.stdout, CheckResult._fields, results)
    else:
        _print(results)
    return _exit_code(results)


def _print(results: Sequence[CheckResult]) -> None:
    console = Console(sys.stdout)
    column = max(width(item.subject) for item in results)
    for item in results:
        label, style = _LABELS[item.state]
        subject = padded(item.subject, column)
        console.line(f"{label:7}  {subject}  {printable(item.message)}", style)
        if item.advice:
            console.line(f"{'':7}  {'':{column}}  -> {printable(item.advice)}")


def _exit_code(results: Sequence[CheckResult]) -> int:
    problems = {item.subject for item in results if item.state == "problem"}
    if problems & {"tools", "ffmpeg"}:
        return EXIT_TOOL_MISSING
    return EXIT_FAILED if problems else EXIT_OK
