"""One run over a library: what is known is passed over, the rest goes through the batch.

The only place where the batch meets the database. Everything a worker returns is recorded here, a
group of files in one transaction, and nothing is written while the database would have to wait for
a tool.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from vpo.config.builder import Settings, require_programs
from vpo.config.hours import span
from vpo.db.records import RunState
from vpo.db.store import Store
from vpo.discover import LEFTOVER_PREFIX, Candidate, Discovery, discover
from vpo.execute.outcome import STATUSES, Failure, Outcome
from vpo.plugins.metadata import Metadata, event_plugins, fetch_metadata
from vpo.run.known import Verdicts
from vpo.run.progress import Look, Parts, State
from vpo.run.recorder import Recorder, expired, marks, recorder
from vpo.run.request import Encodes, Interrupt, Request
from vpo.run.schedule import Gate, Keeper

if TYPE_CHECKING:
    from vpo.db.records import Timing
    from vpo.plugins import FileReport, RunReport
    from vpo.plugins.dispatcher import HookDispatcher
    from vpo.run.forecast import Forecast
    from vpo.run.workers import Crew


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
    """Is told what happens, in the coordinator's thread; ``advance`` while nothing does."""

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None: ...
    def note(self, text: str) -> None: ...
    def started(self, path: str) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...
    def progress(self, look: Look) -> None: ...
    def advance(self, look: Look) -> None: ...
    def end(self, summary: Summary) -> None: ...


class _Teller:
    """Passes on what happens until that fails: the output is gone then, and the run is not.

    ``error`` is why.
    """

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.error: Exception | None = None

    def tell(self, event: Callable[[], None]) -> None:
        if self.error is None:
            try:
                event()
            except (OSError, ValueError) as error:
                self.error = error

    def notes(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.tell(lambda text=text: self.observer.note(text))  # type: ignore[misc]


def run(
    request: Request,
    settings: Settings,
    store: Store | None,
    observer: Observer,
    interrupt: Interrupt,
) -> Summary:
    """Process everything that the request names; never raises for what happens to single files.

    Without a ``store``, nothing is known; a dry run writes nothing to it. An observer that fails
    with an ``OSError`` or ``ValueError`` is told nothing more, and the error is raised at the end
    unless the run was interrupted.
    """
    began = time.monotonic()
    teller = _Teller(observer)
    # First of all: what is wrong with the tools or a policy is said before anything is touched.
    require_programs(settings)
    fingerprint = _fingerprint(request, store, teller)
    found = _found(request, settings, store, teller, interrupt)
    listening = None if request.dry_run else _hooks(settings)
    paths = [] if interrupt.stop else [item.path for item in found.candidates]
    answers = fetch_metadata(settings.config, request.policies, paths)
    teller.notes(f"warning: {text}" for text in answers.warnings)
    with recorder(
        None if request.dry_run else store,
        settings.data_dir,
        lambda path: answers.cache_key(path, fingerprint),
        policies=list(request.policies.files),
        options=_options(request),
        workers=settings.workers,
    ) as recording:
        summary = Summary(recording.run_id, total=len(found.candidates) + len(found.problems))
        teller.tell(lambda: observer.begin(recording.run_id, request, settings.workers, found))
        done = _Tally(summary, recording, teller, settings.workers, listening)
        verdicts = _verdicts(request, store, fingerprint, answers)
        if todo := _todo(request, verdicts, found, done):
            _prepare(request)
            encodes = _encodes(request, store)
            _work(request, settings, store, todo, answers, encodes, done, interrupt)
        summary.seconds = round(time.monotonic() - began, 3)
        summary.interrupted = interrupt.asked
        summary.stopped_early = interrupt.stop
        recording.finish(_state(summary), {**summary.facts(), "saved": summary.saved})
    if listening is not None:
        listening.run(_run_report(summary, request, done), lambda: interrupt.at_once)
        teller.notes(listening.warnings())
    teller.tell(lambda: observer.end(summary))
    if teller.error is not None and not summary.interrupted:
        raise teller.error
    return summary


def _hooks(settings: Settings) -> HookDispatcher | None:
    """Who is told what happens; raises ``ConfigError`` for a plugin that cannot be loaded."""
    listening = event_plugins(settings.config)
    if not listening:
        return None
    from vpo.plugins.dispatcher import HookDispatcher  # late: most configurations have no plugin

    return HookDispatcher(listening)


def _prepare(request: Request) -> None:
    """Let a parser of media files start while the policies and the means to work are loaded."""
    if request.cluster is None:
        from vpo.probe.service import prepare

        prepare()


def _encodes(request: Request, store: Store | None) -> Encodes:
    """What came of encoding files as these policies want it, in earlier runs."""
    mark = request.policies.encoding
    return store.encodes(mark) if store and mark else {}


def _work(
    request: Request,
    settings: Settings,
    store: Store | None,
    todo: list[Candidate],
    answers: Metadata,
    encodes: Encodes,
    done: _Tally,
    interrupt: Interrupt,
) -> None:
    from vpo.run.dispatch import (  # late: what complies needs no tool
        crew_for,
        forecast,
        ordered,
        work,
    )

    with crew_for(request, settings, todo, interrupt) as crew:
        done.workers = crew.slots()
        keeper = _keeper(request, settings, crew, done)
        done.forecast = forecast(request, store, todo, answers, encodes, done.workers)
        items = ordered(todo, request.order, done.workers, done.forecast)
        outcomes = work(
            request,
            settings,
            items,
            answers,
            encodes,
            done.summary.run_id,
            done.start,
            interrupt,
            replace(crew, slots=lambda: 0 if keeper.closed else crew.slots()),
            done.parts,
            lambda: done.look(keeper),
        )

        def take(outcome: Outcome) -> None:
            done.notes(crew.told())
            done.take(outcome)

        done.notes(crew.told())
        with keeper, contextlib.closing(outcomes):
            _take_all(outcomes, take, interrupt)


def _keeper(request: Request, settings: Settings, crew: Crew, done: _Tally) -> Keeper:
    """Who lets work begin; a dry run does none."""
    hours = settings.config.processing.hours or ()
    gate = None if request.dry_run else Gate(settings.data_dir, [span(text) for text in hours])
    return Keeper(gate, crew.hold, lambda text: done.notes([text]))


def _take_all(
    outcomes: Iterable[Outcome], take: Callable[[Outcome], None], interrupt: Interrupt
) -> None:
    """Take every outcome. If that fails for one, nothing new starts, but what runs comes to its
    end and is taken, too, before the error is raised."""
    failure: Exception | None = None
    for outcome in outcomes:
        try:
            take(outcome)
        except Exception as error:  # noqa: BLE001 - raised again when nothing runs any more
            interrupt.stop = True
            failure = failure or error
    if failure is not None:
        raise failure


def _found(
    request: Request,
    settings: Settings,
    store: Store | None,
    teller: _Teller,
    interrupt: Interrupt,
) -> Discovery:
    """The candidates, after what earlier runs left has been cleaned up."""

    def look() -> Discovery:
        return discover(
            request.paths,
            recursive=request.recursive,
            extensions=settings.config.files.extensions,
            stop=lambda: interrupt.stop,
        )

    if store is None or request.dry_run:
        return look()
    teller.notes(_clean_up(store, settings))
    found = look()
    swept = _sweep(found.leftovers, interrupt)
    teller.notes(swept)
    teller.notes(_adopt(found.leftovers, store, settings))
    # What was rolled back is not what it was when it was looked at.
    return look() if swept else found


def _clean_up(store: Store, settings: Settings) -> list[str]:
    """What earlier runs left; the means for it are loaded only if there is something."""
    old = expired(store.kept(), settings.config.originals)
    scratch = settings.config.files.temporary_folder
    if not (old or scratch or store.running_runs() or marks(settings.data_dir)):
        return []
    from vpo.run.recovery import clean_up

    return clean_up(store, settings)


def _sweep(leftovers: Sequence[str], interrupt: Interrupt) -> list[str]:
    if not leftovers:
        return []
    from vpo.execute.recover import sweep

    done: list[str] = []
    for leftover in leftovers:
        if interrupt.stop:
            break
        done += sweep([leftover])
    return done


def _adopt(leftovers: Sequence[str], store: Store, settings: Settings) -> list[str]:
    places = [os.path.dirname(path) for path in leftovers if path.endswith(_KEPT)]
    if not places:
        return []
    from vpo.run.recovery import adopt

    return adopt(store, places, settings.config.originals)


_KEPT = f"{os.sep}{LEFTOVER_PREFIX}originals"


def _fingerprint(request: Request, store: Store | None, teller: _Teller) -> str:
    """The policies' fingerprint: from the record if these very texts were read before."""
    choice = request.policies
    known = store.fingerprint(choice.content) if store else None
    if known is not None:
        return known
    _prepare(request)
    fingerprint, warnings = choice.fingerprint, choice.warnings
    teller.notes(f"warning: {text}" for text in warnings)
    if store and not warnings and not request.dry_run:
        store.remember_fingerprint(choice.content, fingerprint)
    return fingerprint


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


def _verdicts(
    request: Request, store: Store | None, fingerprint: str, answers: Metadata
) -> Verdicts | None:
    if store is None or request.force:
        return None
    roots = [os.path.realpath(path) for path in request.paths]
    return Verdicts(store, fingerprint, answers, roots)


def _todo(
    request: Request, verdicts: Verdicts | None, found: Discovery, done: _Tally
) -> list[Candidate]:
    """The candidates that are not on record as complying or failing; the others, and what cannot
    be used, are counted at once."""
    for path, problem in found.problems:
        done.take(Outcome(path, "failed", error=Failure(type(problem).__name__, str(problem))))
    if verdicts is None:
        return found.candidates
    # Where a failure ends the batch, each has to happen in its turn.
    in_turn = verdicts.has_failures and _stops_at_failure(request)
    todo = []
    for item in found.candidates:
        if verdicts.complies(item):
            done.known(item)
        elif not in_turn and (failure := verdicts.failure(item)):
            done.take(_failed_before(item, *failure))
        else:
            todo.append(item)
    return todo


def _stops_at_failure(request: Request) -> bool:
    from vpo.run.job import strictest

    return strictest(request.policies.policies, request.on_error) == "fail"


def _failed_before(item: Candidate, kind: str, message: str) -> Outcome:
    text = f"{message} (in an earlier run, and the file is the same; --force tries again)"
    return Outcome(item.path, "failed", error=Failure(kind, text), size_before=item.size)


class _Tally:
    """Counts, records and reports each outcome once."""

    def __init__(
        self,
        summary: Summary,
        recorder: Recorder,
        teller: _Teller,
        workers: int,
        listening: HookDispatcher | None,
    ) -> None:
        self._listening = listening
        self.failed: list[Outcome] = []
        self.summary = summary
        self.recorder = recorder
        self._teller = teller
        self._begun: set[str] = set()
        self.workers = workers
        self.forecast: Forecast | None = None
        self.parts = Parts()
        self.waiting: str | None = None

    def start(self, path: str) -> str:
        self._begun.add(path)
        if self.forecast is not None:
            self.forecast.begin(path, time.monotonic())
        self._teller.tell(lambda: self._teller.observer.started(path))
        self._progress()
        return self.recorder.start(path)

    def notes(self, texts: Iterable[str]) -> None:
        self._teller.notes(texts)

    def known(self, item: Candidate) -> None:
        self._count(Outcome(item.path, "unchanged", size_before=item.size, size_after=item.size))

    def take(self, outcome: Outcome) -> None:
        path = outcome.was or outcome.path
        self._begun.discard(path)
        if self.forecast is not None:
            self.forecast.end(path, _took(path, outcome))
        try:
            self.recorder.take(outcome)
            if self._listening is not None and outcome.status != "not_started":
                self._listening.file(_file_report(outcome))
                self.notes(self._listening.warnings())
        finally:
            self._count(outcome)
            self._progress()

    def _count(self, outcome: Outcome) -> None:
        self.summary.count(outcome)
        if outcome.status == "failed" and self._listening is not None:
            self.failed.append(outcome)
        self._teller.tell(lambda: self._teller.observer.finished(outcome))

    def look(self, keeper: Keeper) -> None:
        """See whether work may begin, and tell how far the files are that are being worked on."""
        keeper.look()
        self.waiting = keeper.closed.reason if keeper.closed else None
        self._teller.tell(lambda: self._teller.observer.advance(self._state))

    def _progress(self) -> None:
        self._teller.tell(lambda: self._teller.observer.progress(self._state))

    def _state(self) -> State:
        done = sum(self.summary.counts.values()) - self.summary.counts["not_started"]
        # A worker has its next file before the outcome of its last one arrives here.
        active = min(self.workers, len(self._begun))
        if self.forecast is None:
            return State(done, self.summary.total, active, waiting=self.waiting)
        now = time.monotonic()
        self.forecast.advance(self.parts.now)
        left, running = self.forecast.remaining(now), self.forecast.running(now)
        return State(done, self.summary.total, active, left, running, self.waiting)


def _file_report(outcome: Outcome) -> FileReport:
    from vpo.plugins import FileReport  # late: most configurations have no plugin

    return FileReport(
        outcome.path,
        outcome.was,
        outcome.status,
        outcome.strategy,
        outcome.error.message if outcome.error else None,
        outcome.size_before,
        outcome.size_after,
        outcome.seconds,
    )


def _run_report(summary: Summary, request: Request, done: _Tally) -> RunReport:
    from vpo.plugins import RunReport

    return RunReport(
        summary.run_id,
        tuple(request.policies.files),
        {name: summary.counts[name] for name in STATUSES if summary.counts[name]},
        summary.seconds,
        summary.saved,
        tuple(map(_file_report, done.failed)),
        summary.stopped_early,
    )


def _took(path: str, outcome: Outcome) -> Timing | None:
    """What failed says nothing of how long others take."""
    if outcome.error is not None or outcome.size_before is None:
        return None
    from vpo.db.records import Timing
    from vpo.run.cost import spent

    return Timing(path, spent(outcome), outcome.size_before, outcome.seconds)
