"""Cleanup after killed runs, and the kept originals."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import datetime, timezone

from vpo.config.builder import Settings
from vpo.config.models import Originals
from vpo.db.records import KeptOriginal, RunningOutcome
from vpo.db.store import Store
from vpo.execute import originals, recover
from vpo.run.recorder import DAY_SECONDS, expired, is_alive, lock_path, run_locks


def clean_up(store: Store, settings: Settings) -> list[str]:
    """Clean up after killed runs and delete expired originals; return messages about it."""
    done = _recover(store, settings)
    scratch = settings.config.files.temporary_folder
    if scratch is not None:
        done += recover.sweep_folders([os.fspath(scratch)])
    return done + _expire(store, settings)


def _recover(store: Store, settings: Settings) -> list[str]:
    data_dir = settings.data_dir
    killed = {run.id for run in store.running_runs() if not is_alive(lock_path(data_dir, run.id))}
    running = [item for item in store.running_outcomes() if item.run_id in killed]
    done = recover.sweep_folders(os.path.dirname(item.path) for item in running)
    for item in running:
        _finish_keeping(store, item)
    store.mark_interrupted(killed)
    for path in run_locks(data_dir):
        is_alive(path)
    return done


def _finish_keeping(store: Store, item: RunningOutcome) -> None:
    """Record or delete the original that a killed run was keeping."""
    found = originals.find_original(os.path.dirname(item.path), item.id)
    if found is None:
        return
    result = found.result(os.path.dirname(item.path))
    if result is not None:
        kept = (found.kind, found.path, os.stat(found.path).st_size)
        store.record_kept(item.id, kept, result, found.stat)
        return
    source = _status(item.path)
    if source is not None and os.path.samestat(source, os.stat(found.path)):
        originals.delete_original(found.path)


def record_found_originals(store: Store, folders: Iterable[str], limits: Originals) -> list[str]:
    """Record kept originals that are missing in the database, which was lost or replaced.

    Searches these folders. Deletes expired originals whose result is gone. Returns messages.
    """
    found = {item.key: item for folder in folders for item in originals.list_originals(folder)}
    lost = [found[key] for key in store.without_original(found)]
    recorded = [item for item in map(_kept, lost) if item is not None]
    if recorded:
        store.record_found(recorded)
    known = {item.kept_path for item in recorded}
    expired_lost = [
        item for item in lost if item.path not in known and _is_expired(item.path, limits)
    ]
    for item in expired_lost:
        originals.delete_original(item.path)
    messages = []
    if recorded:
        messages.append(f"found {_originals(len(recorded))} not in the database")
    if expired_lost:
        messages.append(f"deleted {_originals(len(expired_lost))} of files that are gone")
    return messages


def _originals(count: int) -> str:
    return f"{count} kept original{'s' if count != 1 else ''}"


def _kept(found: originals.StoredOriginal) -> KeptOriginal | None:
    try:
        status = os.stat(found.path)
        result = found.result(os.path.dirname(os.path.dirname(found.path)))
    except OSError:
        return None
    if result is None:
        return None
    since = datetime.fromtimestamp(status.st_ctime, timezone.utc)
    path = found.original(result)
    return KeptOriginal(
        found.key, path, found.kind, found.path, status.st_size, result, found.stat, since
    )


def _is_expired(path: str, limits: Originals) -> bool:
    """Return whether a kept original is too old; its age counts from the change of its inode."""
    status = _status(path)
    return status is not None and time.time() - status.st_ctime > limits.days * DAY_SECONDS


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _expire(store: Store, settings: Settings) -> list[str]:
    gone = expired(store.kept(), settings.config.originals)
    for item in gone:
        originals.delete_original(item.kept_path)
    if gone:
        store.forget_kept(item.outcome for item in gone)
    return [f"deleted {_originals(len(gone))}: too old, or too large in total"] if gone else []


def restore_problem(item: KeptOriginal) -> str | None:
    """Return why a kept original cannot be restored; ``None`` if it can."""
    if _status(item.kept_path) is None:
        return "its original is no longer kept"
    now = _status(item.result_path)
    if now is None:
        return "the file is no longer there"
    if (now.st_size, now.st_mtime_ns, now.st_ino) != item.result_stat:
        return "the file has changed since; it is left as it is now"
    if item.path != item.result_path and _status(item.path) is not None:
        return f"{item.path} exists; move it away first"
    return None


def restore_original(store: Store, item: KeptOriginal) -> None:
    """Restore a kept original; raise ``FileError`` if that is impossible."""
    originals.restore(item.kind, item.kept_path, item.path, item.result_path, item.result_stat)
    store.record_undone(item.outcome)
    store.forget_file(item.result_path)
