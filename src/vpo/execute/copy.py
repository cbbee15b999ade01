"""Copies of a locked file, which share its blocks where the file system can, and of a result."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator

from vpo.errors import CancelledError, PublishError, SpaceError
from vpo.execute.lock import FileLock
from vpo.execute.space import FULL_ERRNOS
from vpo.execute.workspace import Workspace

_FICLONE = 0x40049409
"""The request of ioctl_ficlone(2): share all blocks of another file, as btrfs and XFS can."""
_BLOCK = 1 << 20


def copy_file(lock: FileLock, workspace: Workspace) -> None:
    """Copy the content of the locked file into the temporary one."""
    if _clone(lock.fd, workspace.fd):
        return
    with open(lock.fd, "rb", closefd=False) as source, open(workspace.path, "wb") as copy:
        source.seek(0)
        shutil.copyfileobj(source, copy, 1 << 20)


def copy_result(result: Workspace, copy: Workspace, cancelled: Callable[[], bool]) -> None:
    """Copy a proven result into another temporary file, and prove the copy by its hash.

    It is read again from the disk, where the system can be asked to. Raises ``SpaceError`` or
    ``PublishError``.
    """
    wanted, found = hashlib.sha256(), hashlib.sha256()
    at = 0
    try:
        for block in _blocks(result.fd, cancelled):
            wanted.update(block)
            at += _write(copy.fd, block, at)
        os.fsync(copy.fd)
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(copy.fd, 0, 0, os.POSIX_FADV_DONTNEED)
        for block in _blocks(copy.fd, cancelled):
            found.update(block)
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise SpaceError(
                f"the file system of {copy.folder} is full; free some space and run again"
            ) from None
        raise PublishError(
            f"the result could not be copied to {copy.folder}: {error.strerror}"
        ) from None
    if found.digest() != wanted.digest():
        raise PublishError(
            f"the copy of the result in {copy.folder} differs from it, and was discarded; "
            "check the disk"
        )


def _blocks(fd: int, cancelled: Callable[[], bool]) -> Iterator[bytes]:
    at = 0
    while block := os.pread(fd, _BLOCK, at):
        if cancelled():
            raise CancelledError("interrupted while the result was copied")
        yield block
        at += len(block)


def _write(fd: int, block: bytes, offset: int) -> int:
    done = 0
    while done < len(block):
        done += os.pwrite(fd, block[done:], offset + done)
    return done


def can_clone(source: int, folder: str) -> bool:
    """Return whether the open file can be cloned into the folder; tries it with an unnamed file."""
    try:
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):
        return False
    try:
        return _clone(source, fd)
    finally:
        os.close(fd)


def _clone(source: int, target: int) -> bool:
    """Clone the source without copying; return whether the file system supports it."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
