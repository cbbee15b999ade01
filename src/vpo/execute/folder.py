"""An open folder: what is done to a name in it is done there, whatever becomes of its path.

In a folder that others may write to, a path can lead elsewhere from one step to the next, and a
file with one of vpo's names need not be vpo's.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import os
import stat

from vpo.db.records import Stat
from vpo.errors import SourceChangedError

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_COARSEST = 2_000_000_000
"""The coarsest times of a file system, in nanoseconds: FAT counts in two seconds."""
NOT_PERMITTED = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)
"""The errors of attributes that a file system does not have, or that only the owner may set."""
_WANT_CLOSED = ("cifs", "smb", "fuse", "9p", "vboxsf", "exfat", "vfat")
"""File systems that cannot, or not safely, rename a file over one that is open."""


class Folder:
    """A context manager for an open folder; names are without a separator.

    ``path`` must not itself be a symbolic link: it would be another's way to a folder of his
    choice.
    """

    def __init__(self, path: str, parent: Folder | None = None) -> None:
        self.path = path
        self.fd: int
        name, where = (path or ".", None) if parent is None else (os.path.basename(path), parent.fd)
        flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self.fd = os.open(name, flags | os.O_RDONLY, dir_fd=where)
        except PermissionError:
            # A folder may be written to and not be listed; it can only not be synced then.
            self.fd = os.open(name, flags | getattr(os, "O_PATH", 0), dir_fd=where)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def inside(self, name: str) -> Folder:
        """Open a folder in this one."""
        return Folder(self.join(name), self)

    def duplicate(self) -> Folder:
        """Return the same open folder, to be closed by itself."""
        other = copy.copy(self)
        other.fd = os.dup(self.fd)
        return other

    def is_same(self, other: Folder) -> bool:
        """Return whether both are one folder."""
        return os.path.samestat(os.fstat(self.fd), os.fstat(other.fd))

    def close(self) -> None:
        """Close the folder; closing it again does nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def join(self, name: str) -> str:
        """Return the path of a name."""
        return os.path.join(self.path, name)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        """Open a file, but not through a symbolic link, and without waiting for a pipe."""
        return os.open(name, flags | _FLAGS, mode, dir_fd=self.fd)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of a name itself, ``None`` if nothing has it; may raise ``OSError``."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
                return None
            raise

    def names(self, name: str, file: os.stat_result) -> bool:
        """Return whether the name is that of the file with this status; false if unknown."""
        try:
            found = self.status(name)
        except OSError:
            return False
        return found is not None and is_same_file(found, file)

    def rename(self, name: str, new: str, to: Folder | None = None) -> None:
        """Rename a file, over one that has the new name."""
        os.replace(name, new, src_dir_fd=self.fd, dst_dir_fd=(to or self).fd)

    def link(self, name: str, new: str, to: Folder | None = None) -> None:
        """Give a file a second name, which must be free."""
        where = (to or self).fd
        os.link(name, new, src_dir_fd=self.fd, dst_dir_fd=where, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        """Remove a name."""
        os.unlink(name, dir_fd=self.fd)

    def sync(self) -> None:
        """Make renames in the folder durable; errors are ignored.

        Some network file systems cannot sync a folder, and the rename is done by then.
        """
        with contextlib.suppress(OSError):
            os.fsync(self.fd)

    def require(self, path: str, file: os.stat_result) -> str:
        """Return the name at the end of the path, which must be that of the file in this folder.

        Raises ``SourceChangedError`` otherwise: the path may lead to another folder now.
        """
        name = os.path.basename(path)
        if not self.names(name, file):
            raise SourceChangedError("its folder was replaced during processing; nothing was done")
        return name


def is_same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether both are the status of one file, also where inode numbers do not last."""
    if one.st_dev != other.st_dev:
        return False
    return one.st_ino == other.st_ino or (
        one.st_size == other.st_size and is_same_time(one.st_mtime_ns, other.st_mtime_ns)
    )


def is_same_time(one: int, other: int) -> bool:
    """Return whether times in nanoseconds are equal, or one is the other as FAT stores it."""
    return one == other or (not min(one, other) % 10_000_000 and abs(one - other) < _COARSEST)


def is_result(found: os.stat_result, stat: Stat) -> bool:
    """Return whether a file is still the result with this (size, mtime_ns, inode).

    Inode numbers do not last everywhere, so size and time are enough.
    """
    return found.st_size == stat[0] and is_same_time(found.st_mtime_ns, stat[1])


def is_trusted(leftover: os.stat_result, film: os.stat_result | None) -> bool:
    """Return whether a file with one of vpo's names may decide what becomes of the film.

    It must be a regular file of this user, or of the film's owner, who can change the film anyway.
    """
    owners = {os.geteuid()} if film is None else {os.geteuid(), film.st_uid}
    return stat.S_ISREG(leftover.st_mode) and leftover.st_uid in owners


def wants_closed(file: os.stat_result) -> bool:
    """Return whether a file should be closed before another is renamed over it.

    The Linux client of SMB removes the target if the server refuses that, and then fails.
    """
    return file_system_type(file.st_dev).startswith(_WANT_CLOSED)


def mount_of(fd: int) -> str:
    """Return the number of the mount of an open file; empty if unknown.

    One file system can be mounted in several places, as containers do: no rename leads from one to
    another.
    """
    with contextlib.suppress(OSError), open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("mnt_id:"):
                return line.split()[1]
    return ""


def file_system_type(device: int) -> str:
    """Return the type of a mounted file system, as Linux names it; empty if unknown."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            fields = line.split()
            if fields[2] == number:
                return fields[fields.index("-") + 1]
    return ""
