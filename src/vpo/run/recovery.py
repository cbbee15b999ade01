"""Cleaning up after runs that died, and the originals that are kept."""

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
    """What a run does first: deal with runs that died, and with originals kept long enough.

    Returns what was done, in words.
    """
    done = _recover(store, settings)
    scratch = settings.config.files.temporary_folder
    if scratch is not None:
        done += recover.sweep_folders([os.fspath(scratch)])
    return done + _expire(store, settings)


def _recover(store: Store, settings: Settings) -> list[str]:
    data_dir = settings.data_dir
    dead = {run.id for run in store.running_runs() if not is_alive(lock_path(data_dir, run.id))}
    begun = [item for item in store.running_outcomes() if item.run_id in dead]
    done = recover.sweep_folders(os.path.dirname(item.path) for item in begun)
    for item in begun:
        _finish_keeping(store, item)
    store.mark_interrupted(dead)
    for mark in run_locks(data_dir):
        is_alive(mark)
    return done


def _finish_keeping(store: Store, item: RunningOutcome) -> None:
    """An original that was being kept when the run died goes, or is put on record."""
    found = originals.find_original(os.path.dirname(item.path), item.id)
    if found is None:
        return
    result = found.result(os.path.dirname(item.path))
    if result is not None:
        kept = (found.kind, found.path, os.stat(found.path).st_size)
        store.note_kept(item.id, kept, result, found.stat)
        return
    source = _status(item.path)
    if source is not None and os.path.samestat(source, os.stat(found.path)):
        originals.delete_original(found.path)


def record_found_originals(store: Store, folders: Iterable[str], limits: Originals) -> list[str]:
    """Put on record the originals kept for files of these folders that the database knows nothing
    of: it was lost, or is another. What was done, in words.

    One whose result is no longer there goes when its time is over, as nobody else looks for it.
    """
    found = {item.key: item for folder in folders for item in originals.list_originals(folder)}
    lost = [found[key] for key in store.without_original(found)]
    adopted = [item for item in map(_kept, lost) if item is not None]
    if adopted:
        store.adopt_kept(adopted)
    known = {item.kept_path for item in adopted}
    over = [item for item in lost if item.path not in known and _is_over(item.path, limits)]
    for item in over:
        originals.delete_original(item.path)
    texts = [f"found {len(adopted)} kept originals that were not on record"] if adopted else []
    return texts + ([f"threw away {len(over)} kept originals of files that are gone"] * bool(over))


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


def _is_over(path: str, limits: Originals) -> bool:
    """The second name of an original counts from when it was made, which is the last change of its
    inode."""
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
    return [f"threw away {len(gone)} kept originals, as [originals] says"] if gone else []


def restore_problem(item: KeptOriginal) -> str | None:
    """Why a kept original could not be put back as things are now; ``None`` if it could."""
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
    """Put a kept original back; ``FileError`` if that cannot be done."""
    originals.restore(item.kind, item.kept_path, item.path, item.result_path, item.result_stat)
    store.note_undone(item.outcome)
    store.forget_file(item.result_path)
