"""One run over a library: what is known is passed over, the rest goes through the batch.

The only place where the batch meets the database. Everything a worker returns is recorded here, a
group of files in one transaction, and nothing is written while the database would have to wait for
a tool.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol

from vpo.batch import Failure, Job, Outcome, run_batch, strictest
from vpo.config.builder import Settings
from vpo.db.records import RunState
from vpo.db.store import Store
from vpo.discover import Candidate, Discovery, discover
from vpo.execute import recover
from vpo.execute.rewrite import Handling, Rewriter
from vpo.policy.document import Policy, fingerprint
from vpo.policy.operation import OnError
from vpo.prober import Prober
from vpo.record import Recorder, clean_up, recorder
from vpo.tools import Tools

Order = Literal["auto", "name", "size", "newest"]
STATUSES = ("changed", "unchanged", "skipped", "failed", "planned", "not_started")


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

    def facts(self) -> dict[str, object]:
        """The summary as the JSON contract has it."""
        return {
            "total": self.total,
            **{name: self.counts[name] for name in STATUSES},
            "seconds": self.seconds,
            "stopped_early": self.stopped_early,
        }

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
    found = _found(request, settings, store, observer)
    with recorder(
        store,
        settings.data_dir,
        fingerprint(request.policies),
        dry_run=request.dry_run,
        policies=list(request.policy_names),
        options=_options(request),
        workers=settings.workers,
    ) as recording:
        summary = Summary(recording.run_id, total=len(found.candidates) + len(found.problems))
        observer.begin(recording.run_id, request, settings.workers, found)
        done = _Tally(summary, recording, observer, settings.workers)
        for path, problem in found.problems:
            done.take(Outcome(path, "failed", error=Failure(type(problem).__name__, str(problem))))
        todo = _unknown(request, store, recording.fingerprint, found.candidates, done)
        _work(request, settings, tools, todo, done, interrupt)
        summary.seconds = round(time.monotonic() - began, 3)
        summary.interrupted = interrupt.asked
        summary.stopped_early = interrupt.stop.is_set()
        recording.finish(_state(summary), {**summary.facts(), "saved": summary.saved})
    observer.end(summary)
    return summary


def _found(request: Request, settings: Settings, store: Store, observer: Observer) -> Discovery:
    """The candidates, after what earlier runs left has been cleaned up."""
    if not request.dry_run:
        for text in clean_up(store, settings):
            observer.note(text)
    found = discover(
        request.paths, recursive=request.recursive, extensions=settings.config.files.extensions
    )
    if not request.dry_run:
        for text in recover.sweep(found.leftovers):
            observer.note(text)
    return found


def _options(request: Request) -> dict[str, object]:
    return {
        "paths": list(request.paths),
        "recursive": request.recursive,
        "on_error": request.on_error,
        "order": request.order,
        "force": request.force,
    }


def _state(summary: Summary) -> RunState:
    if summary.stopped_early:
        return "interrupted" if summary.interrupted else "stopped"
    return "finished"


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
    rewriter = Rewriter(tools, _handling(settings), Prober(tools.stall_seconds))

    def job(item: Candidate) -> Job:
        return Job(
            item.path,
            request.policies,
            rewriter,
            request.on_error,
            request.dry_run,
            run_id=done.recorder.run_id,
            outcome_id=done.start(item.path),
            seen=(item.size, item.mtime_ns),
        )

    with ThreadPoolExecutor(settings.workers, thread_name_prefix="vpo") as pool:
        items = ordered(todo, request.order, settings.workers)
        for outcome in run_batch(pool, items, job, workers=settings.workers, stop=interrupt.stop):
            done.take(outcome)


def _handling(settings: Settings) -> Handling:
    files = settings.config.files
    return Handling(
        timestamp="preserve" if files.preserve_mtime else "now",
        hardlinks=files.hardlinks,
        min_age=files.min_age,
        keep_free=files.keep_free,
        temporary_folder=os.fspath(files.temporary_folder) if files.temporary_folder else None,
        keep_originals=settings.config.originals.keep == "trash",
    )


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

    def start(self, path: str) -> str:
        self._pending += 1
        self.observer.started(path)
        self._progress()
        return self.recorder.start(path)

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
