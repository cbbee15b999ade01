"""Counting, recording and reporting the outcomes of a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vpo.db.records import STATUSES
from vpo.discover import Candidate
from vpo.errors import DiscoverError, ExcludedError
from vpo.execute.outcome import Failure, Outcome
from vpo.run.observer import SafeObserver
from vpo.run.planned_names import PlannedNames
from vpo.run.progress import FileProgress, RunProgress
from vpo.run.recorder import Recorder
from vpo.run.request import Request
from vpo.run.schedule import Pauser
from vpo.run.summary import Summary

if TYPE_CHECKING:
    from vpo.db.records import Timing
    from vpo.plugins import FileReport, RunReport
    from vpo.plugins.dispatcher import HookDispatcher
    from vpo.run.estimate import Estimator
    from vpo.run.forecast import Forecast


class Tally:
    """Counts, records and reports each outcome once.

    The report of the run for plugins leaves out failures that were ``reported`` before.
    ``workers`` is their number; ``forecast`` is set once there is one, ``estimator`` if an estimate
    is wanted.
    """

    def __init__(
        self,
        summary: Summary,
        recorder: Recorder,
        observer: SafeObserver,
        hooks: HookDispatcher | None,
        reported: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.summary, self.observer = summary, observer
        self._recorder, self._hooks, self._reported = recorder, hooks, reported
        self._begun: set[str] = set()
        self._failed: list[Outcome] = []
        self._waiting: str | None = None
        self._planned_names = PlannedNames()
        self.workers = 1
        self.forecast: Forecast | None = None
        self.estimator: Estimator | None = None
        self.file_progress = FileProgress()

    def start(self, path: str) -> str:
        """Report and record that a file is started; return its outcome's id."""
        self._begun.add(path)
        if self.forecast is not None:
            self.forecast.begin(path, time.monotonic())
        self.observer.started(path)
        self.observer.progress(self._state)
        return self._recorder.start(path)

    def flush(self) -> None:
        """Record the outcomes so far."""
        self._recorder.flush()

    def put_off(self, path: str) -> None:
        """Report that a file is in use, and tried once more at the end of the run."""
        self._begun.discard(path)
        if self.forecast is not None:
            self.forecast.put_off(path)
        self.observer.note(f"{path} is in use; it is tried again at the end of the run")

    def resume(self, path: str) -> None:
        """Report that a file which was put off is tried once more."""
        self._begun.add(path)
        if self.forecast is not None:
            self.forecast.begin(path, time.monotonic())
        self.observer.progress(self._state)

    def skip(self, item: Candidate, warnings: tuple[str, ...]) -> None:
        """Count a file that complies and is not processed, and report the warnings about it."""
        size = item.size
        self._count(
            Outcome(item.path, "unchanged", warnings=warnings, size_before=size, size_after=size)
        )

    def missing(self, path: str, error: DiscoverError) -> None:
        """Count and report a path that does not exist; it is not a file, so it is not recorded."""
        self._count(Outcome(path, "failed", error=Failure.of(error)))

    def acknowledged(self, item: Candidate) -> None:
        """Count a file whose failure is known and acknowledged, as skipped; it is no news."""
        self.summary.acknowledged += 1
        self._count(Outcome(item.path, "skipped", size_before=item.size))

    def leave(self, path: str, reason: str) -> None:
        """Count and report a named file that the user wants left alone; it is not recorded."""
        self._count(Outcome(path, "skipped", error=Failure.of(ExcludedError(reason))))

    def take(self, outcome: Outcome) -> None:
        """Count, record and report the outcome of a file."""
        outcome = self._planned_names.checked(outcome)
        path = outcome.was or outcome.path
        self._begun.discard(path)
        if self.forecast is not None:
            self.forecast.end(path, _took(path, outcome))
        try:
            self._recorder.take(outcome)
            if self._hooks is not None and outcome.status != "not_started":
                self._hooks.file(_file_report(outcome))
                self.observer.notes(self._hooks.warnings())
        finally:
            self._count(outcome)
            self.observer.progress(self._state)

    def on_tick(self, pauser: Pauser) -> None:
        """Check the schedule, write outcomes, and report the progress of the running files."""
        pauser.update()
        self._recorder.on_tick()
        self._waiting = pauser.paused.reason if pauser.paused else None
        self.observer.tick(self._state)
        self._recorder.show(self._state)

    def report(self, request: Request) -> RunReport:
        """Return the report of the run for plugins."""
        from vpo.plugins import RunReport  # late: most configurations have no plugin

        summary = self.summary
        return RunReport(
            summary.run_id,
            tuple(request.policies.files),
            {name: summary.counts[name] for name in STATUSES if summary.counts[name]},
            summary.seconds,
            summary.saved,
            tuple(map(_file_report, self._failed)),
            summary.stopped_early,
        )

    def _count(self, outcome: Outcome) -> None:
        self.summary.count(outcome)
        if self.estimator is not None and outcome.status == "planned" and outcome.plan is not None:
            self.estimator.add(outcome.plan)
        known = outcome.error is not None and (outcome.path, outcome.error.type) in self._reported
        if outcome.status == "failed" and self._hooks is not None and not known:
            self._failed.append(outcome)
        self.observer.finished(outcome)

    def _state(self) -> RunProgress:
        done = sum(self.summary.counts.values()) - self.summary.counts["not_started"]
        # A worker has its next file before the outcome of its last one arrives here.
        active = min(self.workers, len(self._begun))
        if self.forecast is None:
            return RunProgress(done, self.summary.total, active, waiting=self._waiting)
        now = time.monotonic()
        self.forecast.update(self.file_progress.now, now)
        rest = self.forecast.at(now)
        total, waiting = self.summary.total, self._waiting
        running = tuple(map(self.file_progress.with_details, rest.running))
        return RunProgress(done, total, active, rest.seconds, running, waiting, rest.part)


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
        outcome.plan.named_by if outcome.plan is not None else None,
    )


def _took(path: str, outcome: Outcome) -> Timing | None:
    """Return the duration of a file, ``None`` for a failure, which predicts nothing."""
    if outcome.error is not None or outcome.size_before is None:
        return None
    from vpo.db.records import Timing
    from vpo.run.cost import outcome_cost

    return Timing(path, outcome_cost(outcome), outcome.size_before, outcome.seconds)
