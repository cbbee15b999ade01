"""Put a verified result in the place of the original, with the original's attributes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from vpo.draft import Timestamp
from vpo.errors import PublishError
from vpo.execute.lock import FileLock
from vpo.execute.workspace import Workspace


def copy_attributes(source: os.stat_result, source_path: str, fd: int) -> list[str]:
    """Mode, owner, extended attributes and with them ACLs; what could not be kept, as warnings."""
    warnings = []
    result = os.fstat(fd)
    if (source.st_uid, source.st_gid) != (result.st_uid, result.st_gid):
        try:
            os.fchown(fd, source.st_uid, source.st_gid)
        except OSError:
            warnings.append(f"the owner {source.st_uid}:{source.st_gid} could not be kept")
    warnings += _copy_xattrs(source_path, fd)
    # Last: a change of owner clears bits of the mode.
    os.fchmod(fd, stat.S_IMODE(source.st_mode))
    return warnings


def _copy_xattrs(source_path: str, fd: int) -> Iterator[str]:
    if not hasattr(os, "listxattr"):
        return
    try:
        names = os.listxattr(source_path)
    except OSError:
        return
    for name in names:
        try:
            os.setxattr(fd, name, os.getxattr(source_path, name))
        except OSError:
            if not name.startswith("security."):
                yield f"the extended attribute {name} could not be kept"


def set_times(fd: int, source: os.stat_result, timestamp: Timestamp) -> None:
    """The access time of the source, and the modification time that is asked for."""
    if timestamp == "now":
        return
    mtime = source.st_mtime_ns if timestamp == "preserve" else int(timestamp)
    os.utime(fd, ns=(source.st_atime_ns, mtime))


def replace(lock: FileLock, workspace: Workspace, target: str) -> None:
    """The workspace's file, synced, takes the place of the locked original.

    Same name: one atomic rename, so that the path never goes missing. A new name (another
    container): the result gets it only if it is free, and then the original goes.
    """
    os.fsync(workspace.fd)
    lock.check()
    if not os.path.samestat(os.fstat(workspace.fd), os.stat(workspace.path)):
        raise PublishError("the tool put another file in the place of its output; thrown away")
    try:
        if target == lock.path:
            os.replace(workspace.path, target)
        else:
            take_name(workspace.path, target)
            sync_folder(os.path.dirname(target))
            os.unlink(lock.path)
        sync_folder(os.path.dirname(target))
    except FileExistsError:
        raise PublishError(
            f"{target} exists already; move it away, or choose another name"
        ) from None
    except OSError as error:
        raise PublishError(f"the result could not be put in place: {error.strerror}") from None


def take_name(temporary: str, target: str) -> None:
    """Give the file a name that must be free; ``FileExistsError`` if it is not."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        # A file system without hard links: reserve the name with an empty file, then replace it.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.replace(temporary, target)


def sync_folder(folder: str) -> None:
    """Make renames in a folder durable; some network file systems cannot, which is no error."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)
