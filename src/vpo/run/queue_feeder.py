"""Fills the queue: from folders that are watched, and when the hours of a library begin."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from vpo.config.libraries import is_open, settings_of
from vpo.config.models import ConfiguredLibrary
from vpo.db.queue import NewItem, Source
from vpo.run.coordinator import Coordinator
from vpo.run.folder_changes import Waiter
from vpo.run.libraries import library_request
from vpo.run.queue_runner import QueueWork
from vpo.run.watch import Watched, new_files, watch

_CHECK_SECONDS = 30.0
"""The time between two looks at the hours."""
_TICK_SECONDS = 0.5


class QueueFeeder:
    """Adds new and changed files of the libraries to the queue; ``added`` is called after that.

    ``follow`` and ``keep_hours`` each run in a thread of their own, until the interrupt is set.
    """

    def __init__(self, work: QueueWork, added: Callable[[], object]) -> None:
        self._work, self._added = work, added
        self._open: set[str] = set()

    def follow(self, waiter: Waiter, every: float) -> None:
        """Watch the libraries with ``watch = true``."""
        libraries = self._work.settings.config.libraries
        watched = [self._watched(library, "watch") for library in libraries if library.watch]
        if watched:
            for _ in watch(watched, self._work.store, waiter, every):
                pass  # nothing is run here

    def keep_hours(self) -> None:
        """Search each library with ``hours`` when they begin."""
        checked = -_CHECK_SECONDS
        while not self._work.interrupt.stop:
            if time.monotonic() - checked >= _CHECK_SECONDS:
                checked = time.monotonic()
                self.look_at_hours(datetime.now())
            time.sleep(_TICK_SECONDS)

    def look_at_hours(self, now: datetime) -> None:
        """Add the new files of the libraries whose hours have begun since the last look."""
        for library in self._work.settings.config.libraries:
            if not library.hours or not is_open(settings_of(self._work.settings, library), now):
                self._open.discard(library.name)
            elif library.name not in self._open:
                self._open.add(library.name)
                watched = self._watched(library, "schedule")
                self._add(library, "schedule", new_files(watched, self._work.store))

    def _watched(self, library: ConfiguredLibrary, source: Source) -> Watched:
        work = self._work
        settings = settings_of(work.settings, library)
        by = Coordinator(settings, work.store, work.observer, work.interrupt, work.workers())
        add = partial(self._add, library, source)
        return Watched(library_request(work.settings, library), by, library.settle, add)

    def _add(self, library: ConfiguredLibrary, source: Source, paths: Sequence[str]) -> None:
        items = [NewItem(path, library.name, source, library.priority) for path in paths]
        if items:
            self._work.tables.queue.add(items)
            self._added()
