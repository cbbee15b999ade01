"""Works through the queue: one run after the other, each for the library whose turn it is.

There is no second scheduler: pauses, hours, workers and the records are those of the coordinator.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from vpo.config.builder import Settings
from vpo.config.libraries import is_open, settings_of
from vpo.config.models import ConfiguredLibrary
from vpo.db.store import Store
from vpo.run.cleanup import clean_up_runs
from vpo.run.coordinator import Coordinator
from vpo.run.libraries import library_request
from vpo.run.observer import Observer
from vpo.run.queue import Lane, QueuedFiles, QueueTables, lane_of
from vpo.run.request import Interrupt, RunInterrupt
from vpo.run.summary import Summary
from vpo.run.worker_number import worker_number
from vpo.run.workers import MOST_WORKERS, WorkerSource

_IDLE_SECONDS = 1.0
"""The longest time until a file is noticed that another process has added."""
_RETRY_SECONDS = 60.0
"""The time until a library is tried again whose run could not begin."""


class QueueWork(NamedTuple):
    """What the runner works with; ``workers`` makes the workers of one run."""

    settings: Settings
    store: Store
    tables: QueueTables
    observer: Observer
    interrupt: Interrupt
    workers: Callable[[], WorkerSource]


class QueueRunner:
    """Processes the files of the queue, in one thread, until its interrupt is set.

    ``wake`` may be called from any thread when something has been added. One runner at a time may
    work on a queue: the server's lock sees to that.
    """

    def __init__(self, work: QueueWork) -> None:
        self._work = work
        self._libraries = {each.name: each for each in work.settings.config.libraries}
        self._blocked: dict[str, float] = {}
        self._added = threading.Event()

    def run(self, until_empty: bool = False) -> None:
        """Work on the queue; ``until_empty``: return when nothing more can start."""
        work = self._work
        work.tables.queue.reset()
        # A server that was killed may have emptied the queue: then no run would do it.
        for text in clean_up_runs(work.store, work.settings):
            work.observer.note(text)
        while not self._work.interrupt.stop:
            lane = self._next_lane()
            if lane is not None:
                self._process(lane)
            elif until_empty:
                return
            else:
                # Not longer: this is also how an interrupt is noticed.
                self._added.wait(_IDLE_SECONDS)
                self._added.clear()

    def wake(self) -> None:
        """Look at the queue now."""
        self._added.set()

    def _next_lane(self) -> Lane | None:
        lanes = self._open_lanes()
        item = self._work.tables.queue.first(list(lanes))
        return lane_of(item, lanes) if item is not None else None

    def _open_lanes(self) -> Mapping[str, bool]:
        """Return the libraries whose files may start now, and whether their plans are reviewed."""
        now = datetime.now()
        stamp = now.timestamp()
        return {
            name: library.review
            for name, library in self._libraries.items()
            if self._blocked.get(name, 0.0) <= stamp
            and is_open(settings_of(self._work.settings, library), now)
        }

    def _process(self, lane: Lane) -> None:
        """Run what waits in a lane; an error of the run blocks its library for a while."""
        work, library = self._work, self._libraries[lane.library]
        try:
            summary = self._run(lane, library)
        except Exception as error:  # noqa: BLE001 - the other libraries, and the server, go on
            self._blocked[library.name] = datetime.now().timestamp() + _RETRY_SECONDS
            work.observer.note(
                f"library {library.name}: {error}; tried again in {_RETRY_SECONDS:.0f} seconds"
            )
            return
        if summary.stopped_early and not work.interrupt.stop:
            self._hold(library)

    def _run(self, lane: Lane, library: ConfiguredLibrary) -> Summary:
        work = self._work
        settings = settings_of(work.settings, library)
        request = library_request(work.settings, library)
        waiting = QueuedFiles(
            work.tables,
            lane,
            self._open_lanes,
            request.policies.fingerprint,
            self._number,
        )
        request = request._replace(paths=(), waiting=waiting, dry_run=lane.planning)
        # A failure that ends the run of a library does not end those of the others.
        interrupt = RunInterrupt(work.interrupt)
        by = Coordinator(settings, work.store, work.observer, interrupt, work.workers())
        try:
            return by.run(request)
        finally:
            waiting.give_back()

    def _hold(self, library: ConfiguredLibrary) -> None:
        """Hold what waits of a library whose policy ends at a failure."""
        queue = self._work.tables.queue
        held = queue.hold([i.id for i in queue.items("waiting") if i.library == library.name])
        self._work.observer.note(
            f"library {library.name}: a failure has stopped it (on_error = fail); {held} files are"
            " held; go on with: vpo queue release"
        )

    def _number(self) -> int | None:
        number = worker_number(self._work.settings.data_dir)
        return None if number is None else min(number, MOST_WORKERS)
