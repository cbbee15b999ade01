"""``vpo process``: make files match policies."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

from vpo.cli.main import EXIT_CODES
from vpo.cli.options import at_least_one, format_option
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_TOOL_MISSING, UsageError
from vpo.policy.choice import PolicyChoice
from vpo.report import report
from vpo.run import Interrupt, Request, Summary, run


@click.command("process", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    required=True,
    metavar="FILE",
    help="Policy to apply; repeat it to apply several, in order, as one plan.",
)
@click.option("-R", "--recursive", is_flag=True, help="Search the folders below, too.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option(
    "-w",
    "--workers",
    type=int,
    callback=at_least_one,
    metavar="N",
    help="Files worked on at the same time; by default 2, but at most half of the cores.",
)
@click.option("--phases", metavar="A,B", help="Apply only these phases of the policies.")
@click.option(
    "--on-error",
    type=click.Choice(["skip", "continue", "fail"]),
    help="What an error leads to, instead of what the policies say.",
)
@click.option(
    "--order",
    type=click.Choice(["auto", "name", "size", "newest"]),
    default="auto",
    show_default=True,
    help="Which files come first.",
)
@click.option("--force", is_flag=True, help="Work also on files known to match, or known to fail.")
@format_option("text", "json", "jsonl")
@click.option("-v", "--verbose", count=True, help="Show every file and its changes.")
@click.option("-q", "--quiet", is_flag=True, help="Show failures only.")
def command(**options: Any) -> int:
    """Make the videos in PATHS match the policies.

    PATHS are files or folders. Each file is changed in at most one rewrite, checked, and only then
    put in the place of the original. Files known to match from an earlier run are passed over.

    \b
    Look at what would happen, then let it happen:
      vpo process -n -R -p english.yaml Videos
      vpo process -R -p english.yaml Videos
    """
    if options["quiet"] and options["verbose"]:
        raise UsageError("--quiet and --verbose exclude each other")
    settings = build({"processing.workers": options["workers"]})
    for warning in settings.warnings:
        click.echo(f"vpo: warning: {warning}", err=True)
    observer = report(options["style"], -1 if options["quiet"] else options["verbose"])
    request = Request(
        paths=options["paths"],
        policies=PolicyChoice(options["policies"], options["phases"]),
        recursive=options["recursive"],
        dry_run=options["dry_run"],
        on_error=options["on_error"],
        order=options["order"],
        force=options["force"],
    )
    with DaemonConnectionPool(settings.data_dir / "vpo.db") as pool, _signals() as interrupt:
        summary = run(request, settings, Store(pool), observer, interrupt)
    return _exit_code(summary)


def _exit_code(summary: Summary) -> int:
    if summary.interrupted:
        return EXIT_INTERRUPTED
    if summary.tool_missing:
        return EXIT_TOOL_MISSING
    return EXIT_FAILED if summary.counts["failed"] or summary.stopped_early else EXIT_OK


@contextlib.contextmanager
def _signals() -> Iterator[Interrupt]:
    """The first Ctrl-C lets the files in progress complete; the second, SIGTERM and a closed
    terminal end the tools at once."""
    interrupt = Interrupt()

    def polite(number: int, frame: FrameType | None) -> None:
        if interrupt.asked:
            at_once(number, frame)
            return
        interrupt.set()
        os.write(2, b"\nfinishing the files in progress; press Ctrl-C again to end them at once\n")

    def at_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        interrupt.set()
        interrupt.end_tools()

    handlers = {signal.SIGINT: polite, signal.SIGTERM: at_once, signal.SIGHUP: at_once}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
