"""``vpo undo``: restore kept originals."""

from __future__ import annotations

import sys
from typing import Any

import click

from vpo.cli import completion
from vpo.cli.options import format_option
from vpo.cli.output import print_error, print_json
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import KeptOriginal
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK
from vpo.run.ignored import ignore_file
from vpo.run.restore import restore_problem
from vpo.run.undo import is_path, kept_originals, settle_beside, undo
from vpo.text import display_path


@click.command("undo")
@click.argument(
    "target",
    metavar="RUN|FILE",
    type=click.Path(path_type=str),
    shell_complete=completion.runs_or_files,
)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be restored; change nothing.")
@click.option(
    "--ignore/--no-ignore",
    default=None,
    help="Leave restored files alone from now on, or not; by default asks on a terminal.",
)
@format_option
def command(target: str, dry_run: bool, ignore: bool | None, output_format: str) -> int:
    """Restore the originals of a run, or of a file that was changed.

    Requires originals that were kept: [originals] keep = "trash". A file that has changed since is
    not touched. On a terminal, asks whether the files shall be left alone from now on.
    """
    settings = build({})
    files: list[dict[str, Any]] = []
    with DaemonConnectionPool(settings.database_path) as pool:
        store = Store(pool)
        if not dry_run and is_path(target):
            for text in settle_beside(store, target):
                print_error(text)
        for item in kept_originals(store, settings, target):
            problem = restore_problem(item) if dry_run else undo(store, item)
            files.append({"path": item.path, "restored": problem is None, "error": problem})
            if output_format == "text":
                _print(item, problem, dry_run=dry_run)
        restored = [] if dry_run else [file["path"] for file in files if file["restored"]]
        ignored = bool(restored) and _is_to_be_ignored(restored, ignore, output_format)
        for path in restored if ignored else ():
            ignore_file(store, path)
    if output_format == "json":
        for file in files:
            file["ignored"] = ignored and file["restored"]
        print_json({"dry_run": dry_run, "files": files})
    return EXIT_OK if all(file["restored"] for file in files) else EXIT_FAILED


def _is_to_be_ignored(paths: list[str], chosen: bool | None, output_format: str) -> bool:
    """Return whether restored files shall be left alone from now on; ask on a terminal."""
    if chosen is not None or output_format != "text" or not sys.stdin.isatty():
        return bool(chosen)
    which = display_path(paths[0]) if len(paths) == 1 else f"these {len(paths)} files"
    return click.confirm(f"Leave {which} alone from now on?", default=False, err=True)


def _print(item: KeptOriginal, problem: str | None, *, dry_run: bool) -> None:
    if problem is None:
        click.echo(f"{'would restore' if dry_run else 'restored'} {display_path(item.path)}")
    else:
        print_error(f"{display_path(item.path)}: {problem}")
