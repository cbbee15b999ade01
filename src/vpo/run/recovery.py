"""Cleanup after killed runs, and of expired originals."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vpo.config.builder import Settings
from vpo.db.records import Kept, RunningOutcome
from vpo.db.store import Store, open_store
from vpo.discover import leftovers_beside
from vpo.errors import DatabaseError
from vpo.execute import leftovers, originals
from vpo.run.recorder import expired, is_alive, lock_path, run_locks
from vpo.text import counted


def clean_up(store: Store, settings: Settings) -> list[str]:
    """Clean up after killed runs and delete expired originals; return messages about it."""
    done = _clean_up_killed_runs(store, settings)
    scratch = settings.config.files.temporary_folder
    if scratch is not None:
        done += leftovers.clean_up_folders([os.fspath(scratch)], store.forget_file)
    return done + _expire(store, settings)


def repair_beside(paths: Iterable[str], database: Path) -> list[str]:
    """Deal with what killed runs have left beside these files, before they are looked at.

    Returns messages.
    """
    beside = leftovers_beside(paths)
    if not beside:
        return []
    try:
        with open_store(database, dry_run=not database.exists()) as store:
            forget = leftovers.ignore_record if store is None else store.forget_file
            return list(leftovers.clean_up_leftovers(beside, forget))
    except DatabaseError as error:
        return [f"what an interrupted run has left was not cleaned up: {error}"]


def _clean_up_killed_runs(store: Store, settings: Settings) -> list[str]:
    data_dir = settings.data_dir
    runs = [run for run in store.running_runs() if not is_alive(lock_path(data_dir, run.id))]
    killed = {run.id for run in runs}
    running = [item for item in store.running_outcomes() if item.run_id in killed]
    folders = {os.path.dirname(item.path) for item in running}
    done = leftovers.clean_up_folders(folders, store.forget_file)
    for item in running:
        _finish_keeping(store, item)
    # After a power cut, the last outcomes of a run may be missing, and its header edits not.
    paths = {path for run in runs for path in run.options.get("paths", ())}
    store.forget_changed(paths, _changed_at)
    store.mark_interrupted(killed)
    for path in run_locks(data_dir):
        is_alive(path)
    return done


def _changed_at(path: str) -> float | None:
    """Return when the file was last changed; its modification time says what vpo has set.

    FAT and servers of SMB repeat the modification time, which is then all that is known.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return None if status.st_ctime_ns == status.st_mtime_ns else status.st_ctime


def _finish_keeping(store: Store, item: RunningOutcome) -> None:
    """Record or delete the original that a killed run was keeping."""
    found = originals.find_original(os.path.dirname(item.path), item.id)
    if found is None:
        return
    result = found.result(os.path.dirname(item.path))
    if result is not None:
        kept = Kept(found.kind, found.path, os.stat(found.path).st_size)
        store.record_kept(item.id, kept, result, found.stat)
        return
    if os.path.lexists(item.path) and os.path.samestat(os.lstat(item.path), os.stat(found.path)):
        originals.delete_original(found.path)


def _expire(store: Store, settings: Settings) -> list[str]:
    gone = expired(store.kept(), settings.config.originals)
    for item in gone:
        originals.delete_original(item.kept_path)
    if not gone:
        return []
    store.forget_kept(item.outcome for item in gone)
    return [f"deleted {counted(len(gone), 'kept original')}: too old, or too large in total"]
