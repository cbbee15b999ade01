"""``vpo process``: change videos so that they comply with policies."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from vpo.cli.main import EXIT_CODES
from vpo.cli.options import (
    event_format_option,
    phases_option,
    policy_option,
    recursive_option,
    verbosity_options,
    workers_option,
)
from vpo.cli.output import print_warnings
from vpo.cli.paths import refuse_missing
from vpo.cli.signals import signals_handled
from vpo.cli.workers import chosen_workers
from vpo.config.builder import build
from vpo.db.store import open_store
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_TOOL_MISSING, UsageError
from vpo.policy.policy_files import PolicyFiles
from vpo.report import create_observer
from vpo.run.coordinator import Coordinator
from vpo.run.request import Request
from vpo.run.summary import Summary


@click.command("process", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=str))
@policy_option
@recursive_option
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan of each file; change nothing.")
@workers_option
@phases_option
@click.option(
    "--on-error",
    type=click.Choice(["skip", "continue", "fail"]),
    help="What to do on error; overrides the policies.",
)
@click.option(
    "--order",
    type=click.Choice(["auto", "name", "size", "newest"]),
    default="auto",
    show_default=True,
    help="Order in which files are processed.",
)
@click.option("--force", is_flag=True, help="Also process files known to comply, or known to fail.")
@click.option(
    "--salvage",
    is_flag=True,
    help="Rewrite damaged files with what can be read, and keep their originals.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Process files on the nodes of this Dask scheduler, such as tcp://HOST:8786.",
)
@event_format_option
@verbosity_options
def command(**options: Any) -> int:
    """Change the videos in PATHS so that they comply with the policies.

    PATHS are files or folders. Each file is rewritten at most once, and the result is verified
    before it replaces the original. Files known to comply from an earlier run are skipped.

    \b
    Preview the changes, then make them:
      vpo process -n -R -p english.yaml Videos
      vpo process -R -p english.yaml Videos
    """
    if options["quiet"] and options["verbose"]:
        raise UsageError("--quiet and --verbose cannot be used together")
    refuse_missing(options["paths"])
    damaged = "salvage" if options["salvage"] else None
    settings = build({"processing.workers": options["workers"], "files.damaged": damaged})
    print_warnings(settings.warnings)
    verbosity = -1 if options["quiet"] else options["verbose"]
    observer = create_observer(options["output_format"], verbosity)
    request = Request(
        paths=options["paths"],
        policies=PolicyFiles(options["policies"], options["phases"]),
        recursive=options["recursive"],
        dry_run=options["dry_run"],
        on_error=options["on_error"],
        order=options["order"],
        force=options["force"],
    )
    path, dry_run = settings.database_path, request.dry_run
    with open_store(path, dry_run=dry_run) as store, signals_handled() as interrupt:
        workers = chosen_workers(options["cluster"])
        summary = Coordinator(settings, store, observer, interrupt, workers).run(request)
    if summary.interrupted:
        _drop_unwritable_output()
    return _exit_code(summary)


def _exit_code(summary: Summary) -> int:
    if summary.interrupted:
        return EXIT_INTERRUPTED
    if summary.tool_missing:
        return EXIT_TOOL_MISSING
    return EXIT_FAILED if summary.counts["failed"] or summary.stopped_early else EXIT_OK


def _drop_unwritable_output() -> None:
    """Drop buffered output that cannot be written: Python would retry, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
