"""Replace the original with a verified result that has the original's attributes."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator

from vpo.errors import BusyError, PublishError, SourceChangedError
from vpo.execute.folder import NOT_PERMITTED, Folder, is_same_time, wants_closed
from vpo.execute.lock import LATE_CLOSE, FileLock
from vpo.execute.open_files import is_open_for_writing
from vpo.execute.rename import Replacement, rename_film
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
    mode = stat.S_IMODE(source.st_mode)
    if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
        try:
            os.fchmod(fd, mode)
        except OSError:
            warnings.append(f"the mode {mode:o} could not be kept")
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


def set_times(fd: int, source: os.stat_result, timestamp: Timestamp) -> list[str]:
    """Set the access time of the source, and the modification time as configured.

    Returns a warning if that is not permitted: only the owner of a file may set its times.
    """
    if timestamp == "now":
        return []
    mtime = source.st_mtime_ns if timestamp == "preserve" else int(timestamp)
    try:
        os.utime(fd, ns=(source.st_atime_ns, mtime))
    except OSError as error:
        if error.errno not in NOT_PERMITTED:
            raise
        return ["the modification time could not be set, as the file belongs to another user"]
    return []


def set_times_again(path: str, status: os.stat_result) -> None:
    """Give the published result its modification time again, where it has lost it.

    The Linux client of SMB closes late what a tool has written, and a server takes that for a
    change.
    """
    for pause in (0.0, LATE_CLOSE):
        time.sleep(pause)
        with contextlib.suppress(OSError):
            now = os.stat(path)
            if is_same_time(now.st_mtime_ns, status.st_mtime_ns) or now.st_size != status.st_size:
                return
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def check_ready(lock: FileLock, workspace: Workspace) -> None:
    """Sync the result, and check that neither it nor the original was replaced or is written.

    ``BusyError`` if a program has the original open for writing: what it writes later would go into
    a file without a name.
    """
    os.fsync(workspace.fd)
    lock.check()
    check_result(workspace)
    if is_open_for_writing(lock):
        raise BusyError("another program has opened it for writing; the result was discarded")


def check_result(workspace: Workspace) -> None:
    """Raise ``PublishError`` if the tool's output is no longer the temporary file."""
    try:
        same = os.path.samestat(os.fstat(workspace.fd), os.stat(workspace.path))
    except OSError as error:
        raise PublishError(f"the result was removed: {error.strerror}; run again") from None
    if not same:
        raise PublishError("the tool replaced its output with another file, which was discarded")


def replace_original(lock: FileLock, workspace: Workspace, target: str) -> None:
    """Replace the locked original with the temporary file; call ``check_ready`` first.

    With the same name, this is one atomic rename, so that the path never goes missing. A new name
    (another container) must be free; the original is removed afterwards. If anything is raised, the
    original is in its place, or the result is kept and the next run puts it there.
    """
    with _opened(lock) as folder:
        source = folder.require(lock.path, lock.status)
        workspace.move_to(folder)
        if wants_closed(lock.status):
            lock.close_file()
        change = Replacement(
            folder,
            source,
            os.path.basename(target),
            workspace.place,
            workspace.name,
            os.fstat(workspace.fd),
            lock.close_file,
        )
        try:
            with _renaming("the result", target):
                change.carry_out()
        finally:
            if not change.settled:
                workspace.keep()


def rename_original(lock: FileLock, target: str) -> None:
    """Give the locked original another name, which must be free; nothing if it has it.

    If anything is raised, the original has its old name.
    """
    if target == lock.path:
        return
    with _opened(lock) as folder:
        source = folder.require(lock.path, lock.status)
        with _renaming("the file", target):
            rename_film(folder, source, os.path.basename(target), lock.status)


@contextlib.contextmanager
def _renaming(what: str, target: str) -> Iterator[None]:
    """Raise ``PublishError`` if something cannot be renamed to a path."""
    try:
        yield
    except FileExistsError:
        raise PublishError(
            f"{target} exists already; move it away, or choose another name"
        ) from None
    except OSError as error:
        raise PublishError(f"{what} could not be renamed to {target}: {error.strerror}") from None


def _opened(lock: FileLock) -> Folder:
    try:
        return Folder(os.path.dirname(lock.path))
    except OSError as error:
        raise SourceChangedError(
            f"its folder cannot be opened any more ({error.strerror}); nothing was done"
        ) from None
