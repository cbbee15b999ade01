"""Cleaning up after runs that died, and the originals that are kept."""

from __future__ import annotations

import os

from vpo.config.builder import Settings
from vpo.db.records import KeptOriginal, RunningOutcome
from vpo.db.store import Store
from vpo.execute import originals, recover, undo
from vpo.record import alive, expired, lock_path, marks


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
    dead = {run.id for run in store.running_runs() if not alive(lock_path(data_dir, run.id))}
    begun = [item for item in store.running_outcomes() if item.run_id in dead]
    done = recover.sweep_folders(os.path.dirname(item.path) for item in begun)
    for item in begun:
        _settle_kept(store, item)
    store.mark_interrupted(dead)
    for mark in marks(data_dir):
        alive(mark)
    return done


def _settle_kept(store: Store, item: RunningOutcome) -> None:
    """An original that was being kept when the run died goes, or is put on record."""
    found = originals.find(os.path.dirname(item.path), item.id)
    if found is None:
        return
    kept, inode = found
    stem = os.path.splitext(item.path)[0]
    for result in (item.path, f"{stem}.mkv", f"{stem}.mp4"):
        status = _status(result)
        if status is not None and status.st_ino == inode:
            kind = "file" if undo.read_name(kept) is None else "header"
            stat = (status.st_size, status.st_mtime_ns, status.st_ino)
            store.note_kept(item.id, (kind, kept, os.stat(kept).st_size), result, stat)
            return
    source = _status(item.path)
    if source is not None and os.path.samestat(source, os.stat(kept)):
        originals.forget(kept)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _expire(store: Store, settings: Settings) -> list[str]:
    gone = expired(store.kept(), settings.config.originals)
    for item in gone:
        originals.forget(item.kept_path)
    if gone:
        store.forget_kept(item.outcome for item in gone)
    return [f"threw away {len(gone)} kept originals, as [originals] says"] if gone else []


def refusal(item: KeptOriginal) -> str | None:
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


def put_back(store: Store, item: KeptOriginal) -> None:
    """Put a kept original back; ``FileError`` if that cannot be done."""
    originals.restore(item.kind, item.kept_path, item.path, item.result_path, item.result_stat)
    store.forget_kept([item.outcome])
    store.forget_file(item.result_path)
