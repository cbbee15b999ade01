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
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from vpo.config.builder import Settings
from vpo.db.records import RunState
from vpo.db.store import Store
from vpo.discover import Candidate, Discovery, discover
from vpo.outcome import STATUSES, Failure, Outcome
from vpo.policy.choice import PolicyChoice
from vpo.record import Recorder, expired, marks, recorder

Order = Literal["auto", "name", "size", "newest"]
OnError = Literal["skip", "continue", "fail"]
Starter = Callable[[str], str]
"""Takes the path of a file whose work begins, and gives its outcome's id."""


class Request(NamedTuple):
    """What the user asks for."""

    paths: tuple[str, ...]
    policies: PolicyChoice
    recursive: bool = False
    dry_run: bool = False
    on_error: OnError | None = None
    order: Order = "auto"
    force: bool = False


class Summary:
    """What a run came to.

    ``seconds`` is its whole time; ``saved`` the bytes by which the files became smaller in all.
    """

    def __init__(self, run_id: str, total: int) -> None:
        self.run_id = run_id
        self.total = total
        self.seconds = 0.0
        self.stopped_early = False
        self.interrupted = False
        self.tool_missing = False
        self.counts: Counter[str] = Counter()
        self.saved = 0

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
    """What a Ctrl-C has asked for; ``stop`` lets what runs complete, ``end_tools`` ends it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.asked = False
        self.end_tools: Callable[[], None] = lambda: None

    def set(self) -> None:
        self.asked = True
        self.stop.set()


def run(
    request: Request,
    settings: Settings,
    store: Store,
    observer: Observer,
    interrupt: Interrupt,
) -> Summary:
    """Process everything that the request names; never raises for what happens to single files."""
    began = time.monotonic()
    found = _found(request, settings, store, observer)
    with recorder(
        store,
        settings.data_dir,
        _fingerprint(request.policies, store, observer),
        dry_run=request.dry_run,
        policies=list(request.policies.files),
        options=_options(request),
        workers=settings.workers,
    ) as recording:
        summary = Summary(recording.run_id, total=len(found.candidates) + len(found.problems))
        observer.begin(recording.run_id, request, settings.workers, found)
        done = _Tally(summary, recording, observer, settings.workers)
        for path, problem in found.problems:
            done.take(Outcome(path, "failed", error=Failure(type(problem).__name__, str(problem))))
        todo = _unknown(request, store, recording.fingerprint, found.candidates, done)
        if todo:
            from vpo.work import work  # late: what complies needs no tool, no policy and no probe

            for outcome in work(request, settings, todo, recording.run_id, done.start, interrupt):
                done.take(outcome)
        summary.seconds = round(time.monotonic() - began, 3)
        summary.interrupted = interrupt.asked
        summary.stopped_early = interrupt.stop.is_set()
        recording.finish(_state(summary), {**summary.facts(), "saved": summary.saved})
    observer.end(summary)
    return summary


def _found(request: Request, settings: Settings, store: Store, observer: Observer) -> Discovery:
    """The candidates, after what earlier runs left has been cleaned up."""
    if not request.dry_run:
        for text in _clean_up(store, settings):
            observer.note(text)
    found = discover(
        request.paths, recursive=request.recursive, extensions=settings.config.files.extensions
    )
    if not request.dry_run:
        for text in _sweep(found.leftovers):
            observer.note(text)
    return found


def _clean_up(store: Store, settings: Settings) -> list[str]:
    """What earlier runs left; the means for it are loaded only if there is something."""
    old = expired(store.kept(), settings.config.originals)
    scratch = settings.config.files.temporary_folder
    if not (old or scratch or store.running_runs() or marks(settings.data_dir)):
        return []
    from vpo.recovery import clean_up

    return clean_up(store, settings)


def _sweep(leftovers: Sequence[str]) -> list[str]:
    if not leftovers:
        return []
    from vpo.execute.recover import sweep

    return sweep(leftovers)


def _fingerprint(choice: PolicyChoice, store: Store, observer: Observer) -> str:
    """The policies' fingerprint: from the record if these very texts were read before."""
    known = store.fingerprint(choice.content) if choice.content else None
    if known is not None:
        return known
    for text in choice.warnings:
        observer.note(f"warning: {text}")
    if choice.content and not choice.warnings:
        store.remember_fingerprint(choice.content, choice.fingerprint)
    return choice.fingerprint


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
    failed = store.failed(mark)
    if failed and _stops_at_failure(request):
        # Each failure has to happen in its turn.
        failed = {}
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


def _stops_at_failure(request: Request) -> bool:
    from vpo.batch import strictest

    return strictest(request.policies.policies, request.on_error) == "fail"


def _failed_before(item: Candidate, kind: str, message: str) -> Outcome:
    text = f"{message} (in an earlier run, and the file is the same; --force tries again)"
    return Outcome(item.path, "failed", error=Failure(kind, text), size_before=item.size)


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
