"""Row 7: handing out 5,000 jobs that do nothing, and mixed jobs against the best schedule.

The tool is a function that returns at once, or sleeps. The best schedule is bounded from below: no
batch is over before its longest job, or before its work divided by the workers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.table import Figure, seconds
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.execute.outcome import Outcome
from vpo.run.batch import Batch, Listed, Queue
from vpo.run.forecast import Forecast
from vpo.run.job import Job
from vpo.run.recorder import Recorder, RunFacts, recorder
from vpo.run.request import Interrupt
from vpo.run.workers import Workers

COUNT = 5_000
WORKERS = (1, 2, 8, 64)
MIXED = 150
ROUNDS = 3
BYTES_PER_SECOND = 1_000_000_000


def figures(folder: Path) -> Iterator[Figure]:
    idle = [_candidate(number, 1) for number in range(COUNT)]
    for workers in WORKERS:
        took = min(_batch(idle, workers, _nothing) for _ in range(ROUNDS))
        yield _rate(f"{COUNT:,} idle jobs, {workers} worker{'s' * (workers > 1)}", took)
    yield _rate(f"the same, recorded, {WORKERS[1]} workers", _recorded(idle, folder))
    lengths = _lengths()
    mixed = [_candidate(number, length) for number, length in enumerate(lengths)]
    for workers in WORKERS[1:3]:
        least = max(*lengths, sum(lengths) / workers)
        order = Forecast(mixed, workers).ordered(mixed)
        took = _batch(order, workers, lambda job: _sleep(job, lengths))
        name = f"{MIXED} jobs of mixed length, {workers} workers, against the best schedule"
        yield Figure("7", name, seconds(least), seconds(took), took / least, 1.03)


def _rate(name: str, took: float) -> Figure:
    rate = COUNT / took
    return Figure("7", name, "", f"{rate:,.0f} jobs/s", rate, 1000, "≥", " jobs/s")


def _batch(
    items: Sequence[Candidate],
    workers: int,
    work: Callable[[Job], Outcome],
    recording: Recorder | None = None,
) -> float:
    """Return the seconds until all are done, with a recorder if given."""

    def job(item: Candidate) -> Job:
        key = recording.start(item.path) if recording else ""
        return Job(item.path, (), outcome_id=key)

    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        threads = Workers(pool, lambda: workers, work, _ignore, _never_paused)
        for outcome in Batch(Queue(Listed(items), job), threads, Interrupt(), _ignore):
            if recording:
                recording.take(outcome)
    return time.perf_counter() - began


def _recorded(items: Sequence[Candidate], folder: Path) -> float:
    with DaemonConnectionPool(folder / "vpo.db") as pool:
        store = Store(pool)
        facts = RunFacts([], {}, WORKERS[1])
        with recorder(store, folder, lambda _path, _was: "none", facts) as recording:
            return _batch(items, WORKERS[1], _nothing, recording)


def _never_paused(paused: bool) -> None:
    """Do nothing: no job is paused."""


def _ignore() -> None:
    """Do nothing."""


def _nothing(job: Job) -> Outcome:
    return Outcome(job.path, "unchanged")


def _sleep(job: Job, lengths: Sequence[float]) -> Outcome:
    time.sleep(lengths[int(job.path)])
    return Outcome(job.path, "unchanged")


def _lengths() -> list[float]:
    """Return seconds: many short jobs and a few long ones, the same in each run."""
    chance = random.Random(7)
    return [min(2.0, chance.lognormvariate(-3.0, 1.0)) for _ in range(MIXED)]


def _candidate(number: int, length: float) -> Candidate:
    """Return a file whose size roughly corresponds to its duration."""
    guess = random.Random(number).lognormvariate(0, 0.3)
    return Candidate(str(number), int(length * guess * BYTES_PER_SECOND), number, number, 1)
