"""Refuse files that cannot or must not be changed, or that are still being written."""

from __future__ import annotations

import math
import os
import stat
import time

from vpo.errors import (
    BusyError,
    CancelledError,
    DamagedError,
    InUseError,
    LinkedError,
    PublishError,
    SourceChangedError,
)
from vpo.execute.context import RunContext
from vpo.execute.lock import FileLock
from vpo.execute.open_files import is_open_for_writing
from vpo.execute.options import RewriteOptions
from vpo.plan.model import Strategy
from vpo.probe.integrity import is_complete
from vpo.text import counted, format_seconds, format_size

_NANO = 1_000_000_000
_DAY_SECONDS = 86400
_ASK_SECONDS = 5.0
"""Seconds between two questions whether a file is still played."""


def refuse_still_written(lock: FileLock, seen: tuple[int, int] | None, min_age: float) -> None:
    """Raise ``BusyError`` for a file that is young, growing, or open for writing elsewhere.

    ``seen`` is (size, mtime_ns) as the run found the file; ``min_age`` is in seconds.
    """
    now = lock.status
    if seen is not None and seen != (now.st_size, now.st_mtime_ns):
        raise BusyError(
            "it has changed since the run began and may still be being written; run again later"
        )
    age = age_of(now.st_mtime_ns, now.st_ctime_ns, time.time())
    if age < min_age:
        raise BusyError(
            f"modified {format_seconds(round(age))} ago; [files] min_age is "
            f"{format_seconds(min_age)}"
        )
    if is_open_for_writing(lock):
        raise BusyError("another program has it open for writing")


def refuse_played(path: str, context: RunContext) -> None:
    """Raise ``InUseError`` for a file that somebody plays."""
    if (reason := context.played.reason(path)) is not None:
        raise InUseError(reason)


def wait_until_unplayed(path: str, context: RunContext, limit: float) -> None:
    """Wait until nobody plays the file, so that its result need not be discarded.

    Raises ``InUseError`` after ``limit`` seconds, and ``CancelledError`` if the run is cancelled.
    """
    until = time.monotonic() + limit
    while (reason := context.played.reason(path)) is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise InUseError(f"{reason}; the result was discarded")
        time.sleep(min(left, _ASK_SECONDS))
        if context.cancelled:
            raise CancelledError("interrupted")


def age_of(mtime_ns: int, ctime_ns: int, now: float) -> float:
    """Return how long ago a file was modified, in seconds.

    Anyone can set the modification time; if it is in the future, the change of the inode counts.
    If that is in the future too, the clock of a file server may be ahead, and the age is 0; if it
    is so by more than a day, a clock was wrong, and the file must not be young for ever.
    """
    age = now - mtime_ns / _NANO
    if age < 0:
        age = now - ctime_ns / _NANO
    if age < -_DAY_SECONDS:
        return math.inf
    return max(age, 0.0)


def refuse_unchangeable(path: str, status: os.stat_result, options: RewriteOptions) -> None:
    """Raise an error for a file that may not be changed, in a run or a dry run.

    ``PublishError`` for a file that cannot be written, ``LinkedError`` for one that the
    configuration excludes.
    """
    if status.st_nlink > 1 and options.hardlinks == "skip":
        raise LinkedError(
            f"it has further hard links ({_other_names(status)}), which would keep the old content "
            'and need its room besides; [files] hardlinks is "skip"'
        )
    refuse_unwritable(path, status)


def refuse_cut_off(path: str, strategy: Strategy, options: RewriteOptions) -> None:
    """Raise ``DamagedError`` for a file that the run will find cut off, without reading all of it.

    A new name and files beside the film take what there is; so does a rewrite that is to salvage
    it, or whose source is not read.
    """
    if strategy not in ("header", "remux", "transcode"):
        return
    reads = options.verify == "full" and options.damaged == "refuse"
    if (reads or strategy == "header") and not is_complete(path):
        raise DamagedError("the file is cut off; it was left alone; get it again")


def separation(path: str, options: RewriteOptions, strategy: Strategy) -> str | None:
    """Return a warning if the file would be separated from its hard links, and need more room."""
    shared = strategy == "rename" or (options.hardlinks == "edit" and strategy == "header")
    try:
        status = os.stat(path)
    except OSError:
        return None
    if status.st_nlink == 1 or strategy == "extract" or shared or options.hardlinks == "skip":
        return None
    return (
        f"it has further hard links ({_other_names(status)}), which keep the old content: its "
        f"{format_size(status.st_size)} stay in use, and the new file needs its own room"
    )


def _other_names(status: os.stat_result) -> str:
    return counted(status.st_nlink - 1, "other name")


def refuse_unwritable(path: str, status: os.stat_result) -> None:
    """Raise ``PublishError`` for a file that is read-only or that this user may not write."""
    if not stat.S_IMODE(status.st_mode) & 0o222:
        raise PublishError("the file is read-only; make it writable (chmod u+w)")
    if not _permitted(path, os.W_OK):
        # Write permission on the folder would be enough to replace it, but its owner would be lost.
        raise PublishError("you may not write to the file; change its owner or mode")
    refuse_unwritable_folder(path)


def refuse_unwritable_folder(path: str) -> None:
    """Raise ``PublishError`` if this user may not create files beside a film."""
    folder = os.path.dirname(path)
    if not _permitted(folder, os.W_OK | os.X_OK):
        raise PublishError(
            f"you may not write to its folder {folder}, where the new file is created; "
            "change the owner or mode of the folder"
        )


def _permitted(path: str, how: int) -> bool:
    ids = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.access(path or ".", how, **ids)


def refuse_growing(lock: FileLock, problem: str) -> None:
    """Raise ``BusyError`` if a file on a server has changed since it was locked."""
    try:
        if lock.beside:
            lock.check()
    except SourceChangedError:
        raise BusyError(problem) from None
