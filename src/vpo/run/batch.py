"""Jobs on any executor, with their outcomes as they complete.

The caller of ``Batch`` reports and records the outcomes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import NamedTuple, Protocol

from vpo.discover import Candidate
from vpo.errors import ErrorKind
from vpo.execute.outcome import Outcome
from vpo.run.job import Job
from vpo.run.job_outcome import failed
from vpo.run.request import Interrupt
from vpo.run.workers import Workers

_WAIT_SECONDS = 0.5
"""The longest time until an interrupt is noticed."""


def _ignore(path: str) -> None:
    """Take no note."""


class Feed(Protocol):
    """The files of a batch, which are taken one by one, when a worker is free."""

    def left(self) -> bool:
        """Return whether files are to start, now or later."""

    def next(self) -> Candidate | None:
        """Return the file that goes next; ``None``: none now."""

    def rest(self) -> Candidate | None:
        """Return one of the files that an interrupted batch has not started."""


class Listed:
    """A feed of files that are known from the start."""

    def __init__(self, items: Iterable[Candidate]) -> None:
        self._items = deque(items)

    def left(self) -> bool:
        return bool(self._items)

    def next(self) -> Candidate | None:
        return self._items.popleft() if self._items else None

    def rest(self) -> Candidate | None:
        return self.next()


class Queue(NamedTuple):
    """The files to process, in order, and the function that makes the job of one.

    ``put_off`` takes the path of a file that is in use, and ``resume`` that of one that is tried
    once more.
    """

    feed: Feed
    job_for: Callable[[Candidate], Job]
    put_off: Callable[[str], None] = _ignore
    resume: Callable[[str], None] = _ignore


class Batch:
    """An iterator over the outcomes of the queue's jobs, as they complete.

    A job is made when a worker is free for it: none waits in the executor, where it could start
    after ``interrupt`` was set, by an outcome or a signal. From then on nothing new starts and
    running jobs complete, unless they are to be killed; the rest is reported as ``not_started``.
    An error of ``job_for`` or ``on_tick``, or a ``KeyboardInterrupt``, ends the batch in the same
    way, and is then raised. The batch waits while no worker has a slot. ``on_tick`` is called at
    least twice a second. A file that is in use is tried once more when all others are done.

    Not a generator, which an exception would end while jobs run.
    """

    def __init__(
        self, queue: Queue, workers: Workers, interrupt: Interrupt, on_tick: Callable[[], None]
    ) -> None:
        self._source, self._feed = queue, queue.feed
        self._in_use: deque[tuple[Job, Outcome]] = deque()
        self._resumed: set[str] = set()
        self._workers, self._interrupt, self._on_tick = workers, interrupt, on_tick
        self._running: dict[Future[Outcome], Job] = {}
        self._done: deque[Outcome] = deque()
        self._begun = self._ended = False
        self._error: BaseException | None = None

    def __iter__(self) -> Batch:
        return self

    def __next__(self) -> Outcome:
        while not self._done and (self._running or self._waiting):
            try:
                self._step()
            except BaseException as error:  # noqa: BLE001 - what runs has to be waited for first
                self._interrupt.fail(error)
                self._error = self._error or error
        if self._done:
            return self._done.popleft()
        if self._in_use:
            return self._in_use.popleft()[1]
        item = self._feed.rest()
        if item is not None:
            return Outcome(item.path, "not_started")
        failure, self._error = self._error, None
        raise failure or StopIteration

    @property
    def _waiting(self) -> bool:
        """Whether further jobs are to start, now or later."""
        return not self._interrupt.stop and (bool(self._in_use) or self._feed.left())

    def _step(self) -> None:
        """Take what has completed within half a second, and give free workers a job."""
        if self._interrupt.at_once and not self._ended:
            self._ended = True
            self._workers.end_tools()
        if self._running:
            self._collect()
        elif self._begun:
            time.sleep(_WAIT_SECONDS)
        self._begun = True
        self._on_tick()
        self._fill()

    def _fill(self) -> None:
        """Give every free worker a job."""
        while not self._interrupt.stop and len(self._running) < self._workers.slots():
            job = self._next_job()
            if job is None:
                return
            self._running[self._workers.executor.submit(self._workers.work, job)] = job

    def _next_job(self) -> Job | None:
        """Return the next job; once all others are done, one that was in use."""
        item = self._feed.next()
        if item is not None:
            return self._source.job_for(item)
        others = any(job.path not in self._resumed for job in self._running.values())
        if not self._in_use or others:
            return None
        job, _ = self._in_use.popleft()
        self._resumed.add(job.path)
        self._source.resume(job.path)
        return job

    def _collect(self) -> None:
        done, _ = wait(self._running, timeout=_WAIT_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            job = self._running.pop(future)
            outcome = _result(future, job)
            if _is_in_use(outcome) and job.path not in self._resumed:
                self._in_use.append((job, outcome))
                self._source.put_off(job.path)
                continue
            self._done.append(outcome)
            if outcome.stop:
                self._interrupt.stop = True


def _is_in_use(outcome: Outcome) -> bool:
    return outcome.error is not None and outcome.error.kind is ErrorKind.IN_USE


def _result(future: Future[Outcome], job: Job) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        return Outcome(job.path, "not_started")
    except Exception as error:  # noqa: BLE001 - a worker that died costs its file, not the batch
        return failed(job, error)
