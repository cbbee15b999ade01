"""The exclusive lock on a media file, against other workers and other processes."""

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
"""The errors of opening a path that was removed or replaced."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The identity and state of a file; size in bytes, times in nanoseconds.

    A change of ``ctime_ns`` alone need not be a change of content, so it does not count; but it can
    be one, as vpo itself restores the modification time of a file that it changed.
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
    """Serializes the workers of one run on a file with several hard links.

    The lock alone would fail for the second worker, as it does for another process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[tuple[int, int]] = set()

    def acquire(self, key: tuple[int, int]) -> None:
        """Wait until no other worker has the file with this device and inode."""
        with self._changed:
            self._changed.wait_for(lambda: key not in self._held)
            self._held.add(key)

    def release(self, key: tuple[int, int]) -> None:
        """Let the next worker have the file."""
        with self._changed:
            self._held.discard(key)
            self._changed.notify_all()


class FileLock:
    """A context manager that holds the exclusive lock on a media file.

    ``fd`` is the open file; a tool that inherits it keeps the lock as long as it runs, even if vpo
    is killed. ``status`` is the file's status when it was locked. Where the file system has no
    locks, only the check for a changed source protects the file. ``turns`` belong to the run.
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

    @property
    def holds_path(self) -> bool:
        """Whether the path still names the locked file."""
        try:
            return os.path.samestat(os.stat(self.path), self.status)
        except OSError:
            return False

    def check(self) -> None:
        """Raise ``SourceChangedError`` if the path no longer names the file as it was locked."""
        try:
            now = os.stat(self.path)
        except OSError as error:
            raise SourceChangedError(
                f"the file was removed during processing ({error.strerror}); "
                "it was not written again"
            ) from None
        if Stamp.of(now) != self.stamp or _permissions(now) != _permissions(self.status):
            raise SourceChangedError(
                "the file was changed by another program during processing; its new state was kept"
            )

    def release(self) -> None:
        """Close the file, which releases the lock."""
        fd, self.fd = self.fd, -1
        turn, self._turn = self._turn, None
        # close releases the descriptor even if it fails, and nothing was written through it.
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
        """Open the file for writing: NFS grants an exclusive lock only then."""
        old, self.fd = self.fd, _open(self.path, os.O_RDWR)
        os.close(old)


def _permissions(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mode, status.st_uid, status.st_gid


def try_lock(fd: int) -> bool:
    """Lock an open file exclusively; return false if another process has the lock.

    Also returns true where the file system has no locks. Raises ``OSError`` for other errors.
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
