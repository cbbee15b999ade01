"""Put a verified result in the place of the original, with the original's attributes."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from vpo.errors import PublishError
from vpo.execute import rename
from vpo.execute.lock import FileLock
from vpo.execute.workspace import Workspace
from vpo.policy.desired_state import Timestamp


def copy_attributes(lock: FileLock, fd: int) -> list[str]:
    """Mode, owner, extended attributes and with them ACLs; what could not be kept, as warnings."""
    warnings = []
    source, result = lock.status, os.fstat(fd)
    if (source.st_uid, source.st_gid) != (result.st_uid, result.st_gid):
        try:
            os.fchown(fd, source.st_uid, source.st_gid)
        except OSError:
            warnings.append(f"the owner {source.st_uid}:{source.st_gid} could not be kept")
    warnings += _copy_xattrs(lock.fd, fd)
    # Last: a change of owner clears bits of the mode.
    os.fchmod(fd, stat.S_IMODE(source.st_mode))
    return warnings


def _copy_xattrs(source_fd: int, fd: int) -> Iterator[str]:
    """Also takes away what the result got from its folder, as a default ACL."""
    if not hasattr(os, "listxattr"):
        return
    try:
        names, own = os.listxattr(source_fd), os.listxattr(fd)
    except OSError:
        return
    for name in (name for name in own if name not in names):
        with contextlib.suppress(OSError):
            os.removexattr(fd, name)
    for name in names:
        try:
            os.setxattr(fd, name, os.getxattr(source_fd, name))
        except OSError:
            if not name.startswith("security."):
                yield f"the extended attribute {name} could not be kept"


def set_times(fd: int, source: os.stat_result, timestamp: Timestamp) -> None:
    """The access time of the source, and the modification time that is asked for."""
    if timestamp == "now":
        return
    mtime = source.st_mtime_ns if timestamp == "preserve" else int(timestamp)
    os.utime(fd, ns=(source.st_atime_ns, mtime))


def check_ready(lock: FileLock, workspace: Workspace) -> None:
    """Sync the result, and look a last time whether the original is still what was locked."""
    os.fsync(workspace.fd)
    lock.check()
    try:
        same = os.path.samestat(os.fstat(workspace.fd), os.stat(workspace.path))
    except OSError as error:
        raise PublishError(f"the result went away: {error.strerror}") from None
    if not same:
        raise PublishError("the tool put another file in the place of its output; thrown away")


def replace_original(lock: FileLock, workspace: Workspace, target: str) -> None:
    """The workspace's file, synced, takes the place of the locked original.

    Same name: one atomic rename, so that the path never goes missing. A new name (another
    container): the result gets it only if it is free, and then the original goes. Whatever is
    raised, the original is in its place. ``check_ready`` comes first.
    """
    try:
        if target == lock.path:
            os.replace(workspace.path, target)
        else:
            _rename(lock, workspace, target)
    except FileExistsError:
        raise PublishError(
            f"{target} exists already; move it away, or choose another name"
        ) from None
    except OSError as error:
        raise PublishError(f"the result could not be put in place: {error.strerror}") from None
    sync_folder(os.path.dirname(target))


def _rename(lock: FileLock, workspace: Workspace, target: str) -> None:
    status = os.fstat(workspace.fd)
    with rename.rename_note(lock.path, target, status.st_ino):
        rename.claim_name(workspace.path, target)
        sync_folder(os.path.dirname(target))
        if not os.path.samestat(status, os.stat(target)):
            raise PublishError(f"{target} was replaced by another program; the original stays")
        try:
            os.unlink(lock.path)
        except OSError:
            os.unlink(target)
            raise
        sync_folder(os.path.dirname(target))


def sync_folder(folder: str) -> None:
    """Make renames in a folder durable, as far as the system lets us: some network file systems
    cannot, and by then there is nothing left to go back on."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
