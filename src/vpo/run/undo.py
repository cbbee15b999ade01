"""The kept originals that a file or a run has, and restoring them."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NoReturn

from vpo.config.builder import Settings
from vpo.db.records import KeptOriginal, OutcomeRow, Run
from vpo.db.store import Store
from vpo.discover import leftovers_beside
from vpo.errors import FileError, UsageError
from vpo.execute.leftovers import clean_up_leftovers
from vpo.run.restore import record_found_originals, restore_original


def is_path(target: str) -> bool:
    """Return whether the target of an undo is a file, and not the id of a run."""
    return os.path.lexists(target) or os.sep in target


def settle_beside(store: Store, target: str) -> list[str]:
    """Deal with what killed runs have left beside a file; return messages."""
    return list(clean_up_leftovers(leftovers_beside([target]), store.forget_file))


def kept_originals(store: Store, settings: Settings, target: str) -> list[KeptOriginal]:
    """Return the originals of a run, or the last one of a file; raise ``UsageError`` for none."""
    if is_path(target):
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


def undo(store: Store, item: KeptOriginal) -> str | None:
    """Restore an original; return why it was not, or ``None``."""
    try:
        restore_original(store, item)
    except FileError as error:
        return str(error)
    return None


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
