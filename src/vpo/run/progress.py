"""How far a run is: as a whole, and with each file that is being worked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class RunningFile(NamedTuple):
    """A file that is being worked on: the part that is done, 0 to 1, and how many seconds are left;
    ``None`` where nothing tells."""

    path: str
    part: float | None = None
    left: float | None = None


class RunProgress(NamedTuple):
    """Files that are done, of how many, how many are being worked on, and the seconds until all are
    done, if anything is known of that. ``waiting`` is why nothing begins, if it may not now."""

    done: int
    total: int
    active: int
    left: float | None = None
    running: tuple[RunningFile, ...] = ()
    waiting: str | None = None


ProgressSource = Callable[[], RunProgress]
"""To be called by who wants to know: the end that is expected takes some reckoning."""


class FileProgress:
    """What part of each file is done. Workers write, the coordinator reads, and neither waits: each
    is one operation on a dictionary."""

    def __init__(self) -> None:
        self._parts: dict[str, float] = {}

    def report(self, path: str, part: float) -> None:
        """From 0 to 1, as a tool tells."""
        self._parts[path] = part

    @property
    def now(self) -> Mapping[str, float]:
        return dict(self._parts)
