"""Clean up what a killed run left: temporary files that nobody holds, header edits half done."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterable

from vpo.discover import LEFTOVER_PREFIX
from vpo.execute import undo
from vpo.execute.lock import try_lock
from vpo.execute.workspace import TEMPORARY_SUFFIX

log = logging.getLogger(__name__)


def sweep(leftovers: Iterable[str]) -> list[str]:
    """Deal with files whose names are vpo's; what was done, in words.

    A file that belongs to a run that is alive is locked and left alone.
    """
    done = []
    for path in leftovers:
        try:
            if path.endswith(undo.UNDO_SUFFIX):
                done += _roll_back(path)
            elif path.endswith(TEMPORARY_SUFFIX) and _remove(path):
                done.append(f"removed {path}, left by an interrupted run")
        except OSError as error:
            log.warning(
                "what an interrupted run left cannot be cleaned up: %s",
                error.strerror,
                extra={"file": path},
            )
    return done


def sweep_folders(folders: Iterable[str]) -> list[str]:
    """``sweep`` in whole folders; one that is gone is none."""
    leftovers = []
    for folder in sorted(set(folders)):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            leftovers += [e.path for e in entries if e.name.startswith(LEFTOVER_PREFIX)]
    return sweep(sorted(leftovers))


def finish_renames(sources: Iterable[str]) -> list[str]:
    """Take back a change of container that was cut off between its two last steps.

    ``sources`` are the originals that an interrupted run was working on. While such an original
    is still there, the result that already got its new name (and has its temporary one, too) goes.
    """
    done = []
    for source in sources:
        if not os.path.lexists(source):
            continue
        folder, name = os.path.split(source)
        stem = os.path.splitext(name)[0]
        with contextlib.suppress(OSError):
            for target in _published_twins(folder, stem):
                os.unlink(target)
                done.append(f"took back {target}; {source} is still the original")
    return done


def _published_twins(folder: str, stem: str) -> list[str]:
    with os.scandir(folder) as entries:
        found = list(entries)
    temporaries = {
        e.inode()
        for e in found
        if e.name.startswith(LEFTOVER_PREFIX)
        and e.name.endswith(TEMPORARY_SUFFIX)
        and e.stat(follow_symlinks=False).st_nlink > 1
    }
    return [
        e.path for e in found if e.inode() in temporaries and os.path.splitext(e.name)[0] == stem
    ]


def _remove(path: str) -> bool:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode) or not try_lock(fd):
            return False
        if undo.read_name(path) is not None:
            # It was being written when it was looked at first, and is complete now.
            return False
        os.unlink(path)
        return True
    finally:
        os.close(fd)


def _roll_back(path: str) -> list[str]:
    """Undo a header edit, unless its file is still locked by the run or tool that edits it."""
    media = undo.read_name(path)
    if media is None:
        return [f"removed {path}, left by an interrupted run"] if _stale(path) else []
    try:
        fd = os.open(media, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        os.unlink(path)
        return [f"removed {path}: its media file is gone"]
    try:
        if not try_lock(fd):
            return []
        if not os.path.lexists(path):
            return []
        restored = undo.roll_back(path, fd)
        os.unlink(path)
    finally:
        os.close(fd)
    if restored:
        return [f"rolled back {media}, which an interrupted run was editing"]
    return [f"removed {path}: {media} has been replaced since"]


def _stale(path: str) -> bool:
    with contextlib.suppress(OSError):
        return _remove(path)
    return False
