"""The batch: order, how many at a time, when it stops, and workers that die."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vpo.discover import Candidate
from vpo.errors import ErrorKind, PlanError, ProbeError
from vpo.execute.lock import FileLock
from vpo.execute.outcome import Outcome
from vpo.execute.rewrite import Rewriter
from vpo.media.model import MediaFile
from vpo.policy.document import Policy
from vpo.probe.service import Prober
from vpo.run.job import Job, process_file, run_batch
from vpo.run.request import Interrupt
from vpo.tools.process import Tools

POLICY = Policy.model_validate({"schema_version": 13, "phases": [{"name": "p"}]})


def job(item: Candidate, on_error: Any = None) -> Job:
    return Job(item.path, (POLICY,), Rewriter(Tools()), on_error)


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
        yield from run_batch(
            pool,
            items(count),
            lambda item: job(item, on_error),
            workers=lambda: workers,
            interrupt=interrupt or Interrupt(),
            end_tools=end_tools,
            work=work,
        )


def done(job: Job) -> Outcome:
    return Outcome(job.path, "changed")


def test_every_item_has_an_outcome() -> None:
    found = list(batch(20, done, workers=3))
    assert sorted(o.path for o in found) == sorted(i.path for i in items(20))


def test_one_worker_keeps_the_order_one_at_a_time() -> None:
    active, seen = threading.Semaphore(1), []

    def work(job: Job) -> Outcome:
        assert active.acquire(blocking=False)
        seen.append(job.path)
        active.release()
        return done(job)

    found = list(batch(20, work, workers=1))
    assert [o.path for o in found] == seen == [i.path for i in items(20)]


def test_all_workers_are_used_and_no_more() -> None:
    together = threading.Barrier(3)
    active: list[int] = []

    def work(job: Job) -> Outcome:
        together.wait(30)  # broken unless three are here at once
        active.append(together.n_waiting)
        return done(job)

    assert len(list(batch(9, work, workers=3))) == 9


def test_jobs_are_made_when_a_worker_is_free() -> None:
    """Memory does not grow with the library, and nothing waits where a stop cannot reach it."""
    made: list[str] = []

    def make(item: Candidate) -> Job:
        made.append(item.path)
        return job(item)

    with ThreadPoolExecutor(2) as pool:
        outcomes = run_batch(
            pool, items(10), make, workers=lambda: 2, interrupt=Interrupt(), work=done
        )
        next(outcomes)
        assert len(made) <= 6
        assert len(list(outcomes)) == 9


def test_an_outcome_that_stops_the_batch() -> None:
    def work(job: Job) -> Outcome:
        if job.path == "/2":
            return Outcome(job.path, "failed", stop=True)
        return done(job)

    found = list(batch(10, work, workers=1))
    assert [o.status for o in found] == ["changed"] * 2 + ["failed"] + ["not_started"] * 7
    assert [o.path for o in found] == [i.path for i in items(10)]


def test_what_runs_completes() -> None:
    both, interrupt = threading.Barrier(2), Interrupt()

    def work(job: Job) -> Outcome:
        both.wait(30)
        interrupt.ask()
        return done(job)

    found = list(batch(10, work, workers=2, interrupt=interrupt))
    assert sorted(o.status for o in found) == ["changed"] * 2 + ["not_started"] * 8


def test_a_stop_before_the_first() -> None:
    interrupt = Interrupt()
    interrupt.ask()
    assert [o.status for o in batch(3, done, interrupt=interrupt)] == ["not_started"] * 3


def test_the_tools_are_ended_once_when_that_is_asked_for() -> None:
    interrupt, ended = Interrupt(), threading.Event()

    def end_tools() -> None:
        assert not ended.is_set()
        ended.set()

    def work(job: Job) -> Outcome:
        interrupt.ask()
        interrupt.ask()
        assert ended.wait(30)
        return done(job)

    found = list(batch(3, work, workers=1, interrupt=interrupt, end_tools=end_tools))
    assert [o.status for o in found] == ["changed", "not_started", "not_started"]


def test_a_job_that_cannot_be_made_ends_the_batch_after_what_runs() -> None:
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
        for outcome in run_batch(
            pool, items(5), make, workers=lambda: 2, interrupt=Interrupt(), work=work
        ):
            found.append(outcome)
    assert [(o.path, o.status) for o in found] == [
        ("/0", "changed"),
        ("/2", "not_started"),
        ("/3", "not_started"),
        ("/4", "not_started"),
    ]


@pytest.mark.parametrize(("on_error", "count"), [("skip", 5), ("continue", 5), ("fail", 2)])
def test_a_worker_that_dies_costs_its_file(on_error: str, count: int) -> None:
    def work(job: Job) -> Outcome:
        if job.path == "/1":
            raise MemoryError("no more")
        return done(job)

    found = list(batch(5, work, workers=1, on_error=on_error))
    assert found[1].status == "failed"
    assert found[1].error is not None
    assert found[1].error[:2] == ("MemoryError", "unexpected error: no more")
    assert len([o for o in found if o.status != "not_started"]) == count


def test_an_executor_that_gives_up() -> None:
    class Refusing(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ARG002
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    found = run_batch(
        Refusing(), items(3), job, workers=lambda: 2, interrupt=Interrupt(), work=done
    )
    assert [o.status for o in found] == ["not_started"] * 3


def test_no_items() -> None:
    assert list(batch(0, done)) == []


# One file.


class Reader(Prober):
    """Stands for the prober; raises what it is given."""

    error: Exception = ProbeError("cannot be read")

    def probe(self, path: str, frames: bool = False) -> MediaFile:  # noqa: ARG002
        raise type(self).error


@pytest.mark.parametrize("mode", ["skip", "continue", "fail"])
def test_a_file_that_cannot_be_probed(tmp_path: Path, mode: Any) -> None:
    outcome = process_file(Job(str(tmp_path / "x"), (POLICY,), Rewriter(Tools()), mode))
    assert outcome.status == "failed"
    assert outcome.stop == (mode == "fail")
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.PROBE


def test_the_strictest_policy_decides_where_no_phase_does() -> None:
    strict = POLICY.model_copy(
        update={"config": POLICY.config.model_copy(update={"on_error": "fail"})}
    )
    assert Job("/x", (POLICY, strict), Rewriter(Tools())).mode == "fail"
    assert Job("/x", (POLICY, strict), Rewriter(Tools()), "skip").mode == "skip"


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), RuntimeError(), PlanError("y")])
def test_nothing_is_raised(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reader, "error", error)
    rewriter = Rewriter(Tools(), prober=Reader())
    outcome = process_file(Job(str(tmp_path / "x"), (POLICY,), rewriter))
    assert outcome.error is not None
    assert outcome.error.type == type(error).__name__
    assert outcome.error.message


def test_a_locked_file_is_skipped(library: Any) -> None:
    path = library("wrong-flags.mkv") / "wrong-flags.mkv"
    flags = Policy.model_validate(
        {"schema_version": 13, "phases": [{"name": "p", "default_flags": {}}]}
    )
    tools = Tools(mkvpropedit="mkvpropedit", mkvmerge="mkvmerge", ffmpeg="ffmpeg")
    with path.open("rb") as other:
        import fcntl

        fcntl.flock(other.fileno(), fcntl.LOCK_EX)
        outcome = process_file(Job(str(path), (flags,), Rewriter(tools), "fail"))
    assert outcome.status == "skipped"
    assert not outcome.stop
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.LOCKED
    with FileLock(str(path)):
        pass


def test_jobs_and_outcomes_can_go_to_other_processes(library: Any) -> None:
    path = str(library("wrong-flags.mkv") / "wrong-flags.mkv")
    flags = Policy.model_validate(
        {"schema_version": 13, "phases": [{"name": "p", "default_flags": {}}]}
    )
    tools = Tools(mkvpropedit="mkvpropedit", mkvmerge="mkvmerge", ffmpeg="ffmpeg")
    job = Job(path, (flags,), Rewriter(tools), dry_run=True, seen=(1, 2))
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - our own bytes
    outcome = process_file(job)
    assert outcome.status == "planned"
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301 - our own bytes
