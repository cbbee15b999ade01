"""One worker, one process at a time on a file: an advisory lock on the media file itself."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from dataclasses import dataclass, field

from vpo.errors import FileError, LockedError, SourceChangedError

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_REPLACED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE})
"""What opening a path says when it names another thing by now, or nothing."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another; size in bytes, times in nanoseconds.

    Where ``ctime_ns`` alone differs, the content need not; but vpo itself changes content and puts
    the modification time back.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int = field(default=0, compare=False)

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        times = (status.st_mtime_ns, status.st_ctime_ns)
        return cls(status.st_dev, status.st_ino, status.st_size, *times)


class FileTurns:
    """Lets the workers of one run take turns at a file that has several hard links.

    The lock alone would refuse the second worker, as it refuses another process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[tuple[int, int]] = set()

    def acquire(self, key: tuple[int, int]) -> None:
        """Wait for the turn at the file with this device and inode."""
        with self._changed:
            self._changed.wait_for(lambda: key not in self._held)
            self._held.add(key)

    def release(self, key: tuple[int, int]) -> None:
        """End the turn."""
        with self._changed:
            self._held.discard(key)
            self._changed.notify_all()


class FileLock:
    """Holds the exclusive lock on a media file while it is entered.

    ``fd`` is the open file; a tool that inherits it keeps the lock as long as it runs, even when
    vpo is killed. ``status`` is the file's status once it was locked. Where the file system has no
    locks, only the check for a changed source protects. ``turns`` are those of the run.
    """

    def __init__(self, path: str, turns: FileTurns | None = None) -> None:
        self.path = path
        self._turns = turns or FileTurns()
        self.fd = -1
        self.status: os.stat_result
        self._turn: tuple[int, int] | None = None

    def __enter__(self) -> FileLock:
        try:
            self._lock()
        except BaseException as error:
            self.release()
            if isinstance(error, OSError):
                raise _lock_error(error) from None
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    @property
    def stamp(self) -> Stamp:
        return Stamp.of(self.status)

    def check(self) -> None:
        """``SourceChangedError`` if the path no longer names the file as it was locked."""
        try:
            now = os.stat(self.path)
        except OSError as error:
            raise SourceChangedError(
                f"the file went away during the work ({error.strerror}); its place was left empty"
            ) from None
        if Stamp.of(now) != self.stamp or _permissions(now) != _permissions(self.status):
            raise SourceChangedError(
                "the file was changed by another program during the work; its new state was kept"
            )

    def release(self) -> None:
        """Close the file, which gives up the lock."""
        fd, self.fd = self.fd, -1
        turn, self._turn = self._turn, None
        # An error of close gives the descriptor up, too, and nothing was written through it.
        with contextlib.suppress(OSError):
            if fd >= 0:
                os.close(fd)
        if turn is not None:
            self._turns.release(turn)

    def _lock(self) -> None:
        self.fd = _open(self.path, os.O_RDONLY)
        status = os.fstat(self.fd)
        turn = (status.st_dev, status.st_ino)
        self._turns.acquire(turn)
        self._turn = turn
        try:
            held = try_lock(self.fd)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            self._reopen()
            held = try_lock(self.fd)
        if not held:
            raise LockedError("another process is working on this file")
        self.status = os.fstat(self.fd)
        if turn != (self.stamp.device, self.stamp.inode) or not os.path.samestat(
            self.status, os.stat(self.path)
        ):
            raise SourceChangedError("the file was replaced while it was being locked")

    def _reopen(self) -> None:
        """NFS gives an exclusive lock only on a file that is open for writing."""
        old, self.fd = self.fd, _open(self.path, os.O_RDWR)
        os.close(old)


def _permissions(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mode, status.st_uid, status.st_gid


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file; false if another process has it.

    True also where the file system has no locks. ``OSError`` if it cannot be told.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _lock_error(error: OSError) -> FileError:
    if isinstance(error, BlockingIOError):
        return LockedError("another process is working on this file")
    kind = SourceChangedError if error.errno in _REPLACED else FileError
    return kind(f"cannot be opened and locked: {error.strerror}")


def _open(path: str, mode: int) -> int:
    return os.open(path, mode | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
