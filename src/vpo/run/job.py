"""process_file(): one job to one outcome; run_batch(): many of them on any executor.

Jobs and outcomes are values that can be pickled. A worker prints nothing and knows no database;
whoever iterates over ``run_batch`` reports and records.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass, replace

from vpo.discover import Candidate
from vpo.errors import (
    BusyError,
    ConvergeError,
    FileError,
    OnError,
    PlanError,
    SavingsError,
    SourceChangedError,
    ToolMissingError,
    VpoError,
)
from vpo.execute.lock import FileLock, Stamp
from vpo.execute.outcome import Failure, History, Outcome, Status
from vpo.execute.rewrite import Rewriter
from vpo.media.model import MediaFile
from vpo.plan.evaluate import NOTHING_KNOWN, STRICTNESS, Plan, Strategy, evaluate
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.run.request import Interrupt

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One file, and all that is needed to work on it.

    ``on_error`` overrides the policies; ``seen`` is the file's (size, mtime_ns) as it was found;
    ``known`` what is known of it beside its content; ``link`` a symbolic link to it.
    ``encoding`` is the mark under which it is remembered that these policies encoded a video;
    ``files`` the policies' files, for the log.
    """

    path: str
    policies: tuple[Policy, ...]
    rewriter: Rewriter
    on_error: OnError | None = None
    dry_run: bool = False
    run_id: str = ""
    outcome_id: str = ""
    seen: tuple[int, int] | None = None
    known: ExternalFacts = NOTHING_KNOWN
    link: str | None = None
    encoding: str = ""
    files: tuple[str, ...] = ()

    @property
    def mode(self) -> OnError:
        return strictest(self.policies, self.on_error)

    @property
    def about(self) -> dict[str, str]:
        """What log records say of the job."""
        return {"run": self.run_id, "file": self.path, "policy": ", ".join(self.files)}


def strictest(policies: Iterable[Policy], on_error: OnError | None) -> OnError:
    """What an error that belongs to no phase leads to."""
    if on_error is not None:
        return on_error
    return max((policy.config.on_error for policy in policies), key=STRICTNESS.index)


def process_file(job: Job) -> Outcome:
    """Bring one file in line with the policies. Never raises: what goes wrong is in the outcome."""
    started = time.monotonic()
    try:
        outcome = _process(job)
    except BusyError as error:
        outcome = Outcome(job.path, "skipped", error=_failure(error))
    except (FileError, ToolMissingError) as error:
        outcome = failed(job, error)
    except Exception as error:  # the border of one file's work
        log.exception("unexpected error", extra=job.about)
        outcome = failed(job, error)
    seconds = time.monotonic() - started
    if outcome.error:
        log.warning(
            "%s: %s",
            outcome.status,
            outcome.error.message,
            extra={**job.about, "operation": outcome.strategy},
        )
    return outcome._replace(seconds=round(seconds, 3))


def failed(
    job: Job, error: BaseException, plan: Plan | None = None, stamp: Stamp | None = None
) -> Outcome:
    """The outcome of a job that ended with an error; the file is what it was."""
    mode = plan.on_error if plan is not None and plan.changes else job.mode
    return Outcome(
        job.path,
        "failed",
        plan=plan,
        error=_failure(error),
        warnings=plan.warnings if plan else (),
        stop=mode == "fail",
        size_before=plan.before.size if plan else None,
        media=plan.before if plan else None,
        stamp=stamp,
    )


def _failure(error: BaseException) -> Failure:
    text = str(error) or "no details"
    known = isinstance(error, VpoError)
    lasting = isinstance(error, FileError) and error.lasting
    return Failure(type(error).__name__, text if known else f"unexpected error: {text}", lasting)


def _process(job: Job) -> Outcome:
    media, stamp = _probed(job)
    plan = evaluate(job.policies, media, job.on_error, job.known)
    try:
        _refuse_broken_link(job, plan)
        strategy = job.rewriter.strategy(plan)
        plan = replace(plan, warnings=(*plan.warnings, *job.rewriter.remarks(plan)))
        if job.dry_run and plan.changes:
            _refuse_untouchable(job)
        if job.dry_run or not plan.changes:
            return _without_work(plan, strategy, stamp)._replace(encode=_remembered(job))
        return _carry_out(job, plan, stamp)
    except SavingsError as error:
        return _without_encode(job, error)
    except BusyError:
        raise
    except (FileError, ToolMissingError) as error:
        return failed(job, error, plan, stamp)


def _without_encode(job: Job, error: SavingsError) -> Outcome:
    """What else the policies want, now that it is known that encoding the video is futile."""
    outcome = _process(replace(job, known=replace(job.known, futile=True)))
    return outcome._replace(warnings=(*outcome.warnings, str(error)))


def _remembered(job: Job, plan: Plan | None = None) -> tuple[str, History] | None:
    """What is to be remembered of the file's video."""
    if plan is not None and plan.video_encodes:
        return job.encoding, "encoded"
    if job.known.futile:
        return job.encoding, "futile"
    return (job.encoding, "encoded") if job.known.encoded else None


def _refuse_broken_link(job: Job, plan: Plan) -> None:
    if job.link is not None and plan.after.path != plan.before.path:
        raise PlanError(
            f"the symbolic link {job.link} leads to it, and would lead nowhere once the file has "
            "another name; process the file without the link, then renew the link"
        )


def _refuse_untouchable(job: Job) -> None:
    """Else a dry run would promise what the run refuses."""
    try:
        status = os.stat(job.path)
    except OSError:
        raise BusyError("it has gone since the run began") from None
    job.rewriter.refuse_untouchable(job.path, status)


def _probed(job: Job) -> tuple[MediaFile, Stamp | None]:
    """The media, and its stamp if the file did not change while it was probed."""
    before = _stamp(job.path)
    try:
        media = _read(job)
    except FileError:
        if job.seen is None or os.path.lexists(job.path):
            raise
        raise BusyError("it has gone since the run began") from None
    return media, before if before == _stamp(job.path) else None


def _read(job: Job) -> MediaFile:
    """The media, with what the pictures say where the policies have to know."""
    pictures = any(policy.reads_frames for policy in job.policies)
    return job.rewriter.prober.probe(job.path, pictures)


def _stamp(path: str) -> Stamp | None:
    try:
        return Stamp.of(os.stat(path))
    except OSError:
        return None


def _without_work(plan: Plan, strategy: Strategy, stamp: Stamp | None) -> Outcome:
    status: Status = "planned" if plan.changes else "unchanged"
    return Outcome(
        plan.before.path,
        "failed" if plan.error else status,
        strategy=strategy,
        plan=plan,
        error=_failure(plan.error) if plan.error else None,
        warnings=plan.warnings,
        stop=plan.error is not None and not plan.changes and plan.on_error == "fail",
        size_before=plan.before.size,
        size_after=None if plan.changes else plan.before.size,
        media=plan.before,
        stamp=stamp,
    )


@contextlib.contextmanager
def _locked(path: str) -> Iterator[FileLock]:
    """The file, locked; whoever was faster has done no harm as long as nothing has begun."""
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(FileLock(path))
        except SourceChangedError as error:
            raise BusyError(f"another program was faster: {error}") from None
        yield lock


def _carry_out(job: Job, plan: Plan, stamp: Stamp | None) -> Outcome:
    with _locked(job.path) as lock:
        if stamp is None or lock.stamp != stamp:
            raise BusyError("another program changed it while it was looked at; run again")
        if lock.stamp.ctime_ns != stamp.ctime_ns:
            # Another vpo, or a worker with another link to it, may have done the work.
            media = _read(job)
            plan = evaluate(job.policies, media, job.on_error, job.known)
        strategy = job.rewriter.strategy(plan)
        if not plan.changes:
            return _without_work(plan, strategy, stamp)
        log.info("%s", strategy, extra={**job.about, "operation": strategy})
        applied = job.rewriter.apply(
            plan, lock, lambda media: _must_be_content(job, plan, media), job.outcome_id, job.seen
        )
    found = applied.media
    now = _stamp(found.path)
    certain = now is not None and (now.size, now.mtime_ns) == (found.size, found.mtime_ns)
    return Outcome(
        found.path,
        "failed" if plan.error else "changed",
        was=job.path if job.path != found.path else None,
        strategy=strategy,
        plan=plan,
        error=_failure(plan.error) if plan.error else None,
        warnings=(*plan.warnings, *applied.warnings),
        touched=True,
        size_before=plan.before.size,
        size_after=found.size,
        media=found,
        stamp=now if certain else None,
        kept=applied.kept,
        encoded=applied.encoded,
        encode=_remembered(job, plan),
    )


def _must_be_content(job: Job, plan: Plan, found: MediaFile) -> None:
    """The policies must want nothing more of the result, as it is really probed."""
    known = replace(job.known, encoded=job.known.encoded or bool(plan.video_encodes))
    again = evaluate(job.policies, found, job.on_error, known)
    if again.changes:
        change = again.changes[0]
        raise ConvergeError(
            f"after the work the policy still wants a change ({change.kind}, {change.reason}); "
            "the result was thrown away"
        )


def run_batch(
    executor: Executor,
    items: Iterable[Candidate],
    job_for: Callable[[Candidate], Job],
    *,
    workers: Callable[[], int],
    interrupt: Interrupt,
    end_tools: Callable[[], None] = lambda: None,
    look: Callable[[], None] = lambda: None,
    work: Callable[[Job], Outcome] = process_file,
) -> Generator[Outcome, None, None]:
    """The outcomes of the items' jobs, as they come.

    ``workers`` says how many work, now; with none, they are waited for. A job is made when one is
    free for it: none waits in the executor, where it could start after ``interrupt`` was set (by an
    outcome or by whoever else). From then on nothing new starts and what runs completes, unless it
    is to be ended at once; the rest is reported as ``not_started``. What ``job_for`` raises ends
    the batch in the same way, and is then raised. ``look`` is called twice a second at least.
    """
    batch = _Batch(executor, items, job_for, workers, interrupt, work)
    ended = False
    look()
    batch.fill()
    while batch.running or batch.waiting:
        if interrupt.at_once and not ended:
            end_tools()
            ended = True
        outcomes = batch.done()
        look()
        batch.fill()  # before the outcomes are recorded: a worker need not wait for that
        yield from outcomes
    for item in batch.rest():
        yield Outcome(item.path, "not_started")
    if batch.error is not None:
        raise batch.error


_WAIT_SECONDS = 0.5
"""How long what an interrupt asks for can wait."""


class _Batch:
    """The jobs that run; ``error`` is why no more of them can be made."""

    def __init__(
        self,
        executor: Executor,
        items: Iterable[Candidate],
        job_for: Callable[[Candidate], Job],
        workers: Callable[[], int],
        interrupt: Interrupt,
        work: Callable[[Job], Outcome],
    ) -> None:
        self._executor, self._work = executor, work
        self._queue, self._job_for = iter(items), job_for
        self._next = next(self._queue, None)
        self._workers, self._interrupt = workers, interrupt
        self.running: dict[Future[Outcome], Job] = {}
        self.error: Exception | None = None

    def fill(self) -> None:
        """Give every free worker a job."""
        while not self._interrupt.stop and len(self.running) < self._workers():
            item, self._next = self._next, next(self._queue, None)
            if item is None:
                return
            try:
                job = self._job_for(item)
            except Exception as error:  # noqa: BLE001 - what runs has to be waited for first
                self.error, self._interrupt.stop = error, True
                return
            self.running[self._executor.submit(self._work, job)] = job

    @property
    def waiting(self) -> bool:
        """Whether there is work that may begin, if not now."""
        return self._next is not None and not self._interrupt.stop

    def rest(self) -> Iterator[Candidate]:
        """What was not begun."""
        if self._next is not None:
            yield self._next
        yield from self._queue

    def done(self) -> list[Outcome]:
        """Of the jobs that have come to their end; none if that takes long."""
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
