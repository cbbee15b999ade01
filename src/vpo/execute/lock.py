"""The exclusive lock on a media file, against other workers and other processes."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from dataclasses import dataclass, field, replace

from vpo.errors import FileError, LockedError, SourceChangedError
from vpo.execute.lock_file import LockFile, is_on_network, try_lock
from vpo.probe.media_input import open_settled

_REPLACED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE})
"""The errors of opening a path that was removed or replaced."""
LATE_CLOSE = 1.5
"""Seconds until the Linux client of SMB has closed a file at the server. Before, it states a false
time for a file that it has written: that of the last time that it was closed."""

_EXFAT_TICK = 10_000_000
"""Nanoseconds, by the exFAT specification, 7.4.5; those of FAT are 2 s."""


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

    @property
    def hides_changes(self) -> bool:
        """Whether ``ctime_ns`` says nothing: FAT and exFAT repeat the modification time.

        That is a multiple of 10 ms there; elsewhere this is rare.
        """
        return self.ctime_ns == self.mtime_ns and not self.mtime_ns % _EXFAT_TICK

    def resembles(self, other: Stamp) -> bool:
        """Return whether all but the inode is equal, whose number does not last everywhere."""
        return replace(self, inode=other.inode) == other


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

    ``fd`` is the open file; a tool that inherits ``fds`` keeps the lock as long as it runs, even if
    vpo is killed. ``status`` is the file's status when it was locked. The lock is on the file
    itself; where that is not possible, on network file systems, it is on another one beside it.
    Where the file system has no locks, only the check for a changed source protects the file.
    ``turns`` belong to the run.
    """

    def __init__(self, path: str, turns: FileTurns | None = None) -> None:
        self.path = path
        self._turns = turns or FileTurns()
        self.fd = -1
        self.status: os.stat_result
        self._turn: tuple[int, int] | None = None
        self._beside: LockFile | None = None

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
    def fds(self) -> tuple[int, ...]:
        """The descriptors that a tool must inherit, to read the file and to keep the lock."""
        return (self.fd,) if self._beside is None else (self.fd, self._beside.fd)

    @property
    def beside(self) -> bool:
        """Whether the lock is on another file beside it."""
        return self._beside is not None

    @property
    def holds_path(self) -> bool:
        """Whether the path still names the locked file."""
        try:
            return self._is_same(os.stat(self.path))
        except OSError:
            return False

    def ask_again(self) -> None:
        """Take the status anew, once a file server knows that this machine has written the file."""
        if self.beside:
            self.close_file()
            time.sleep(LATE_CLOSE)
            self.fd = _open(self.path)
            self.status = os.fstat(self.fd)

    def may_differ(self, stamp: Stamp) -> bool:
        """Return whether the locked file may have changed since it had this stamp."""
        now = self.stamp
        changed = now != stamp or now.ctime_ns != stamp.ctime_ns
        return self.beside or changed or now.hides_changes

    def check(self) -> None:
        """Raise ``SourceChangedError`` if the path no longer names the file as it was locked."""
        try:
            changed = self._has_changed()
            if changed and self.beside and self.fd >= 0:
                self.close_file()
                time.sleep(LATE_CLOSE)
                self.fd = _open(self.path)
                changed = self._has_changed()
        except OSError as error:
            raise SourceChangedError(
                f"the file was removed during processing ({error.strerror}); "
                "it was not written again"
            ) from None
        if changed:
            raise SourceChangedError(
                "the file was changed by another program during processing; its new state was kept"
            )

    def close_file(self) -> None:
        """Close the file, as SMB does not replace an open one; only a lock beside it stays."""
        fd, self.fd = self.fd, -1
        # close releases the descriptor even if it fails, and nothing was written through it.
        with contextlib.suppress(OSError):
            if fd >= 0:
                os.close(fd)

    def release(self) -> None:
        """Close the file and release the lock."""
        self.close_file()
        turn, self._turn = self._turn, None
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.release()
        if turn is not None:
            self._turns.release(turn)

    def _lock(self) -> None:
        self.fd = _open(self.path)
        self.status = os.fstat(self.fd)
        turn = (self.status.st_dev, self.status.st_ino)
        self._turns.acquire(turn)
        self._turn = turn
        if not self._is_ours():
            raise LockedError("another process is working on this file")
        self._refresh()
        now = os.fstat(self.fd)
        opened, self.status = self._is_same(now), now
        if not opened or not self._is_same(os.stat(self.path)):
            raise SourceChangedError("the file was replaced while it was being locked")

    def _is_same(self, found: os.stat_result) -> bool:
        """Return whether this is the status of the locked file.

        A file server's client may give it another inode number whenever it asks the server anew.
        """
        if os.path.samestat(found, self.status):
            return True
        now, known = Stamp.of(found), self.stamp
        return self.beside and now.resembles(known) and now.ctime_ns == known.ctime_ns

    def _is_ours(self) -> bool:
        """Lock the file itself, or the one beside it; return false if another process did."""
        if not is_on_network(self.fd):
            try:
                return try_lock(self.fd)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
        self._beside = LockFile(self.path)
        return self._beside.acquire()

    def _has_changed(self) -> bool:
        self._refresh()
        now = os.stat(self.path)
        changed = not self._is_same(now) or not Stamp.of(now).resembles(self.stamp)
        return changed or _permissions(now) != _permissions(self.status)

    def _refresh(self) -> None:
        """Open the file again where the lock is another one: only that asks a file server anew.

        It may have been replaced before it was locked, and the system remember the old one.
        """
        if self._beside is not None and self.fd >= 0:
            old, self.fd = self.fd, _open(self.path)
            os.close(old)


def _permissions(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mode, status.st_uid, status.st_gid


def _lock_error(error: OSError) -> FileError:
    if isinstance(error, BlockingIOError):
        return LockedError("another process is working on this file")
    kind = SourceChangedError if error.errno in _REPLACED else FileError
    return kind(f"cannot be opened and locked: {error.strerror}")


def _open(path: str) -> int:
    return open_settled(path, os.O_NOFOLLOW)
