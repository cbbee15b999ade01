"""Refuse files that cannot or must not be changed, or that are still being written."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import time

from vpo.errors import BusyError, PublishError
from vpo.execute.lock import FileLock
from vpo.execute.options import RewriteOptions
from vpo.text import format_seconds

_NANO = 1_000_000_000


def refuse_still_written(lock: FileLock, seen: tuple[int, int] | None, min_age: float) -> None:
    """Raise ``BusyError`` for a file that is young, growing, or open for writing elsewhere.

    ``seen`` is (size, mtime_ns) as the run found the file; ``min_age`` is in seconds.
    """
    now = lock.status
    if seen is not None and seen != (now.st_size, now.st_mtime_ns):
        raise BusyError(
            "it has changed since the run began and may still be being written; run again later"
        )
    age = time.time() - now.st_mtime_ns / _NANO
    if 0 <= age < min_age:
        raise BusyError(
            f"modified {format_seconds(round(age))} ago; [files] min_age is "
            f"{format_seconds(min_age)}"
        )
    if not lock.beside and _written_elsewhere(lock.fd):
        raise BusyError("another program has it open for writing")


def _written_elsewhere(fd: int) -> bool:
    """Return whether another program has the file open for writing.

    Linux grants a read lease only on a file that nobody has open for writing (fcntl(2)). Where
    there are no leases (other systems, files of other owners) the answer is false, and only the
    check of the source before publishing protects the file. Never ask on a network file system:
    its server may refuse a lease that nobody stands in the way of, with the same error.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # If a program opens the file now, the kernel sends a signal; SIGIO, the default, kills vpo.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EBUSY)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def refuse_unchangeable(path: str, status: os.stat_result, options: RewriteOptions) -> None:
    """Raise an error for a file that may not be changed, in a run or a dry run.

    ``PublishError`` for a file that cannot be written, ``BusyError`` for one that the
    configuration excludes.
    """
    if status.st_nlink > 1 and options.hardlinks == "skip":
        raise BusyError('it has further hard links and [files] hardlinks is "skip"')
    refuse_unwritable(path, status)


def refuse_unwritable(path: str, status: os.stat_result) -> None:
    """Raise ``PublishError`` for a file that is read-only or that this user may not write."""
    if not stat.S_IMODE(status.st_mode) & 0o222:
        raise PublishError("the file is read-only; make it writable (chmod u+w)")
    if not _permitted(path, os.W_OK):
        # Write permission on the folder would be enough to replace it, but its owner would be lost.
        raise PublishError("you may not write to the file; change its owner or mode")
    folder = os.path.dirname(path)
    if not _permitted(folder, os.W_OK | os.X_OK):
        raise PublishError(
            f"you may not write to its folder {folder}, where the new file is created; "
            "change the owner or mode of the folder"
        )


def _permitted(path: str, how: int) -> bool:
    ids = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.access(path or ".", how, **ids)
