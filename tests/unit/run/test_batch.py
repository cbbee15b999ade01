"""The batch: order, how many at a time, when it stops, and workers that die."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from vpo.discover import Candidate
from vpo.errors import InUseError
from vpo.execute.outcome import Failure, Outcome
from vpo.policy.document import Policy
from vpo.run.batch import Batch, Listed, Queue
from vpo.run.job import Job
from vpo.run.request import Interrupt
from vpo.run.workers import Workers

POLICY = Policy.model_validate({"schema_version": 13, "phases": [{"name": "p"}]})


def job(item: Candidate, on_error: Any = None) -> Job:
    return Job(item.path, (POLICY,), on_error=on_error)


def items(count: int) -> list[Candidate]:
    return [Candidate(f"/{n}", 0, 0, 0, 0) for n in range(count)]


def batch(
    count: int,
    work: Callable[[Job], Outcome],
    workers: int = 2,
    interrupt: Interrupt | None = None,
    on_error: Any = None,
    end_tools: Callable[[], None] = lambda: None,
) -> Iterator[Outcome]:
    with ThreadPoolExecutor(workers) as pool:
        queue = Queue(Listed(items(count)), lambda item: job(item, on_error))
        crew = Workers(pool, lambda: workers, work, end_tools, ignore)
        yield from Batch(queue, crew, interrupt or Interrupt(), nothing)


def ignore(paused: bool) -> None:
    """Nothing can be paused here."""


def nothing() -> None:
    """Nobody looks."""


def two(executor: Executor, work: Callable[[Job], Outcome]) -> Workers:
    return Workers(executor, lambda: 2, work, nothing, ignore)


def done(job: Job) -> Outcome:
    return Outcome(job.path, "changed")


def test_batch_gives_every_item_an_outcome() -> None:
    found = list(batch(20, done, workers=3))
    assert sorted(o.path for o in found) == sorted(i.path for i in items(20))


def test_batch_with_one_worker_keeps_the_order() -> None:
    active, seen = threading.Semaphore(1), []

    def work(job: Job) -> Outcome:
        assert active.acquire(blocking=False)
        seen.append(job.path)
        active.release()
        return done(job)

    found = list(batch(20, work, workers=1))
    assert [o.path for o in found] == seen == [i.path for i in items(20)]


def test_batch_uses_all_workers_and_no_more() -> None:
    together = threading.Barrier(3)
    active: list[int] = []

    def work(job: Job) -> Outcome:
        together.wait(30)  # broken unless three are here at once
        active.append(together.n_waiting)
        return done(job)

    assert len(list(batch(9, work, workers=3))) == 9


def test_batch_makes_jobs_when_a_worker_is_free() -> None:
    """Memory does not grow with the library, and nothing waits where a stop cannot reach it."""
    made: list[str] = []

    def make(item: Candidate) -> Job:
        made.append(item.path)
        return job(item)

    with ThreadPoolExecutor(2) as pool:
        outcomes = Batch(Queue(Listed(items(10)), make), two(pool, done), Interrupt(), nothing)
        next(outcomes)
        assert len(made) <= 6
        assert len(list(outcomes)) == 9


def test_batch_stops_after_outcome_that_says_stop() -> None:
    def work(job: Job) -> Outcome:
        if job.path == "/2":
            return Outcome(job.path, "failed", stop=True)
        return done(job)

    found = list(batch(10, work, workers=1))
    assert [o.status for o in found] == ["changed"] * 2 + ["failed"] + ["not_started"] * 7
    assert [o.path for o in found] == [i.path for i in items(10)]


def test_batch_completes_running_jobs_after_interrupt() -> None:
    both, interrupt = threading.Barrier(2), Interrupt()

    def work(job: Job) -> Outcome:
        both.wait(30)
        interrupt.signal()
        return done(job)

    found = list(batch(10, work, workers=2, interrupt=interrupt))
    assert sorted(o.status for o in found) == ["changed"] * 2 + ["not_started"] * 8


def test_batch_interrupted_before_the_first_starts_nothing() -> None:
    interrupt = Interrupt()
    interrupt.signal()
    assert [o.status for o in batch(3, done, interrupt=interrupt)] == ["not_started"] * 3


def test_batch_ends_tools_once_on_second_interrupt() -> None:
    interrupt, ended = Interrupt(), threading.Event()

    def end_tools() -> None:
        assert not ended.is_set()
        ended.set()

    def work(job: Job) -> Outcome:
        interrupt.signal()
        interrupt.signal()
        assert ended.wait(30)
        return done(job)

    found = list(batch(3, work, workers=1, interrupt=interrupt, end_tools=end_tools))
    assert [o.status for o in found] == ["changed", "not_started", "not_started"]


def test_batch_ends_after_running_jobs_when_a_job_cannot_be_made() -> None:
    begun, found = threading.Event(), []

    def make(item: Candidate) -> Job:
        if item.path == "/1":
            begun.set()
            raise OSError("no database")
        return job(item)

    def work(job: Job) -> Outcome:
        assert begun.wait(30)
        return done(job)

    with ThreadPoolExecutor(2) as pool, pytest.raises(OSError, match="no database"):
        for outcome in Batch(Queue(Listed(items(5)), make), two(pool, work), Interrupt(), nothing):
            found.append(outcome)
    assert [(o.path, o.status) for o in found] == [
        ("/0", "changed"),
        ("/2", "not_started"),
        ("/3", "not_started"),
        ("/4", "not_started"),
    ]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_batch_yields_running_jobs_before_it_raises_an_error(error: type[BaseException]) -> None:
    raised, interrupt, calls = threading.Event(), Interrupt(), iter((False, True))

    def on_tick() -> None:
        if next(calls, False):
            raised.set()
            raise error

    def work(job: Job) -> Outcome:
        assert raised.wait(30)
        return done(job)

    found = []
    with ThreadPoolExecutor(2) as pool, pytest.raises(error):
        for outcome in Batch(Queue(Listed(items(3)), job), two(pool, work), interrupt, on_tick):
            found.append(outcome.status)
    assert found == ["changed", "changed", "not_started"]
    assert interrupt.at_once is (error is KeyboardInterrupt)


@pytest.mark.parametrize(("on_error", "count"), [("skip", 5), ("continue", 5), ("fail", 2)])
def test_batch_fails_only_the_file_of_a_worker_that_raises(on_error: str, count: int) -> None:
    def work(job: Job) -> Outcome:
        if job.path == "/1":
            raise MemoryError("no more")
        return done(job)

    found = list(batch(5, work, workers=1, on_error=on_error))
    assert found[1].status == "failed"
    assert found[1].error is not None
    assert found[1].error[:2] == ("MemoryError", "unexpected error: no more")
    assert len([o for o in found if o.status != "not_started"]) == count


def test_batch_ends_when_executor_refuses_jobs() -> None:
    class Refusing(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ARG002
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    found = Batch(Queue(Listed(items(3)), job), two(Refusing(), done), Interrupt(), nothing)
    assert [o.status for o in found] == ["not_started"] * 3


def in_use(job: Job) -> Outcome:
    return Outcome(job.path, "skipped", error=Failure.of(InUseError("it is played")))


def test_batch_tries_files_in_use_once_more_at_the_end() -> None:
    tried: list[str] = []
    notes: list[str] = []

    def work(job: Job) -> Outcome:
        tried.append(job.path)
        ends = job.path == "/1" and tried.count("/1") == 2
        return in_use(job) if job.path in ("/0", "/1") and not ends else done(job)

    with ThreadPoolExecutor(1) as pool:
        queue = Queue(
            Listed(items(4)), job, lambda p: notes.append(f"-{p}"), lambda p: notes.append(p)
        )
        one = Workers(pool, lambda: 1, work, nothing, ignore)
        found = {o.path: o.status for o in Batch(queue, one, Interrupt(), nothing)}
    assert tried == ["/0", "/1", "/2", "/3", "/0", "/1"]
    assert notes == ["-/0", "-/1", "/0", "/1"]
    assert found == {"/0": "skipped", "/1": "changed", "/2": "changed", "/3": "changed"}


def test_batch_skips_files_in_use_after_an_interrupt() -> None:
    interrupt = Interrupt()

    def work(job: Job) -> Outcome:
        interrupt.stop = job.path == "/1"
        return in_use(job) if job.path == "/0" else done(job)

    found = list(batch(3, work, workers=1, interrupt=interrupt))
    assert {o.path: o.status for o in found} == {
        "/0": "skipped",
        "/1": "changed",
        "/2": "not_started",
    }


def test_batch_without_items_is_empty() -> None:
    assert list(batch(0, done)) == []


class Later:
    """A feed whose second file comes only when the first is done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.given = 0

    def left(self) -> bool:
        return self.given < 2

    def next(self) -> Candidate | None:
        if self.given > len(self.done) or self.given == 2:
            return None
        self.given += 1
        return items(2)[self.given - 1]

    def rest(self) -> Candidate | None:
        return None


def test_batch_asks_the_feed_whenever_a_worker_is_free() -> None:
    feed = Later()
    with ThreadPoolExecutor(2) as pool:
        for outcome in Batch(Queue(feed, job), two(pool, done), Interrupt(), nothing):
            feed.done.append(outcome.path)
    assert feed.done == ["/0", "/1"]


def test_batch_leaves_what_a_feed_has_not_given_to_the_next_run() -> None:
    interrupt, feed = Interrupt(), Later()

    def work(job: Job) -> Outcome:
        interrupt.stop = True
        return done(job)

    with ThreadPoolExecutor(2) as pool:
        found = [o.path for o in Batch(Queue(feed, job), two(pool, work), interrupt, nothing)]
    assert found == ["/0"]
