"""``vpo scan``: put on record what there is."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from vpo.cli.main import EXIT_CODES
from vpo.cli.options import format_option, recursive_option, workers_option
from vpo.cli.signals import heeded
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from vpo.library.scan import Scan, scan
from vpo.report import JSON_SCHEMA_VERSION
from vpo.report.text import ProgressLine
from vpo.text import counted, display_path, printable

_COUNTS = {
    "new": "new",
    "changed": "changed",
    "unchanged": "as they were",
    "gone": "gone",
    "unstable": "changing just now",
}


@click.command("scan", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=str))
@recursive_option
@workers_option
@format_option("text", "json")
def command(paths: tuple[str, ...], recursive: bool, workers: int | None, style: str) -> int:
    """Put on record what the videos in PATHS are, for "vpo library".

    Nothing is changed but the database. Files that are on record as they are now are not opened.
    """
    settings = build({"processing.workers": workers})
    for warning in settings.warnings:
        click.echo(f"vpo: warning: {warning}", err=True)
    line = ProgressLine(sys.stderr, enabled=style == "text", doing="Scanning")
    with DaemonConnectionPool(settings.data_dir / "vpo.db") as pool, heeded() as interrupt:
        found = scan(paths, settings, Library(pool), interrupt, line.show, recursive=recursive)
    line.clear()
    if style == "json":
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)
    if found.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if found.unreadable else EXIT_OK


def _document(found: Scan) -> dict[str, Any]:
    facts = asdict(found)
    unreadable = [{"path": path, "message": text} for path, text in found.unreadable]
    summary = {key: value for key, value in facts.items() if key not in ("unreadable", "missing")}
    summary["unreadable"] = len(unreadable)
    return {
        "schema_version": JSON_SCHEMA_VERSION,
        "summary": summary,
        "unreadable": unreadable,
        "missing": found.missing,
    }


def _print(found: Scan) -> None:
    parts = [
        f"{getattr(found, key):,} {name}" for key, name in _COUNTS.items() if getattr(found, key)
    ]
    parts += [f"{len(found.unreadable):,} unreadable"] * bool(found.unreadable)
    counts = ": " + ", ".join(parts) if parts else ""
    click.echo(f"{counted(found.total, 'file')} in {found.seconds:.1f} s{counts}")
    for path, text in found.unreadable:
        click.echo(f"unreadable: {display_path(path)}: {printable(text)}", err=True)
    if found.missing:
        click.echo(
            f"missing: {counted(len(found.missing), 'file')} on record, as "
            f"{display_path(found.missing[0])}: the folder is empty; mount its file system, or "
            "remove the folder if the files are really gone",
            err=True,
        )
