"""The progress of a run and of each file that is being processed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class RunningFile(NamedTuple):
    """A file that is being processed.

    ``part`` is the fraction done, from 0 to 1, and ``left`` the seconds left; ``None`` if unknown.
    """

    path: str
    part: float | None = None
    left: float | None = None


class RunProgress(NamedTuple):
    """The numbers of files done, in total and being processed, and the seconds left.

    ``left`` is ``None`` if unknown. ``waiting`` is the reason why nothing starts now, if any.
    """

    done: int
    total: int
    active: int
    left: float | None = None
    running: tuple[RunningFile, ...] = ()
    waiting: str | None = None


ProgressSource = Callable[[], RunProgress]
"""Returns the progress when called, because the forecast takes time to compute."""


class FileProgress:
    """The fraction done of each file, written by workers and read by the coordinator.

    Lock-free: each access is one operation on a dictionary.
    """

    def __init__(self) -> None:
        self._parts: dict[str, float] = {}

    def report(self, path: str, part: float) -> None:
        """Set the fraction done, from 0 to 1."""
        self._parts[path] = part

    @property
    def now(self) -> Mapping[str, float]:
        return dict(self._parts)
