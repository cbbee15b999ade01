"""One worker, one process at a time on a file: an advisory lock on the media file itself."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from dataclasses import dataclass
from types import TracebackType

from vpo.errors import LockedError, SourceChangedError

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another; size in bytes, times in nanoseconds."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class _Turns:
    """One worker of this process after the other on a file that is reached by several hard links;
    for the lock itself they would be strangers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[tuple[int, int]] = set()

    def take(self, key: tuple[int, int]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: key not in self._taken)
            self._taken.add(key)

    def give_up(self, key: tuple[int, int]) -> None:
        with self._changed:
            self._taken.discard(key)
            self._changed.notify_all()


_turns = _Turns()


class FileLock:
    """Holds the exclusive lock on a media file while it is entered.

    ``fd`` is the open file; a tool that inherits it keeps the lock as long as it runs, even when
    vpo is killed. ``status`` is the file's status once it was locked. ``advisory`` is false where
    the file system has no locks; then only the check for a changed source protects.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1
        self.advisory = True
        self.status: os.stat_result
        self._turn: tuple[int, int] | None = None

    def __enter__(self) -> FileLock:
        try:
            self.fd = _open(self.path, os.O_RDONLY)
            status = os.fstat(self.fd)
            turn = (status.st_dev, status.st_ino)
            _turns.take(turn)
            self._turn = turn
            self._lock()
            self.status = os.fstat(self.fd)
            if not os.path.samestat(self.status, os.stat(self.path)):
                raise SourceChangedError("the file was replaced while it was being locked")
        except BlockingIOError:
            self.release()
            raise LockedError("another process is working on this file") from None
        except OSError as error:
            self.release()
            raise SourceChangedError(f"cannot be opened: {error.strerror}") from None
        except BaseException:
            self.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @property
    def stamp(self) -> Stamp:
        return Stamp.of(self.status)

    def check(self) -> None:
        """``SourceChangedError`` if the path no longer names the file as it was locked."""
        try:
            now = Stamp.of(os.stat(self.path))
        except OSError as error:
            raise SourceChangedError(
                f"the file went away during the work ({error.strerror}); its place was left empty"
            ) from None
        if now != self.stamp:
            raise SourceChangedError(
                "the file was changed by another program during the work; its new state was kept"
            )

    def release(self) -> None:
        """Close the file, which gives up the lock."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._turn is not None:
            _turns.give_up(self._turn)
            self._turn = None

    def _lock(self) -> None:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                self.advisory = False
            elif error.errno == errno.EBADF:
                # NFS gives an exclusive lock only on a file that is open for writing.
                os.close(self.fd)
                self.fd = _open(self.path, os.O_RDWR)
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                raise


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file if nobody holds it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _open(path: str, mode: int) -> int:
    return os.open(path, mode | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
