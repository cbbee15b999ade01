"""Free space, reserved for the files that are processed at the same time.

The free space that the system reports still includes what the other workers have yet to write.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vpo.errors import CancelledError, SpaceError
from vpo.text import format_size

_WAIT_SECONDS = 1.0
_MEBIBYTE = 1 << 20
FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
"""The system's errors for a full file system and an exceeded quota."""
_TOO_LARGE = (errno.EINVAL, errno.EFBIG, errno.EOVERFLOW)


@dataclass(eq=False)
class _Reservation:
    device: int
    size: int
    output: str
    keep_free: int

    @property
    def outstanding(self) -> int:
        """Bytes that are reserved and not yet written."""
        try:
            return max(0, self.size - os.stat(self.output).st_blocks * 512)
        except OSError:
            return self.size


class SpaceLedger:
    """The space that a run has reserved for the output of its workers."""

    def __init__(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        self._cancelled = cancelled
        self._changed = threading.Condition()
        self._held: list[_Reservation] = []

    @contextlib.contextmanager
    def reserve(self, output: str, size: int, keep_free: int = 0) -> Iterator[None]:
        """Reserve ``size`` bytes for the existing file ``output`` within the context.

        ``keep_free`` bytes more are left free. Waits while other workers hold the space; raises
        ``SpaceError`` if there is not enough even without them.
        """
        wanted = _Reservation(os.stat(output).st_dev, size, output, keep_free)
        with self._changed:
            while not self._fits(wanted):
                if self._cancelled():
                    raise CancelledError("interrupted while waiting for free space")
                self._changed.wait(_WAIT_SECONDS)
            self._held.append(wanted)
        try:
            yield
        finally:
            with self._changed:
                self._held.remove(wanted)
                self._changed.notify_all()

    def _fits(self, wanted: _Reservation) -> bool:
        others = [item for item in self._held if item.device == wanted.device]
        free = free_bytes(os.path.dirname(wanted.output)) - wanted.keep_free
        if wanted.size + sum(item.outstanding for item in others) <= free:
            return True
        if others:
            return False
        raise SpaceError(
            f"not enough free space: about {format_size(wanted.size)} are needed and "
            f"{format_size(max(0, free))} are free in {os.path.dirname(wanted.output)}"
            f"{keep_free_note(wanted.keep_free)}; free some space and run again"
        )


def free_bytes(folder: str) -> int:
    """Return the bytes that an ordinary user may still write in the folder."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def is_full(fd: int) -> bool:
    """Return whether this open file cannot grow by another mebibyte."""
    end = os.fstat(fd).st_size
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, end, _MEBIBYTE)
        else:
            os.pwrite(fd, bytes(_MEBIBYTE), end)
    except OSError as error:
        return error.errno in FULL_ERRNOS
    finally:
        os.ftruncate(fd, end)
    return False


def can_grow_to(fd: int, size: int) -> bool:
    """Return whether the file system has files of this size: on FAT, they end at 4 GiB."""
    at = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        os.lseek(fd, size, os.SEEK_SET)
    except OSError as error:
        return error.errno not in _TOO_LARGE
    finally:
        os.lseek(fd, at, os.SEEK_SET)
    return True


def too_large(folder: str) -> SpaceError:
    """Return the error for a result that the file system cannot hold, however much is free."""
    return SpaceError(
        f"the result would be larger than any file can be on the file system of {folder} "
        "(4 GiB on FAT); move the file to another file system, such as exFAT or ext4"
    )


def keep_free_note(keep_free: int) -> str:
    """Return the text about ``[files] keep_free`` for a message, empty if it is 0."""
    return f" besides the {format_size(keep_free)} of [files] keep_free" if keep_free else ""
