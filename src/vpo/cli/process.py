"""``vpo process``: change videos so that they comply with policies."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

import click

from vpo.cli.libraries import (
    Target,
    in_turn,
    refuse_missing_targets,
    targets,
)
from vpo.cli.main import EXIT_CODES
from vpo.cli.options import (
    at_least,
    chosen_observer,
    event_format_option,
    exclude_option,
    library_option,
    phases_option,
    policy_option,
    recursive_option,
    report_options,
    workers_option,
)
from vpo.cli.output import print_warnings
from vpo.cli.signals import signals_handled
from vpo.cli.workers import chosen_workers
from vpo.config.builder import Settings, build, require_temporary_folder
from vpo.config.libraries import excluding
from vpo.db.store import open_store
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_TOOL_MISSING, UsageError
from vpo.policy.policy_files import PolicyFiles
from vpo.run.coordinator import Coordinator
from vpo.run.observer import Observer
from vpo.run.request import Request
from vpo.run.summary import Summary


@click.command("process", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=str))
@policy_option
@library_option
@exclude_option
@recursive_option
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan of each file; change nothing.")
@click.option(
    "--estimate",
    is_flag=True,
    help="With --dry-run: estimate how long the changes would take, and how much they would save.",
)
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
@click.option(
    "--limit",
    type=int,
    callback=partial(at_least, 1),
    metavar="N",
    help="Process at most N files of each library; those known to comply do not count.",
)
@click.option(
    "--files-from",
    type=click.File("rb"),
    metavar="FILE",
    help="Read further PATHS from this file, one a line, or separated by null characters; - is"
    " standard input.",
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
@report_options
def command(**options: Any) -> int:
    """Change the videos in PATHS so that they comply with the policies.

    PATHS are files or folders; without them, all libraries of the configuration are processed, each
    with its own policy. Each file is rewritten at most once, and the result is verified
    before it replaces the original. Files known to comply from an earlier run are skipped.

    \b
    Preview the changes, then make them:
      vpo process -n -R -p english.yaml Videos
      vpo process -R -p english.yaml Videos

    \b
    Process the libraries of the configuration:
      vpo process
    """
    observer = chosen_observer(options)
    damaged = "salvage" if options["salvage"] else None
    settings = build({"processing.workers": options["workers"], "files.damaged": damaged})
    print_warnings(settings.warnings)
    settings = excluding(settings, options["exclude"])
    paths = options["paths"] + _listed_paths(options["files_from"])
    if options["files_from"] is not None and not paths:
        print_warnings(["--files-from names no path; nothing is done"])
        return EXIT_OK
    found = targets(settings, paths, options["libraries"], options["policies"])
    refuse_missing_targets(found)
    if options["cluster"] is None:  # the nodes have their own
        require_temporary_folder(settings)
    if options["estimate"] and not options["dry_run"]:
        raise UsageError("--estimate needs --dry-run: it estimates the changes that that shows")
    summaries = _run(found, options, settings, observer)
    if summaries[-1].interrupted:
        _drop_unwritable_output()
    return _exit_code(summaries)


def _run(
    found: Sequence[Target], options: Mapping[str, Any], settings: Settings, observer: Observer
) -> list[Summary]:
    """Process the targets, one after the other, and return their summaries."""
    # All policies are read before any file is changed.
    requests = {target.name: _request(target, options) for target in found}
    summaries: list[Summary] = []
    path, dry_run = settings.database_path, options["dry_run"]
    with open_store(path, dry_run=dry_run) as store, signals_handled() as interrupt:
        for target in in_turn(found, settings):
            workers = chosen_workers(options["cluster"])
            by = Coordinator(target.settings, store, observer, interrupt, workers)
            summaries.append(by.run(requests[target.name]))
            if interrupt.stop:
                break
    return summaries


def _listed_paths(file: BinaryIO | None) -> tuple[str, ...]:
    """Return the paths in a list: with null characters between them, or one a line."""
    if file is None:
        return ()
    data = file.read()
    parts = data.split(b"\0") if b"\0" in data else data.split(b"\n")
    return tuple(os.fsdecode(part) for part in parts if part)


def _request(target: Target, options: Mapping[str, Any]) -> Request:
    library = target.library
    return Request(
        paths=target.paths,
        policies=PolicyFiles(target.policies, options["phases"]),
        recursive=options["recursive"] or library is not None,
        dry_run=options["dry_run"],
        on_error=options["on_error"] or (library.on_error if library else None),
        order=options["order"],
        force=options["force"],
        limit=options["limit"],
        library=target.name,
        estimate=options["estimate"],
    )


def _exit_code(summaries: Sequence[Summary]) -> int:
    if any(summary.interrupted for summary in summaries):
        return EXIT_INTERRUPTED
    if any(summary.tool_missing for summary in summaries):
        return EXIT_TOOL_MISSING
    failed = any(summary.counts["failed"] or summary.stopped_early for summary in summaries)
    return EXIT_FAILED if failed else EXIT_OK


def _drop_unwritable_output() -> None:
    """Drop buffered output that cannot be written: Python would retry, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
