"""One run over a library: what is known is passed over, the rest goes through the batch.

The only place where the batch meets the database. Everything a worker returns is recorded here, a
group of files in one transaction, and nothing is written while the database would have to wait for
a tool.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol

from vpo.batch import Failure, Job, Outcome, run_batch, strictest
from vpo.config.builder import Settings
from vpo.db.records import Result, RunState, Verdict
from vpo.db.store import Store
from vpo.discover import Candidate, Discovery, discover
from vpo.execute import recover
from vpo.execute.rewrite import Rewriter
from vpo.plan import to_json
from vpo.policy.document import Policy, fingerprint
from vpo.policy.operation import OnError
from vpo.prober import Prober
from vpo.tools import Tools

Order = Literal["auto", "name", "size", "newest"]
STATUSES = ("changed", "unchanged", "skipped", "failed", "planned", "not_started")

_GROUP = 64
_GROUP_SECONDS = 0.5
"""Outcomes are written in groups of so many, or after so long: the most a kill can cost is that
these files are probed again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What the user asks for."""

    paths: tuple[str, ...]
    policies: tuple[Policy, ...]
    policy_names: tuple[str, ...] = ()
    recursive: bool = False
    dry_run: bool = False
    on_error: OnError | None = None
    order: Order = "auto"
    force: bool = False


@dataclass
class Summary:
    """What a run came to; ``seconds`` is its whole time."""

    run_id: str
    total: int = 0
    seconds: float = 0.0
    stopped_early: bool = False
    interrupted: bool = False
    tool_missing: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    saved: int = 0
    """Bytes by which the files became smaller in all."""

    def count(self, outcome: Outcome) -> None:
        self.counts[outcome.status] += 1
        if outcome.error and outcome.error.type == "ToolMissingError":
            self.tool_missing = True
        if outcome.size_before is not None and outcome.size_after is not None:
            self.saved += outcome.size_before - outcome.size_after


class Observer(Protocol):
    """Is told what happens, in the coordinator's thread."""

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None: ...
    def note(self, text: str) -> None: ...
    def started(self, path: str) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...
    def progress(self, done: int, total: int, active: int) -> None: ...
    def end(self, summary: Summary) -> None: ...


class Interrupt:
    """What a Ctrl-C has asked for; ``stop`` lets what runs complete."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.asked = False

    def set(self) -> None:
        self.asked = True
        self.stop.set()


def run(
    request: Request,
    settings: Settings,
    store: Store,
    tools: Tools,
    observer: Observer,
    interrupt: Interrupt,
) -> Summary:
    """Process everything that the request names; never raises for what happens to single files."""
    began = time.monotonic()
    if not request.dry_run:
        for text in recover_interrupted(store, settings):
            observer.note(text)
    found = discover(
        request.paths, recursive=request.recursive, extensions=settings.config.files.extensions
    )
    if not request.dry_run:
        for text in recover.sweep(found.leftovers):
            observer.note(text)
    with _recorder(request, settings, store) as recorder:
        summary = Summary(recorder.run_id, total=len(found.candidates) + len(found.problems))
        observer.begin(recorder.run_id, request, settings.workers, found)
        done = _Tally(summary, recorder, observer, settings.workers)
        for path, problem in found.problems:
            done.take(Outcome(path, "failed", error=Failure(type(problem).__name__, str(problem))))
        todo = _unknown(request, store, recorder.fingerprint, found.candidates, done)
        _work(request, settings, tools, todo, done, interrupt)
        summary.seconds = round(time.monotonic() - began, 3)
        summary.interrupted = interrupt.asked
        summary.stopped_early = interrupt.stop.is_set()
        recorder.finish(summary)
    observer.end(summary)
    return summary


def _unknown(
    request: Request,
    store: Store,
    mark: str,
    candidates: Sequence[Candidate],
    done: _Tally,
) -> list[Candidate]:
    """The candidates that are not on record as complying; the others are counted at once."""
    if request.force:
        return list(candidates)
    roots = [os.path.realpath(path) for path in request.paths]
    known = store.known(mark, roots)
    # Where a failure stops the batch, each one has to happen in its turn.
    stops = strictest(request.policies, request.on_error) == "fail"
    failed = {} if stops else store.failed(mark)
    todo = []
    for item in candidates:
        path, stat = os.fsencode(item.path), (item.size, item.mtime_ns, item.inode)
        if known.get(path) == stat:
            done.known(item)
        elif path in failed and failed[path][0] == stat:
            done.take(_failed_before(item, *failed[path][1:]))
        else:
            todo.append(item)
    return todo


def _failed_before(item: Candidate, kind: str, message: str) -> Outcome:
    text = f"{message} (in an earlier run, and the file is the same; --force tries again)"
    return Outcome(item.path, "failed", error=Failure(kind, text), size_before=item.size)


def ordered(candidates: list[Candidate], order: Order, workers: int) -> list[Candidate]:
    """``auto``: the largest first when several workers share them, so that none is left last."""
    if order == "size" or (order == "auto" and workers > 1):
        return sorted(candidates, key=lambda item: -item.size)
    if order == "newest":
        return sorted(candidates, key=lambda item: -item.mtime_ns)
    if order == "name":
        return sorted(candidates, key=lambda item: os.fsencode(item.path))
    return candidates


def _work(
    request: Request,
    settings: Settings,
    tools: Tools,
    todo: list[Candidate],
    done: _Tally,
    interrupt: Interrupt,
) -> None:
    rewriter = Rewriter(
        tools,
        "preserve" if settings.config.files.preserve_mtime else "now",
        Prober(tools.stall_seconds),
    )
    jobs = (
        Job(
            item.path,
            request.policies,
            rewriter,
            request.on_error,
            request.dry_run,
            done.recorder.run_id,
        )
        for item in ordered(todo, request.order, settings.workers)
    )
    with ThreadPoolExecutor(settings.workers, thread_name_prefix="vpo") as pool:
        for outcome in run_batch(
            pool, jobs, workers=settings.workers, stop=interrupt.stop, started=done.start
        ):
            done.take(outcome)


class _Tally:
    """Counts, records and reports each outcome once."""

    def __init__(
        self, summary: Summary, recorder: Recorder, observer: Observer, workers: int
    ) -> None:
        self.summary = summary
        self.recorder = recorder
        self.observer = observer
        self._pending = 0
        self._workers = workers

    def start(self, job: Job) -> None:
        self._pending += 1
        self.recorder.start(job.path)
        self.observer.started(job.path)
        self._progress()

    def known(self, item: Candidate) -> None:
        outcome = Outcome(item.path, "unchanged", size_before=item.size, size_after=item.size)
        self.summary.count(outcome)
        self.observer.finished(outcome)

    def take(self, outcome: Outcome) -> None:
        if outcome.status != "not_started":
            self._pending = max(0, self._pending - 1)
        self.summary.count(outcome)
        self.recorder.take(outcome)
        self.observer.finished(outcome)
        self._progress()

    def _progress(self) -> None:
        done = sum(self.summary.counts.values()) - self.summary.counts["not_started"]
        self.observer.progress(done, self.summary.total, min(self._workers, self._pending))


class Recorder:
    """Writes a run and its outcomes; a dry run writes nothing."""

    def __init__(self, store: Store, run_id: str, mark: str, *, dry_run: bool) -> None:
        self.run_id = run_id
        self.fingerprint = mark
        self._store = store
        self._dry_run = dry_run
        self._ids: dict[str, str] = {}
        self._results: list[Result] = []
        self._written = time.monotonic()

    def start(self, path: str) -> None:
        """Note that the work on a file begins, so that a later run knows where to clean up."""
        if not self._dry_run:
            self._ids[path] = self._store.start_outcomes(self.run_id, [path])[0]

    def take(self, outcome: Outcome) -> None:
        if self._dry_run:
            return
        source = outcome.was or outcome.path
        key = self._ids.pop(source, None)
        if key is None:
            key = self._store.start_outcomes(self.run_id, [source])[0]
        self._results.append(_result(key, outcome, self.fingerprint))
        late = time.monotonic() - self._written > _GROUP_SECONDS
        if late or len(self._results) >= _GROUP:
            self.flush()

    def flush(self) -> None:
        if self._results:
            self._store.record(self._results)
            self._results = []
        self._written = time.monotonic()

    def finish(self, summary: Summary) -> None:
        self.flush()
        if self._dry_run:
            return
        state: RunState = "finished"
        if summary.stopped_early:
            state = "interrupted" if summary.interrupted else "stopped"
        self._store.finish_run(
            self.run_id,
            state,
            {
                "total": summary.total,
                **{name: summary.counts[name] for name in STATUSES},
                "seconds": summary.seconds,
                "stopped_early": summary.stopped_early,
                "saved": summary.saved,
            },
        )


def _result(key: str, outcome: Outcome, mark: str) -> Result:
    stamp = outcome.stamp
    plan = outcome.plan
    return Result(
        outcome=key,
        path=outcome.path,
        was=outcome.was,
        status=outcome.status,
        stat=(stamp.size, stamp.mtime_ns, stamp.inode) if stamp else None,
        media=outcome.media if stamp else None,
        fingerprint=mark,
        verdict=_verdict(outcome) if stamp else None,
        strategy=outcome.strategy,
        plan={"changes": to_json(plan)} if plan is not None else None,
        error_type=outcome.error.type if outcome.error else None,
        error_message=outcome.error.message if outcome.error else None,
        warnings=outcome.warnings,
        seconds=outcome.seconds,
        size_before=outcome.size_before,
        size_after=outcome.size_after,
    )


def _verdict(outcome: Outcome) -> Verdict | None:
    if outcome.status in ("changed", "unchanged"):
        return "complies"
    return "failed" if outcome.error and outcome.error.lasting else None


@contextlib.contextmanager
def _recorder(request: Request, settings: Settings, store: Store) -> Iterator[Recorder]:
    """A recorder; what it still holds is written whatever happens."""
    mark = fingerprint(request.policies)
    run_id = str(uuid.uuid4())
    if request.dry_run:
        yield Recorder(store, run_id, mark, dry_run=True)
        return
    with _alive_mark(settings, run_id):
        store.start_run(
            run_id,
            policies=list(request.policy_names),
            options={
                "paths": list(request.paths),
                "recursive": request.recursive,
                "on_error": request.on_error,
                "order": request.order,
                "force": request.force,
            },
            workers=settings.workers,
            dry_run=False,
            pid=os.getpid(),
            host=socket.gethostname(),
        )
        recorder = Recorder(store, run_id, mark, dry_run=False)
        try:
            yield recorder
        finally:
            recorder.flush()


@contextlib.contextmanager
def _alive_mark(settings: Settings, run_id: str) -> Iterator[None]:
    """Hold a locked file that tells other processes that this run is alive."""
    path = _lock_path(settings, run_id)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.close(fd)


def _lock_path(settings: Settings, run_id: str) -> str:
    return os.path.join(settings.data_dir, "runs", f"{run_id}.lock")


def recover_interrupted(store: Store, settings: Settings) -> list[str]:
    """Clean up after runs whose process is gone; what was done, in words."""
    dead = {run.id for run in store.running_runs() if not _alive(_lock_path(settings, run.id))}
    if not dead:
        return []
    begun = [item.path for item in store.running_outcomes() if item.run_id in dead]
    done = recover.finish_renames(begun)
    done += recover.sweep_folders(os.path.dirname(path) for path in begun)
    store.mark_interrupted(dead)
    for run_id in dead:
        with contextlib.suppress(OSError):
            os.unlink(_lock_path(settings, run_id))
    return done


def _alive(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
