"""``vpo scan``: index the videos in a folder."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from vpo.cli.libraries import refuse_missing_targets, targets
from vpo.cli.options import (
    exclude_option,
    format_option,
    library_option,
    recursive_option,
    scan_workers_option,
)
from vpo.cli.output import print_error, print_json, print_warnings
from vpo.cli.signals import signals_handled
from vpo.config.builder import build
from vpo.config.libraries import excluding
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from vpo.library.scan import Scan, Scanner
from vpo.report.progress import terminal_progress
from vpo.text import counted, display_path, printable

_COUNTS = {
    "new": "new",
    "changed": "changed",
    "unchanged": "unchanged",
    "gone": "gone",
    "unstable": "still being written",
    "acknowledged": "unreadable and acknowledged",
}
_LISTS = ("unreadable", "missing", "notes")
_EXIT_CODES = """\b
Exit codes:
  0    all files are indexed
  1    a file cannot be read
  2    invalid usage or configuration
  130  interrupted"""


@click.command("scan", epilog=_EXIT_CODES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=str))
@library_option
@exclude_option
@recursive_option
@scan_workers_option
@format_option
def command(**options: Any) -> int:
    """Index the videos in PATHS for "vpo library".

    Without PATHS, all libraries of the configuration are indexed.

    Only the database is changed, after what interrupted runs have left is dealt with. Files that
    have not changed since they were indexed are not opened.
    """
    settings = excluding(build({"processing.workers": options["workers"]}), options["exclude"])
    chosen = targets(settings, options["paths"], options["libraries"], None)
    refuse_missing_targets(chosen)
    print_warnings(settings.warnings)
    progress = terminal_progress(sys.stderr, "Scanning", options["output_format"] == "text")
    with DaemonConnectionPool(settings.database_path) as pool, signals_handled() as interrupt:
        forget = Store(pool).forget_file
        found = Scan()
        for item in chosen:
            scanner = Scanner(item.settings, Library(pool), interrupt, progress.show, forget)
            recursive = options["recursive"] or item.library is not None
            found += scanner.scan(item.paths, recursive=recursive)
            if interrupt.stop:
                break
    progress.clear()
    for text in found.notes:
        print_error(text)
    if options["output_format"] == "json":
        print_json(_document(found))
    else:
        _print(found)
    if found.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if found.unreadable else EXIT_OK


def _document(found: Scan) -> dict[str, Any]:
    facts = asdict(found)
    unreadable = [{"path": path, "message": text} for path, text in found.unreadable]
    summary = {key: value for key, value in facts.items() if key not in _LISTS}
    summary["unreadable"] = len(unreadable)
    return {"summary": summary, "unreadable": unreadable, "missing": found.missing}


def _print(found: Scan) -> None:
    parts = [
        f"{getattr(found, key):,} {name}" for key, name in _COUNTS.items() if getattr(found, key)
    ]
    if found.unreadable:
        parts.append(f"{len(found.unreadable):,} unreadable")
    counts = ": " + ", ".join(parts) if parts else ""
    click.echo(f"{counted(found.total, 'file')} in {found.seconds:.1f} s{counts}")
    for path, text in found.unreadable:
        click.echo(f"unreadable: {display_path(path)}: {printable(text)}", err=True)
    if found.missing:
        click.echo(
            f"missing: {counted(len(found.missing), 'indexed file')}, such as "
            f"{display_path(found.missing[0])}: the folder is empty; mount its file system, or "
            "remove the folder if the files are really gone",
            err=True,
        )
