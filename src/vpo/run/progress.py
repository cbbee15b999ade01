"""The progress of a run and of each file that is being processed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

_READS = 3


class RunningFile(NamedTuple):
    """A file that is being processed.

    ``part`` is the fraction done, from 0 to 1, and ``left`` the seconds left; ``None`` if unknown.
    ``prepared`` is the fraction of a search or a measurement before the file is written.
    ``strategy`` is how it is changed, once that is known, and ``writing`` how many seconds it has
    been written for.
    """

    path: str
    part: float | None = None
    left: float | None = None
    prepared: float | None = None
    strategy: str | None = None
    writing: float | None = None

    @property
    def stage(self) -> str:
        """What is done with it, as far as the fraction tells."""
        if self.part is None:
            return "preparing"
        return "writing" if self.part < 1 else "verifying"


class RunProgress(NamedTuple):
    """The numbers of files done, in total and being processed, and the seconds left.

    ``left`` is ``None`` if unknown. ``waiting`` is the reason why nothing starts now, if any;
    ``part`` is the fraction of the work that is done, from 0 to 1, by the time that it takes.
    """

    done: int
    total: int
    active: int
    left: float | None = None
    running: tuple[RunningFile, ...] = ()
    waiting: str | None = None
    part: float | None = None


def write_progress(fd: int, progress: RunProgress) -> None:
    """Write the progress to an open file, in place of what it holds."""
    data = json.dumps(progress, ensure_ascii=True).encode()
    os.pwrite(fd, data, 0)
    os.ftruncate(fd, len(data))


def read_progress(path: str) -> RunProgress | None:
    """Return the progress in a file; ``None`` if there is none (yet)."""
    for _ in range(_READS):
        try:
            with open(path, encoding="ascii") as file:
                found = RunProgress(*json.load(file))
            return found._replace(running=tuple(RunningFile(*item) for item in found.running))
        except OSError:
            return None
        except (ValueError, TypeError):
            continue  # it was empty, or read while it was written
    return None


ProgressSource = Callable[[], RunProgress]
"""Returns the progress when called, because the forecast takes time to compute."""


class FileProgress:
    """The fraction done of each file, written by workers and read by the coordinator.

    Lock-free: each access is one operation on a dictionary.
    """

    def __init__(self) -> None:
        self._parts: dict[str, float] = {}
        self._prepared: dict[str, float] = {}
        self._strategies: dict[str, str] = {}
        self._begun: dict[str, float] = {}

    def choose(self, path: str, strategy: str) -> None:
        """Set how a file is changed."""
        self._strategies[path] = strategy

    def prepare(self, path: str, part: float) -> None:
        """Set the fraction done of the search or measurement before a file is written."""
        self._prepared[path] = part

    def with_details(self, running: RunningFile) -> RunningFile:
        """Return a file in progress with its strategy, and how long it is prepared or written."""
        running = running._replace(strategy=self._strategies.get(running.path))
        if running.part is None:
            return running._replace(prepared=self._prepared.get(running.path))
        begun = self._begun.get(running.path)
        return running._replace(writing=None if begun is None else time.monotonic() - begun)

    def report(self, path: str, part: float) -> None:
        """Set the fraction done, from 0 to 1."""
        self._begun.setdefault(path, time.monotonic())
        self._parts[path] = part

    @property
    def now(self) -> Mapping[str, float]:
        return dict(self._parts)
