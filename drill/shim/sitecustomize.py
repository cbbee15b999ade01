"""NFS as flock(2) describes it: an exclusive lock needs a file that is open for writing."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import IO

_flock = fcntl.flock


def _strict(fd: int | IO[bytes], how: int) -> None:
    number = fd if isinstance(fd, int) else fd.fileno()
    mode = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
    if how & fcntl.LOCK_EX and mode == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    _flock(fd, how)


fcntl.flock = _strict  # type: ignore[assignment]
