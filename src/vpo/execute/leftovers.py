"""Cleanup after a killed run: temporary files, unfinished header edits and renames."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from vpo.discover import is_leftover
from vpo.errors import FileError, LockedError, SourceChangedError
from vpo.execute import rename, undo_file
from vpo.execute.lock import FileLock
from vpo.execute.lock_file import LOCK_EXTENSION, open_locked, remove_locked
from vpo.execute.workspace import PREFIX_END, TEMPORARY_EXTENSION


def clean_up_leftovers(leftovers: Iterable[str]) -> list[str]:
    """Clean up leftover files of vpo; return messages about what was or could not be done.

    A locked file belongs to a running vpo and is not touched.
    """
    done = []
    for path in leftovers:
        try:
            done += _clean_up_file(path)
        except (OSError, FileError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            done.append(f"{path}, left by an interrupted run, cannot be cleaned up: {reason}")
    return done


def _clean_up_file(path: str) -> list[str]:
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return []
    if path.endswith(undo_file.UNDO_EXTENSION):
        return _roll_back(path)
    if path.endswith(rename.NOTE_EXTENSION):
        return rename.roll_back_rename(path)
    if path.endswith(LOCK_EXTENSION):
        return _remove_lock(path)
    # A tool's own file is not locked, but the one with whose name it begins; that one goes first.
    folder, name = os.path.split(path)
    owner, end, _ = name.partition(TEMPORARY_EXTENSION + PREFIX_END)
    orphaned = end and not os.path.lexists(os.path.join(folder, owner + TEMPORARY_EXTENSION))
    if (orphaned or path.endswith(TEMPORARY_EXTENSION)) and _remove(path):
        return [f"removed {path}, left by an interrupted run"]
    return []


def clean_up_folders(folders: Iterable[str]) -> list[str]:
    """Clean up the leftovers in these folders; missing folders are ignored."""
    leftovers = []
    for folder in sorted(set(folders)):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            leftovers += [e.path for e in entries if is_leftover(e.name)]
    return clean_up_leftovers(sorted(leftovers))


def _remove(path: str) -> bool:
    fd = open_locked(path)
    if fd is None:
        return False
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return False
        if undo_file.media_path(path) is not None:
            # The undo file was incomplete when it was first read, and is complete now.
            return False
        os.unlink(path)
        return True
    finally:
        os.close(fd)


def _remove_lock(path: str) -> list[str]:
    fd = open_locked(path)
    if fd is None:
        return []
    try:
        remove_locked(path, fd)
    finally:
        os.close(fd)
    return [f"removed {path}, left by an interrupted run"]


def _roll_back(path: str) -> list[str]:
    """Roll back a header edit, unless a run or tool still holds the lock on its file."""
    media = undo_file.media_path(path)
    if media is None:
        return [f"removed {path}, left by an interrupted run"] if _remove(path) else []
    try:
        with FileLock(media):
            if not os.path.lexists(path):
                return []
            fd = os.open(media, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                restored = undo_file.roll_back(path, fd)
            finally:
                os.close(fd)
            os.unlink(path)
    except LockedError:
        return []
    except SourceChangedError:
        if os.path.lexists(media):
            raise
        os.unlink(path)
        return [f"removed {path}: its media file is gone"]
    if restored:
        return [f"rolled back {media}, which an interrupted run was editing"]
    return [f"removed {path}: {media} was replaced since"]
