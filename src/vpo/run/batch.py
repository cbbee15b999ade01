"""Jobs on any executor, with their outcomes as they complete.

The caller of ``run_batch`` reports and records the outcomes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import NamedTuple

from vpo.discover import Candidate
from vpo.execute.outcome import Outcome
from vpo.run.job import Job, failed
from vpo.run.request import Interrupt
from vpo.run.workers import Workers

_WAIT_SECONDS = 0.5
"""The longest time until an interrupt is noticed."""


class Queue(NamedTuple):
    """The files to process, in order, and the function that makes the job of one."""

    items: Iterable[Candidate]
    job_for: Callable[[Candidate], Job]


def run_batch(
    queue: Queue, workers: Workers, interrupt: Interrupt, on_tick: Callable[[], None]
) -> Generator[Outcome, None, None]:
    """Yield the outcomes of the queue's jobs as they complete.

    A job is made when a worker is free for it: none waits in the executor, where it could start
    after ``interrupt`` was set, by an outcome or a signal. From then on nothing new starts and
    running jobs complete, unless they are to be killed; the rest is reported as ``not_started``.
    An error of ``job_for`` ends the batch in the same way, and is then raised. The batch waits
    while no worker has a slot. ``on_tick`` is called at least twice a second.
    """
    batch = _Batch(queue, workers, interrupt)
    ended = False
    on_tick()
    batch.fill()
    while batch.running or batch.waiting:
        if interrupt.at_once and not ended:
            workers.end_tools()
            ended = True
        outcomes = batch.done()
        on_tick()
        batch.fill()  # first, as workers need not wait for the recording
        yield from outcomes
    for item in batch.rest():
        yield Outcome(item.path, "not_started")
    if batch.error is not None:
        raise batch.error


class _Batch:
    """The running jobs of a queue; ``error`` is the reason why no further job can be made."""

    def __init__(self, queue: Queue, workers: Workers, interrupt: Interrupt) -> None:
        self._queue, self._job_for = iter(queue.items), queue.job_for
        self._next = next(self._queue, None)
        self._workers, self._interrupt = workers, interrupt
        self.running: dict[Future[Outcome], Job] = {}
        self.error: Exception | None = None

    def fill(self) -> None:
        """Give every free worker a job."""
        while not self._interrupt.stop and len(self.running) < self._workers.slots():
            item, self._next = self._next, next(self._queue, None)
            if item is None:
                return
            try:
                job = self._job_for(item)
            except Exception as error:  # noqa: BLE001 - what runs has to be waited for first
                self.error, self._interrupt.stop = error, True
                return
            future = self._workers.executor.submit(self._workers.work, job)
            self.running[future] = job

    @property
    def waiting(self) -> bool:
        """Whether further jobs are to start, now or later."""
        return self._next is not None and not self._interrupt.stop

    def rest(self) -> Iterator[Candidate]:
        """Yield the files that were not started."""
        if self._next is not None:
            yield self._next
        yield from self._queue

    def done(self) -> list[Outcome]:
        """Return the outcomes of completed jobs, after at most half a second."""
        if not self.running:
            time.sleep(_WAIT_SECONDS)
            return []
        done, _ = wait(self.running, timeout=_WAIT_SECONDS, return_when=FIRST_COMPLETED)
        outcomes = [_result(future, self.running.pop(future)) for future in done]
        if any(outcome.stop for outcome in outcomes):
            self._interrupt.stop = True
        return outcomes


def _result(future: Future[Outcome], job: Job) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        return Outcome(job.path, "not_started")
    except Exception as error:  # noqa: BLE001 - a worker that died costs its file, not the batch
        return failed(job, error)
