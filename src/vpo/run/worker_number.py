"""The number of workers of the queue, which can change while it is worked on.

As a pause, it is a file in the data folder: any process sets it, and it survives a restart.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_NAME = "queue-workers"


def set_worker_number(data_dir: Path, number: int | None) -> None:
    """Set how many files of the queue are processed at once; ``None``: as configured."""
    if number is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(data_dir / _NAME)
        return
    os.makedirs(data_dir, mode=0o700, exist_ok=True)
    part = data_dir / f"{_NAME}.{os.getpid()}"
    part.write_text(f"{number}\n", "ascii")
    part.replace(data_dir / _NAME)


def worker_number(data_dir: Path) -> int | None:
    """Return the number that was set, ``None`` if none was, or what is there is no number."""
    try:
        number = int((data_dir / _NAME).read_text("ascii"))
    except (OSError, ValueError):
        return None
    return number if number >= 1 else None
