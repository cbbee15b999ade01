"""One server for each data folder: the lock, which holds the address of the one that runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from vpo.errors import UsageError


@contextlib.contextmanager
def server_lock(data_dir: Path, url: str) -> Iterator[None]:
    """Hold the lock of the data folder; raise ``UsageError`` with the address of who holds it.

    The kernel releases it with the process, however that ends.
    """
    path = data_dir / "serve.lock"
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            first = os.pread(fd, 4096, 0).decode("utf-8", "replace").strip()
            raise UsageError(
                f"{data_dir}: vpo serve runs already for this folder, at {first}; open that, end"
                " it, or set VPO_DATA_DIR to another folder"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{url}\n".encode(), 0)
        yield
    finally:
        os.close(fd)
