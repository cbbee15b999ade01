"""Whether other programs have a file open for writing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal

from vpo.execute.lock import FileLock

_PROCESSES = "/proc"


def is_open_for_writing(lock: FileLock) -> bool:
    """Return whether another program has the locked file open for writing.

    Linux grants a read lease only on a file that nobody has open for writing (fcntl(2)). Where
    there are no leases (files of other owners), or its server may refuse one that nobody stands in
    the way of, with the same error (network file systems), the open files of the processes that may
    be looked at answer. Without these either the answer is false, and only the check of the source
    before publishing protects the file.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    if lock.beside:
        return _has_writer(lock.path)
    fd = lock.fd
    try:
        # If a program opens the file now, the kernel sends a signal; SIGIO, the default, kills vpo.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EBUSY) or _has_writer(lock.path)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _has_writer(path: str) -> bool:
    """Return whether a process of this machine has the path open for writing.

    Only the names of open files are read: a look at the files themselves could hang on a dead
    network file system.
    """
    try:
        numbers = [name for name in os.listdir(_PROCESSES) if name.isdigit()]
    except OSError:
        return False
    own = str(os.getpid())
    return any(_writes(os.path.join(_PROCESSES, n), path) for n in numbers if n != own)


def _writes(process: str, path: str) -> bool:
    # A process may not be looked at, or has ended.
    with contextlib.suppress(OSError):
        for name in os.listdir(f"{process}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"{process}/fd/{name}") == path and _for_writing(process, name):
                    return True
    return False


def _for_writing(process: str, name: str) -> bool:
    with open(f"{process}/fdinfo/{name}", encoding="ascii") as file:
        flags = next((line.split()[1] for line in file if line.startswith("flags:")), "0")
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
