"""``vpo undo``: restore kept originals."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Any, NoReturn

import click

from vpo.cli import completion
from vpo.cli.ignore import ignore_file
from vpo.cli.options import format_option
from vpo.cli.output import print_error, print_json
from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import KeptOriginal, OutcomeRow, Run
from vpo.db.store import Store
from vpo.discover import leftovers_beside
from vpo.errors import EXIT_FAILED, EXIT_OK, FileError, UsageError
from vpo.execute.leftovers import clean_up_leftovers
from vpo.run.restore import record_found_originals, restore_original, restore_problem
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
        if not dry_run and _is_path(target):
            for text in clean_up_leftovers(leftovers_beside([target]), store.forget_file):
                print_error(text)
        for item in _kept_originals(store, settings, target):
            problem = restore_problem(item) if dry_run else _restore(store, item)
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


def _is_path(target: str) -> bool:
    return os.path.lexists(target) or os.sep in target


def _restore(store: Store, item: KeptOriginal) -> str | None:
    """Restore an original; return why it was not, or ``None``."""
    try:
        restore_original(store, item)
    except FileError as error:
        return str(error)
    return None


def _kept_originals(store: Store, settings: Settings, target: str) -> list[KeptOriginal]:
    if _is_path(target):
        path = os.path.realpath(target)
        if os.path.isdir(path):
            raise UsageError(
                f"{target} is a folder; name a file in it, or a run: vpo history lists them"
            )
        record_found_originals(store, [os.path.dirname(path)], settings.config.originals)
        found = store.kept(path=path)[:1]
        undone = store.last_undone(path=path)
        return found or _refuse(target, undone, settings)
    run = store.run(target)
    found = store.kept(run_id=run.id)
    return found or _refuse_run(store, settings, target, run)


def _refuse_run(store: Store, settings: Settings, target: str, run: Run) -> NoReturn:
    """Raise ``UsageError`` for a run of which nothing can be restored; name one that can."""
    last = store.last_kept()
    other = ""
    if last is not None:
        when = _time(last.started_at)
        other = f"; the last run that can be undone is of {when}: vpo undo {last.id[:8]}"
    undone = store.last_undone(run_id=run.id)
    if undone is None and not any(map(_has_changed, store.outcomes(run.id))):
        when = _time(run.started_at)
        raise UsageError(f"run {run.id[:8]} of {when} changed no file{other}")
    _refuse(target, undone, settings, other)


def _has_changed(row: OutcomeRow) -> bool:
    """Return whether a file was changed, if only in part."""
    return row.status in ("changed", "failed") and row.strategy not in (None, "none")


def _refuse(target: str, undone: datetime | None, settings: Settings, other: str = "") -> NoReturn:
    if undone is not None:
        when = _time(undone)
        raise UsageError(
            f"{target} was undone already, at {when}; nothing is left to restore{other}"
        )
    hint = "" if settings.config.originals.keep == "trash" else '; [originals] keep is "none"'
    raise UsageError(f"no original of {target} was kept{hint}{other}")


def _time(when: datetime) -> str:
    return when.astimezone().strftime("%Y-%m-%d %H:%M")
