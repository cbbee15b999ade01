"""Copies of a locked file, which share its blocks where the file system can."""

from __future__ import annotations

import fcntl
import os
import shutil

from vpo.execute.lock import FileLock
from vpo.execute.workspace import Workspace

_FICLONE = 0x40049409
"""The request of ioctl_ficlone(2): share all blocks of another file, as btrfs and XFS can."""


def copy_file(lock: FileLock, workspace: Workspace) -> None:
    """Copy the content of the locked file into the temporary one."""
    if _clone(lock.fd, workspace.fd):
        return
    with open(lock.fd, "rb", closefd=False) as source, open(workspace.path, "wb") as copy:
        source.seek(0)
        shutil.copyfileobj(source, copy, 1 << 20)


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
