"""``vpo process``: make files match policies."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from vpo.cli.main import EXIT_CODES
from vpo.cli.options import (
    format_option,
    phases_option,
    policy_option,
    recursive_option,
    verbosity_options,
    workers_option,
)
from vpo.cli.signals import heeded
from vpo.cli.workers import chosen_workers
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_TOOL_MISSING, UsageError
from vpo.policy.choice import PolicyChoice
from vpo.report import report
from vpo.run.coordinator import Coordinator
from vpo.run.request import Request
from vpo.run.summary import Summary


@click.command("process", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=str))
@policy_option
@recursive_option
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@workers_option
@phases_option
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
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Let the nodes of this Dask scheduler do the work, as tcp://HOST:8786.",
)
@format_option("text", "json", "jsonl")
@verbosity_options
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
    path = settings.data_dir / "vpo.db"
    with _record(path, dry_run=request.dry_run) as store, heeded() as interrupt:
        workers = chosen_workers(options["cluster"])
        summary = Coordinator(settings, store, observer, interrupt, workers).run(request)
    if summary.interrupted:
        _give_up_dead_outputs()
    return _exit_code(summary)


def _exit_code(summary: Summary) -> int:
    if summary.interrupted:
        return EXIT_INTERRUPTED
    if summary.tool_missing:
        return EXIT_TOOL_MISSING
    return EXIT_FAILED if summary.counts["failed"] or summary.stopped_early else EXIT_OK


@contextlib.contextmanager
def _record(path: Path, *, dry_run: bool) -> Iterator[Store | None]:
    """The library database; for a dry run it is not made: without one, nothing is known."""
    if dry_run and not path.exists():
        yield None
        return
    with DaemonConnectionPool(path, reading=dry_run) as pool:
        yield Store(pool)


def _give_up_dead_outputs() -> None:
    """Let vanish what nobody reads: Python would try once more at its end, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
