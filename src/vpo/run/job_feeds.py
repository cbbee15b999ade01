"""Where a batch takes its files from, and how their jobs are made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from vpo.discover import Candidate
from vpo.run.batch import Listed
from vpo.run.dispatch import JobMaker
from vpo.run.forecast import Forecast
from vpo.run.job import Job
from vpo.run.request import WaitingFiles

_LONGEST = 0.4
"""The seconds that are spent on files with nothing to do before the run looks at something else."""


class ListedFiles(Listed):
    """Files that are known from the start."""

    def __init__(self, items: Sequence[Candidate], maker: JobMaker) -> None:
        super().__init__(items)
        self.job = maker.job


class FedFiles:
    """Files that wait elsewhere, and are looked at when a worker is free.

    ``look_at`` returns a file and what makes its job, or ``None`` if there is nothing to do.
    """

    def __init__(
        self,
        waiting: WaitingFiles,
        look_at: Callable[[str], tuple[Candidate, JobMaker] | None],
        expected: Forecast,
        stops: Callable[[], bool],
    ) -> None:
        self._waiting, self._look_at, self._forecast = waiting, look_at, expected
        self._stops = stops
        self._makers: dict[str, tuple[str, JobMaker]] = {}

    def left(self) -> bool:
        return self._waiting.left()

    def next(self) -> Candidate | None:
        until = time.monotonic() + _LONGEST
        while (path := self._waiting.next()) is not None:
            found = self._look_at(path)
            if found is not None:
                item, maker = found
                self._makers[item.path] = path, maker
                self._forecast.expect(item)
                return item
            if self._stops():  # perhaps in the midst of looking at it
                return None
            self._waiting.pass_by(path)
            if time.monotonic() > until:
                break
        return None

    def rest(self) -> Candidate | None:
        return None  # what has not been taken waits for the next run

    def job(self, item: Candidate) -> Job:
        """Return the job of a file that was taken."""
        path, maker = self._makers.pop(item.path)
        return replace(maker.job(item), approval=self._waiting.begin(path, item.path))
