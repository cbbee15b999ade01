"""Locks on open files, and the lock file beside a media file that cannot be locked itself.

On network file systems: with NFS, an exclusive lock needs a file that is open for writing; with
SMB, a lock on the content keeps every other program out, vpo's own tools too, and an open file
cannot be replaced. So the lock is on another file beside it, which only vpo opens.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import struct
import time

from vpo.discover import LEFTOVER_PREFIX
from vpo.execute.folder import file_system_type

LOCK_EXTENSION = ".lock"
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs"})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_BYTE = 1 << 60
"""The byte that is locked on network file systems: behind all content, as SMB servers let nobody
else read or write what is locked. Some servers ignore locks at 2^62 and behind."""
_ATTEMPTS, _ATTEMPTS_WHILE_HELD = 20, 4
_PAUSE = 0.05
"""Seconds between attempts, as another vpo may be creating or removing the lock file."""


def try_lock(fd: int) -> bool:
    """Lock an open file exclusively; return false if another process has the lock.

    Also returns true where the file system has no locks. Raises ``OSError`` for other errors:
    EBADF on file systems that grant exclusive locks only on files that are open for writing.
    """
    network = is_on_network(fd) and hasattr(fcntl, "F_OFD_SETLK")
    try:
        if network:
            # As flock, it belongs to the open file, so that tools that inherit it keep the lock.
            wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _BYTE, 1, 0)
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, wanted)
        else:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EAGAIN or (network and error.errno == errno.EACCES):
            return False
        if error.errno not in _NO_LOCKS:
            raise
    return True


def is_on_network(fd: int) -> bool:
    """Return whether an open file is on a mount of NFS or SMB, as far as the system tells."""
    device = os.fstat(fd).st_dev
    # Only disks of this machine have a major number, and need no look at the mounts.
    return not os.major(device) and file_system_type(device) in _NETWORK


def is_network_folder(path: str) -> bool:
    """Return whether a folder is on a mount of NFS or SMB; false if it cannot be opened."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return is_on_network(fd)
    finally:
        os.close(fd)


class LockFile:
    """The locked file beside a media file; all names of it that differ by case share one.

    It exists only while it is locked, or after a crash. Who removes it marks it by a byte of
    content, for those who had opened it before and get the lock on a file without a name.
    """

    def __init__(self, media: str) -> None:
        folder, name = os.path.split(media)
        digest = hashlib.sha256(os.fsencode(name.casefold())).hexdigest()[:32]
        self.path = os.path.join(folder, f"{LEFTOVER_PREFIX}{digest}{LOCK_EXTENSION}")
        self.fd = -1

    def acquire(self) -> bool:
        """Create and lock the file; return false if another process has it. Raises ``OSError``."""
        held = 0
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE)
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                self.fd = os.open(self.path, flags, 0o666)
                if not try_lock(self.fd):
                    held += 1
                elif _is_current(self.path, self.fd):
                    return True
            except OSError as error:
                self._close()
                # ENOENT, though it was to be created, and EBUSY: it is being removed.
                if attempt + 1 == _ATTEMPTS or error.errno not in (errno.ENOENT, errno.EBUSY):
                    raise
            self._close()
            if held == _ATTEMPTS_WHILE_HELD:
                return False
        raise OSError(errno.EBUSY, f"{self.path} is removed again and again")

    def release(self) -> None:
        """Remove the file and release its lock."""
        if self.fd >= 0:
            remove_locked(self.path, self.fd)
            self._close()

    def _close(self) -> None:
        fd, self.fd = self.fd, -1
        with contextlib.suppress(OSError):
            if fd >= 0:
                os.close(fd)


def remove_locked(path: str, fd: int) -> None:
    """Remove a lock file that is open and locked, unless its name is another file's by now."""
    with contextlib.suppress(OSError):
        if _is_current(path, fd):
            os.unlink(path)
    with contextlib.suppress(OSError):
        os.pwrite(fd, b"-", 0)


def _is_current(path: str, fd: int) -> bool:
    """Return whether the open and locked file is the one with this name, and not a removed one."""
    try:
        return not os.pread(fd, 1, 0) and os.path.samestat(os.fstat(fd), os.stat(path))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return False
        raise
