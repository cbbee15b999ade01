"""Health checks of many files: those that have not changed since their last check are known."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import NamedTuple

from vpo.config.builder import Settings
from vpo.db.health_records import HealthRecords
from vpo.db.records import HealthRecord
from vpo.db.store import utc_now
from vpo.discover import Candidate, Discovery, Search, discover
from vpo.errors import CancelledError
from vpo.library.parallel import Pool, completed
from vpo.probe.health import Health, check_health, health_from_json
from vpo.run.progress import RunningFile, RunProgress
from vpo.run.request import Interrupt
from vpo.tools.priority import lower_priority
from vpo.tools.process import Processes


class CheckedHealth(NamedTuple):
    """The health of a file, when it was checked, and whether an earlier check had found it."""

    path: str
    health: Health
    at: datetime
    known: bool


@dataclass
class HealthChecks:
    """Checks files, as many at the same time as there are workers, and records each result.

    ``unchecked`` are the files of which nothing is known in the end, with the reason.
    """

    settings: Settings
    records: HealthRecords
    interrupt: Interrupt
    on_progress: Callable[[RunProgress], None]
    unchecked: list[tuple[str, str]] = field(default_factory=list)

    def check(
        self, paths: Sequence[str], *, recursive: bool, again: bool = False
    ) -> Iterator[CheckedHealth]:
        """Yield the health of each file; ``again``: also check those that have not changed."""
        found = self._discover(paths, recursive)
        self.unchecked += [(path, str(problem)) for path, problem in found.problems]
        self.unchecked += found.refused
        roots = [os.path.realpath(path) for path in paths if path]
        known = {} if again else self.records.known(roots)
        todo = []
        for item in found.candidates:
            record = known.get(item.path)
            if record is not None and record.stat == item.stat:
                yield CheckedHealth(item.path, health_from_json(record.health), record.at, True)
            else:
                todo.append(item)
        yield from self._checked(todo)

    def _discover(self, paths: Sequence[str], recursive: bool) -> Discovery:
        files = self.settings.config.files
        search = Search(files.extensions, recursive, files.exclude or ())
        return discover(paths, search, lambda: self.interrupt.stop)

    def _checked(self, todo: Sequence[Candidate]) -> Iterator[CheckedHealth]:
        """Decode the files, and record what is certain of them."""
        config, workers = self.settings.config, self.settings.workers
        processes, progress = Processes(), _Progress(todo, self.on_progress)
        wanted = config.processing

        def check(item: Candidate) -> tuple[Candidate, Health | None]:
            progress.begin(item)
            with contextlib.suppress(CancelledError):
                report = progress.reporter(item)
                stall = float(config.tools.stall_seconds)
                return item, check_health(item.path, processes, stall, report)
            return item, None

        def on_tick() -> None:
            if self.interrupt.at_once:
                processes.cancel()
            progress.show()

        priority = (processes, wanted.nice, wanted.ionice)
        with (
            contextlib.closing(processes),
            ThreadPoolExecutor(workers, "vpo", lower_priority, priority) as executor,
        ):
            for item, health in completed(
                check, todo, Pool(executor, workers, self.interrupt, on_tick)
            ):
                progress.end(item)
                yield from self._recorded(item, health)

    def _recorded(self, item: Candidate, health: Health | None) -> Iterator[CheckedHealth]:
        if health is None:
            return
        at = record_health(self.records, item, health)
        if at is None:
            self.unchecked.append((item.path, "it changed while it was checked"))
            return
        yield CheckedHealth(item.path, health, at, False)


def record_health(records: HealthRecords, item: Candidate, health: Health) -> datetime | None:
    """Record the health of a file as it was found; return the time, ``None`` if it has changed."""
    try:
        found = os.stat(item.path)
    except OSError:
        return None
    if (found.st_size, found.st_mtime_ns, found.st_ino) != item.stat:
        return None
    at = utc_now()
    if not health.ended:
        records.record(item.path, item.device, HealthRecord(item.stat, at, asdict(health)))
    return at


class _Progress:
    """The progress in bytes, by which the time left is estimated."""

    def __init__(self, todo: Sequence[Candidate], show: Callable[[RunProgress], None]) -> None:
        self._show, self._began = show, time.monotonic()
        self._total, self._size = len(todo), sum(item.size for item in todo)
        self._done = self._done_size = 0
        self._running: dict[str, Candidate] = {}
        self._parts: dict[str, float] = {}

    def begin(self, item: Candidate) -> None:
        self._running[item.path] = item

    def reporter(self, item: Candidate) -> Callable[[float], None]:
        """Return the function that takes the part of a file that is done."""

        def report(part: float) -> None:
            self._parts[item.path] = part

        return report

    def end(self, item: Candidate) -> None:
        self._running.pop(item.path, None)
        self._done += 1
        self._done_size += item.size
        self.show()

    def show(self) -> None:
        running = dict(self._running)
        size = self._done_size + sum(
            item.size * self._parts.get(path, 0.0) for path, item in running.items()
        )
        part = min(1.0, size / self._size) if self._size else 1.0
        took = time.monotonic() - self._began
        left = took * (1 - part) / part if part > 0 and took >= 1 else None
        files = tuple(RunningFile(path, self._parts.get(path)) for path in running)
        state = RunProgress(self._done, self._total, len(files), left, files, None, part)
        self._show(state)
