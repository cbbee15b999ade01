"""Is a file still on its way here? One that is being written must not be taken for complete."""

from __future__ import annotations

import errno
import fcntl
import signal
import time

from vpo.errors import BusyError
from vpo.execute.lock import FileLock

_NANO = 1_000_000_000


def refuse_moving(lock: FileLock, seen: tuple[int, int] | None, min_age: float) -> None:
    """``BusyError`` for a file that is young, growing, or open for writing elsewhere.

    ``seen`` is (size, mtime_ns) as the run found the file; ``min_age`` is in seconds.
    """
    now = lock.status
    if seen is not None and seen != (now.st_size, now.st_mtime_ns):
        raise BusyError("it has changed since the run began; it may still be being written")
    age = time.time() - now.st_mtime_ns / _NANO
    if 0 <= age < min_age:
        raise BusyError(f"modified {age:.0f} s ago; [files] min_age is {min_age:g} s")
    if _written_elsewhere(lock.fd):
        raise BusyError("another program has it open for writing")


def _written_elsewhere(fd: int) -> bool:
    """Linux grants a read lease only on a file that nobody has open for writing (fcntl(2)).

    Where there are no leases (other systems, network file systems, files of other owners) nothing
    is known, and the check of the source before the result is put in place has to do.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # Who opens the file meanwhile has us sent a signal; the usual one, SIGIO, would end vpo.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EBUSY)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
