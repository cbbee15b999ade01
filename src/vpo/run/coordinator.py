"""The coordinator of a run: it skips files that comply and gives the others to the workers.

It records what the workers return, a group of files in one transaction; workers do not use the
database, and no transaction is open while a tool runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from vpo.config.builder import Settings, require_programs
from vpo.config.hours import span
from vpo.db.records import RunState
from vpo.db.store import Store
from vpo.discover import (
    ORIGINALS_FOLDER,
    Candidate,
    Discovery,
    Search,
    discover,
    folders_of,
    leftovers_beside,
)
from vpo.errors import ErrorKind
from vpo.execute.outcome import Failure, Outcome
from vpo.plugins.metadata import Metadata, event_plugins, fetch_metadata
from vpo.run.cleanup import clean_up_beside, clean_up_runs
from vpo.run.compliance import AcknowledgedFailures, CacheKeys, ComplianceRecords, failed_before
from vpo.run.ignored import leave_ignored
from vpo.run.observer import Observer, SafeObserver
from vpo.run.recorder import RunFacts, recorder
from vpo.run.request import Interrupt, Request
from vpo.run.schedule import Pauser, Schedule
from vpo.run.sidecar_state import sidecar_state
from vpo.run.summary import Summary
from vpo.run.tally import Tally

if TYPE_CHECKING:
    from vpo.plugins.dispatcher import HookDispatcher
    from vpo.run.dispatch import ExternalFactsLookup, JobMaker
    from vpo.run.estimate import Estimator
    from vpo.run.job_feeds import FedFiles, ListedFiles
    from vpo.run.recognition import KnownFiles
    from vpo.run.workers import WorkerSource


@dataclass(frozen=True)
class Coordinator:
    """Leads runs, one after the other.

    Without a ``store``, no file is skipped and nothing is recorded.
    """

    settings: Settings
    store: Store | None
    observer: Observer
    interrupt: Interrupt
    workers: WorkerSource

    def run(self, request: Request) -> Summary:
        """Process everything that the request names; the failure of a file raises nothing.

        A dry run writes nothing to the store. An observer that fails is not called again, and the
        error is raised at the end unless the run was interrupted. Any other error, and a
        ``KeyboardInterrupt``, is raised when the outcomes of the files in work are recorded.
        """
        try:
            return _Run(self, request).lead()
        finally:
            self.workers.close()

    def clean_up(self, leftovers: Sequence[str]) -> bool:
        """Deal with what killed runs have left, and report it; return whether anything was done."""
        if self.store is None:
            return False
        done = clean_up_beside(leftovers, self.store, self.interrupt)
        for text in done:
            self.observer.note(text)
        return bool(done)


class _Run:
    """One run of a coordinator, or what concerns one file of a run with files that wait."""

    def __init__(self, by: Coordinator, request: Request, part: bool = False) -> None:
        self._by, self._is_part = by, part
        self._settings, self._store, self._interrupt = by.settings, by.store, by.interrupt
        self._sources, self._request = by.workers, request
        self._observer = SafeObserver(by.observer)
        self._written = None if request.dry_run else by.store
        self._fingerprint = ""
        self._metadata = Metadata()
        self._now_ns = time.time_ns()
        self._times: dict[str, int] = {}
        self._parts: dict[str, _Run] = {}

    def lead(self) -> Summary:
        """Go through all stages of the run."""
        began = time.monotonic()
        # Wrong tools and policies are reported before anything is changed.
        require_programs(self._settings)
        self._fingerprint = self._known_fingerprint()
        found = self._found()
        hooks = None if self._request.dry_run else self._hooks()
        try:
            self._metadata = self._fetch_metadata(found)
            tally = self._recorded(found, hooks, began)
            if hooks is not None:
                hooks.run(tally.report(self._request), self._ends_at_once)
                self._observer.notes(hooks.warnings())
        finally:
            if hooks is not None:
                hooks.close()
        self._observer.end(tally.summary)
        if self._observer.error is not None and not tally.summary.interrupted:
            raise self._observer.error
        return tally.summary

    def _recorded(self, found: Discovery, hooks: HookDispatcher | None, began: float) -> Tally:
        """Process what was found, and record the run, even one that an error ends."""
        with recorder(
            self._written, self._settings.data_dir, self._cache_key, self._facts()
        ) as record:
            summary = Summary(record.run_id, found.total, found.excluded, self._leaves_unread())
            tally = Tally(summary, record, self._observer, hooks, self._request.reported)
            try:
                self._observer.begin(record.run_id, self._request, self._settings.workers, found)
                tally.estimator = self._estimator()
                todo = self._todo(found, tally)
                if todo or self._request.waiting is not None:
                    self._process(todo, tally)
                if tally.estimator is not None:
                    summary.estimate = tally.estimator.result()
            except BaseException as error:
                self._interrupt.fail(error)
                raise
            finally:
                summary.seconds = round(time.monotonic() - began, 3)
                summary.interrupted = self._interrupt.signalled
                summary.stopped_early = self._interrupt.stop
                record.finish(_state(summary), {**summary.facts(), "saved": summary.saved})
        return tally

    def _leaves_unread(self) -> bool:
        """Return whether damage stays unseen that a run, which reads the files, would refuse."""
        files = self._settings.config.files
        return self._request.dry_run and (files.verify, files.damaged) == ("full", "refuse")

    def _estimator(self) -> Estimator | None:
        """Return what estimates the changes of a dry run, if that is wanted."""
        if not self._request.estimate:
            return None
        from vpo.run.estimate import Estimator  # late: most runs need none

        policies = list(self._request.policies.files)
        record = self._store.timings(policies) if self._store is not None else ()
        return Estimator(record, self._settings.workers, self._settings.cores)

    def _known_fingerprint(self) -> str:
        """Return the policies' fingerprint, from the database if their text was loaded before."""
        choice = self._request.policies
        known = self._store.fingerprint(choice.content_hash) if self._store else None
        if known is not None:
            return known
        self._sources.prepare(self._settings)
        fingerprint, warnings = choice.fingerprint, choice.warnings
        self._observer.notes(f"warning: {text}" for text in warnings)
        if self._written and not warnings:
            self._written.remember_fingerprint(choice.content_hash, fingerprint)
        return fingerprint

    def _found(self) -> Discovery:
        """Clean up after earlier runs and return the candidates, without ignored ones."""
        found = self._searched()
        self._observer.notes(found.notes)
        if self._store is not None:
            leave_ignored(found, self._store, self._request.paths)
        return found

    def _searched(self) -> Discovery:
        if self._written is None:
            return self._discover()
        if not self._is_part:
            self._observer.notes(clean_up_runs(self._written, self._settings))
        # Before they are looked at: a file may be half edited, or missing until then.
        beside = leftovers_beside(self._request.paths)
        self._observer.notes(clean_up_beside(beside, self._written, self._interrupt))
        found = self._discover()
        cleaned = clean_up_beside(found.leftovers, self._written, self._interrupt)
        self._observer.notes(cleaned)
        self._observer.notes(self._record_found_originals(found, self._written))
        # Files that were rolled back have changed since they were found.
        return self._discover() if cleaned else found

    def _record_found_originals(self, found: Discovery, store: Store) -> list[str]:
        split = (os.path.split(path) for path in found.leftovers)
        folders = {folder for folder, name in split if name == ORIGINALS_FOLDER}
        for folder in folders_of(self._request.paths):
            if os.path.isdir(os.path.join(folder, ORIGINALS_FOLDER)):
                folders.add(folder)
        if not folders:
            return []
        from vpo.run.restore import record_found_originals

        return record_found_originals(store, sorted(folders), self._settings.config.originals)

    def _discover(self) -> Discovery:
        files = self._settings.config.files
        search = Search(files.extensions, self._request.recursive, files.exclude or ())
        return discover(self._request.paths, search, self._stops)

    def _stops(self) -> bool:
        return self._interrupt.stop

    def _ends_at_once(self) -> bool:
        return self._interrupt.at_once

    def _hooks(self) -> HookDispatcher | None:
        """Return the plugins with event hooks; raise ``ConfigError`` if one cannot be loaded."""
        listening = event_plugins(self._settings.config, self._request.policies)
        if not listening:
            return None
        from vpo.plugins.dispatcher import (
            HookDispatcher,  # late: most configurations have no plugin
        )

        return HookDispatcher(listening)

    def _fetch_metadata(self, found: Discovery) -> Metadata:
        """Return the metadata of the files from plugins."""
        paths = [] if self._interrupt.stop else [item.path for item in found.candidates]
        metadata = fetch_metadata(self._settings.config, self._request.policies, paths)
        self._observer.notes(f"warning: {text}" for text in metadata.warnings)
        if self._request.policies.uses_sidecars:
            metadata = metadata._replace(beside={path: sidecar_state(path) for path in paths})
        return metadata

    def _cache_key(self, path: str, beside: str | None) -> str:
        if part := self._parts.pop(path, None):  # asked once, when the outcome is recorded
            return part._cache_key(path, beside)
        return self._keys.of(path, self._times.get(path, self._now_ns), beside)

    @property
    def _keys(self) -> CacheKeys:
        return CacheKeys(self._fingerprint, self._metadata, self._now_ns)

    def _facts(self) -> RunFacts:
        request = self._request
        options = {
            "paths": self._roots(),
            "recursive": request.recursive,
            "on_error": request.on_error,
            "order": request.order,
            "force": request.force,
            "library": request.library,
        }
        return RunFacts(list(request.policies.files), options, self._settings.workers)

    def _roots(self) -> list[str]:
        """Return the paths of the request as the database has them."""
        return [os.path.realpath(path) for path in self._request.paths if "\0" not in path]

    def _todo(self, found: Discovery, tally: Tally) -> list[Candidate]:
        """Return the candidates to process; count those that comply, or would fail again."""
        for path, problem in found.problems:
            if problem.missing:
                tally.missing(path, problem)
            else:
                tally.take(Outcome(path, "failed", error=Failure.of(problem)))
        for path, reason in found.refused:
            tally.leave(path, reason)
        if self._keys.ages:
            self._times = {item.path: item.mtime_ns for item in found.candidates}
        if self._store is None or self._request.force:
            return found.candidates
        records = ComplianceRecords(self._store, self._keys, self._roots())
        # Where a failure ends the batch, failures are not reported ahead of their turn.
        in_turn = records.has_failures and _stops_at_failure(self._request)
        acknowledged = AcknowledgedFailures(self._store, self._fingerprint, records)
        todo = []
        for item in found.candidates:
            if records.complies(item):
                tally.skip(item, records.warnings(item))
            elif item in acknowledged:
                tally.acknowledged(item)
            elif not in_turn and (failure := self._lasting_failure(records, item)):
                tally.take(failed_before(item, *failure))
            else:
                todo.append(item)
        return todo

    def _lasting_failure(
        self, records: ComplianceRecords, item: Candidate
    ) -> tuple[str, str] | None:
        """Return a recorded failure, unless the user now wants damaged files salvaged."""
        failure = records.failure(item)
        salvage = self._settings.config.files.damaged == "salvage"
        if failure is not None and salvage and ErrorKind(failure[0]) is ErrorKind.DAMAGED:
            return None
        return failure

    def _process(self, todo: list[Candidate], tally: Tally) -> None:
        """Let the workers process the files."""
        self._sources.prepare(self._settings)
        # Imported late: a run in which all files comply needs none of these.
        from vpo.run.batch import Batch, Queue
        from vpo.run.scheduled_workers import ScheduledWorkers, take_all
        from vpo.run.workers import Assignment

        request, progress = self._request, tally.file_progress
        report = (progress.report, progress.prepare, progress.choose)
        assignment = Assignment(request.policies, self._settings, todo, self._interrupt, *report)
        with self._sources.open(assignment) as workers:
            tally.workers = workers.slots()
            files = self._files(todo, tally)
            with Pauser(self._schedule(), workers.pause, self._observer.note) as pauser:
                scheduled = ScheduledWorkers(workers, pauser, tally, request.waiting)
                queue = Queue(files, files.job, tally.put_off, tally.resume)
                scheduled.report()
                outcomes = Batch(queue, scheduled.workers(), self._interrupt, scheduled.on_tick)
                take_all(outcomes, scheduled.take, self._interrupt)

    def _files(self, todo: list[Candidate], tally: Tally) -> ListedFiles | FedFiles:
        """Return the files to process: those that were found, or those that wait."""
        from vpo.run.dispatch import forecast, in_order
        from vpo.run.job_feeds import FedFiles, ListedFiles

        request, facts = self._request, self._external_facts(todo)
        expected = forecast(request, self._store, todo, facts, tally.workers)
        tally.forecast = expected
        if request.waiting is not None:
            return FedFiles(request.waiting, partial(self._look_at, tally), expected, self._stops)
        items = in_order(todo, request.order, tally.workers, expected)
        if request.limit is not None and len(items) > request.limit:
            tally.summary.counts["not_started"] += len(items) - request.limit
            items = items[: request.limit]
            tally.forecast = forecast(request, self._store, items, facts, tally.workers)
        return ListedFiles(items, self._job_maker(facts, tally))

    def _look_at(self, tally: Tally, path: str) -> tuple[Candidate, JobMaker] | None:
        """Return a file that waited, if there is something to do; if not, count it."""
        part = _Run(self._by, self._request._replace(paths=(path,), waiting=None), part=True)
        part._fingerprint, part._observer = self._fingerprint, self._observer
        found = part._found()
        part._metadata = part._fetch_metadata(found)
        tally.summary.total += found.total
        # Their cache keys are those of their own metadata and time.
        parts = {item.path: part for item in found.candidates}
        self._parts |= parts
        todo = part._todo(found, tally)
        if not todo:
            self._parts = {path: one for path, one in self._parts.items() if path not in parts}
            return None
        return todo[0], part._job_maker(part._external_facts(todo), tally)

    def _external_facts(self, todo: Sequence[Candidate]) -> ExternalFactsLookup:
        from vpo.run.dispatch import ExternalFactsLookup

        return ExternalFactsLookup(self._metadata, self._known_files(todo), self._now_ns)

    def _job_maker(self, facts: ExternalFactsLookup, tally: Tally) -> JobMaker:
        from vpo.run.dispatch import JobMaker
        from vpo.run.workers import rewrite_options

        options = replace(rewrite_options(self._settings), fresh=self._request.fresh)
        return JobMaker(self._request, options, facts, tally.summary.run_id, tally.start)

    def _known_files(self, todo: Sequence[Candidate]) -> KnownFiles:
        """Return what is recorded of earlier encodes with these policies."""
        from vpo.run.recognition import KnownFiles

        key, store = self._request.policies.encode_fingerprint, self._store
        if store is None or not key:
            return KnownFiles()
        contents = store.contents(key, {item.size for item in todo})
        return KnownFiles(store.encodes(key), contents, store.encoded_videos(key))

    def _schedule(self) -> Schedule | None:
        """Return the schedule; a dry run has none."""
        if self._request.dry_run:
            return None
        hours = self._settings.config.processing.hours or ()
        return Schedule(self._settings.data_dir, [span(text) for text in hours])


def _state(summary: Summary) -> RunState:
    if summary.stopped_early:
        return "interrupted" if summary.interrupted else "stopped"
    return "finished"


def _stops_at_failure(request: Request) -> bool:
    from vpo.run.job import strictest

    return strictest(request.policies.policies, request.on_error) == "fail"
