"""Replace the original with a verified result that has the original's attributes."""

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
    """Copy mode, owner and extended attributes (with ACLs); return warnings of failures."""
    warnings = []
    source, result = lock.status, os.fstat(fd)
    if (source.st_uid, source.st_gid) != (result.st_uid, result.st_gid):
        try:
            os.fchown(fd, source.st_uid, source.st_gid)
        except OSError:
            warnings.append(f"the owner {source.st_uid}:{source.st_gid} could not be kept")
    warnings += _copy_xattrs(lock.fd, fd)
    # The mode is set last, as a change of owner clears some of its bits.
    try:
        os.fchmod(fd, stat.S_IMODE(source.st_mode))
    except OSError:
        warnings.append(f"the mode {stat.S_IMODE(source.st_mode):o} could not be kept")
    return warnings


def _copy_xattrs(source_fd: int, fd: int) -> Iterator[str]:
    """Copy extended attributes, and remove those inherited from the folder, such as ACLs."""
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
    """Set the access time of the source, and the modification time as configured."""
    if timestamp == "now":
        return
    mtime = source.st_mtime_ns if timestamp == "preserve" else int(timestamp)
    os.utime(fd, ns=(source.st_atime_ns, mtime))


def check_ready(lock: FileLock, workspace: Workspace) -> None:
    """Sync the result, and check that neither it nor the original was replaced."""
    os.fsync(workspace.fd)
    lock.check()
    try:
        same = os.path.samestat(os.fstat(workspace.fd), os.stat(workspace.path))
    except OSError as error:
        raise PublishError(f"the result was removed: {error.strerror}; run again") from None
    if not same:
        raise PublishError("the tool replaced its output with another file, which was discarded")


def replace_original(lock: FileLock, workspace: Workspace, target: str) -> None:
    """Replace the locked original with the temporary file; call ``check_ready`` first.

    With the same name, this is one atomic rename, so that the path never goes missing. A new name
    (another container) must be free; the original is removed afterwards. If anything is raised,
    the original is in its place.
    """
    try:
        if lock.beside:
            lock.close_file()
        if target == lock.path:
            os.replace(workspace.path, target)
        else:
            _rename(lock, workspace, target)
    except FileExistsError:
        raise PublishError(
            f"{target} exists already; move it away, or choose another name"
        ) from None
    except OSError as error:
        raise PublishError(
            f"the result could not be renamed to {target}: {error.strerror}"
        ) from None
    sync_folder(os.path.dirname(target))


def _rename(lock: FileLock, workspace: Workspace, target: str) -> None:
    status = os.fstat(workspace.fd)
    with rename.rename_note(lock.path, target, status.st_ino):
        try:
            rename.claim_name(workspace.path, target)
            sync_folder(os.path.dirname(target))
            if not _names(target, status):
                raise PublishError(f"{target} was replaced by another program; the original stays")
            os.unlink(lock.path)
        except BaseException:
            # A Ctrl-C may arrive after any of these, and the file must not stay with two names.
            if lock.holds_path and _names(target, status):
                os.unlink(target)
            raise
        sync_folder(os.path.dirname(target))


def _names(path: str, status: os.stat_result) -> bool:
    """Return whether the path names the file with this status."""
    try:
        return os.path.samestat(status, os.stat(path))
    except OSError:
        return False


def sync_folder(folder: str) -> None:
    """Make renames in a folder durable; errors are ignored.

    Some network file systems cannot sync a folder, and the rename is done by then.
    """
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
