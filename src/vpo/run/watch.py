"""Watching folders: each new or changed file is processed once it has settled.

A file is new if the database has no record of it with its current size, time and inode. So missed
events do no harm: all folders are searched at the start, after every run and at intervals, which
costs no more than a run with nothing to do.

A download may stall for longer than the settle time. What is found not to be whole then is said
once, and the file waits until it has changed.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from vpo.config.libraries import is_open
from vpo.db.store import Store
from vpo.discover import Candidate, Discovery, Search, discover, leftovers_beside
from vpo.errors import ErrorKind
from vpo.plugins.metadata import Metadata, cache_key_range
from vpo.run.compliance import CacheKeys, current_records
from vpo.run.coordinator import Coordinator
from vpo.run.folder_changes import Waiter
from vpo.run.ignored import leave_ignored
from vpo.run.request import Request
from vpo.run.summary import Summary

_HOUR, _DAY = 3600.0, 86400.0
_LONGEST = 6 * _HOUR
"""The longest time in seconds until a failed file is tried again."""
_POLLED = 500
"""The largest number of waiting files that are looked at in one tick."""
_PARKED = {ErrorKind.DAMAGED: math.inf, ErrorKind.LINKED: _LONGEST, ErrorKind.PROBE: _HOUR}
"""Failures that last until the file changes, and the time in seconds until it is tried anyway."""
_FEW = 200
"""The largest number of files that are named to the run; with more, it searches the folders."""

FileState = tuple[int, int, int, int]
"""Size, modification time, inode, and the time of its last change, which nobody can set back."""
Identity = tuple[int, int]
"""Device and inode."""


class _Waiting(NamedTuple):
    """A new or changed file: its state, when it is due, and how often it was tried."""

    state: FileState
    due: float
    tries: int = 0
    parked: bool = False


@dataclass
class Waitlist:
    """The new and changed files, due once they have settled, and ever later after failures.

    Times are in seconds, of a monotonic clock.
    """

    settle: float
    waiting: dict[str, _Waiting] = field(default_factory=dict)

    def see(self, path: str, state: FileState | None, now: float) -> None:
        """Update the state of a file; ``None`` if it is gone."""
        known = self.waiting.get(path)
        if state is None:
            self.waiting.pop(path, None)
        elif known is None or known.state != state:
            parked = known is not None and known.parked
            self.waiting[path] = _Waiting(state, now + self.settle, parked=parked)

    def done(self, path: str) -> None:
        """Remove a file whose outcome the database knows by size and time, unless it was parked."""
        known = self.waiting.get(path)
        if known is not None and not known.parked:
            del self.waiting[path]

    def failed(self, path: str, state: FileState, now: float) -> None:
        """Postpone a file that was tried and is not done."""
        known = self.waiting.get(path)
        tries = known.tries + 1 if known and known.state == state else 1
        again = min(_LONGEST, max(1.0, self.settle) * 2**tries)
        self.waiting[path] = _Waiting(state, now + again, tries)

    def park(self, path: str, state: FileState, until: float) -> None:
        """Have a file wait for a change; ``until`` is when it is tried without one."""
        self.waiting[path] = _Waiting(state, until, parked=True)

    def next(self, count: int) -> list[str]:
        """Return files to look at; repeated calls go round all of them."""
        paths = list(itertools.islice(self.waiting, count))
        if count < len(self.waiting):
            for path in paths:
                self.waiting[path] = self.waiting.pop(path)
        return paths

    def due(self, now: float) -> list[str]:
        """Return the files to process now: none while others settle that belong to them.

        New files that settle within the settle time of each other are due together, so that a
        season that is copied file by file is one run; for the first, that at most doubles it.
        """
        due = [item.due for item in self.waiting.values() if item.due <= now]
        if not due or (now < min(due) + self.settle and self._settle_soon(now)):
            return []
        return [path for path, item in self.waiting.items() if item.due <= now]

    def _settle_soon(self, now: float) -> bool:
        """Return whether new or changed files are to settle within the settle time."""
        return any(
            now < item.due <= now + self.settle and not item.tries and not item.parked
            for item in self.waiting.values()
        )


class Watched(NamedTuple):
    """Folders that are watched together (``request.paths``), and what is done with their files.

    A file is processed once it has not changed for ``settle`` seconds, at the start at once. With
    ``deliver``, no run is started: it takes the paths of the files that are due.
    """

    request: Request
    coordinator: Coordinator
    settle: float
    deliver: Callable[[Sequence[str]], object] | None = None


def new_files(watched: Watched, store: Store) -> list[str]:
    """Return the files in the folders that are not recorded as they are now."""
    return _Watcher(watched, store).new_paths(watched.request.paths)


def watch(
    watched: Sequence[Watched], store: Store, waiter: Waiter, every: float
) -> Iterator[Summary]:
    """Yield the summaries of the runs, until the coordinators' interrupt is set.

    Of files that are due at the same time, those of the first go first. All folders are searched at
    intervals of ``every`` seconds.
    """
    watchers = [_Watcher(item, store) for item in watched]
    coordinator = watched[0].coordinator
    paths = [path for item in watched for path in item.request.paths]
    first, gone = True, set[str]()
    while not coordinator.interrupt.stop:
        folders = _identities(paths)
        for text in _missing(gone, set(paths) - folders.keys()):
            coordinator.observer.note(text)
        gone = set(paths) - folders.keys()
        for watcher in watchers if first else ():
            watcher.search(folders, at_once=True)
        first = False
        for changed in _changes(waiter, paths, folders, every):
            for watcher in watchers:
                if changed is None:  # files may have come before the events were followed
                    watcher.search(folders)
                else:
                    watcher.see(changed)
            for watcher in watchers:
                yield from watcher.process(folders)
            if coordinator.interrupt.stop:
                break


def _missing(before: set[str], gone: set[str]) -> list[str]:
    """Return messages about folders that disappeared or came back."""
    notes = [f"{path} is not there; waiting for it" for path in sorted(gone - before)]
    return notes + [f"{path} is there again" for path in sorted(before - gone)]


def _changes(
    waiter: Waiter, paths: Sequence[str], folders: Mapping[str, Identity], every: float
) -> Iterator[set[str] | None]:
    """Yield the changed paths, until a folder comes or goes, or it is time to search all of them.

    ``None`` comes first, when the events are followed.
    """
    began = time.monotonic()
    for number, changed in enumerate(waiter(list(folders))):
        if not number:
            yield None
        yield changed
        if _identities(paths) != folders or time.monotonic() - began > every:
            return


class _Watcher:
    """Keeps the waitlist, and starts a run for the files that are due."""

    def __init__(self, watched: Watched, store: Store) -> None:
        self._request = watched.request._replace(fresh=_DAY)
        self._coordinator, self._store = watched.coordinator, store
        self._settings, self._interrupt = self._coordinator.settings, self._coordinator.interrupt
        self._waitlist, self._deliver = Waitlist(watched.settle), watched.deliver
        self._reported: dict[str, tuple[str, int | None]] = {}
        """The failures that were reported: the type, and the inode of the file."""

    def process(self, folders: Iterable[str]) -> Iterator[Summary]:
        """Start a run for the files that are due, if there are any, or deliver them."""
        if self._deliver is not None:
            self._hand_over(self._settled())
            return
        if self._request.library and not is_open(self._settings, datetime.now()):
            return  # so that other libraries need not wait for its hours
        if due := self._settled():
            there = self._own(folders)
            yield self._run(due, there)
            self.search(there)

    def _hand_over(self, due: Sequence[str]) -> None:
        """Deliver files; each then waits for a change, or for a day if nobody processes it."""
        new = set(self.new_paths(due)) if due else set()
        if self._deliver is not None and new:
            self._deliver(sorted(new, key=os.fsencode))
        for path in due:
            state = _state_of(path) if path in new else None
            if state is None:
                self._waitlist.see(path, None, time.monotonic())
            else:
                self._waitlist.park(path, state, time.monotonic() + _DAY)

    def new_paths(self, paths: Sequence[str]) -> list[str]:
        """Return the files at and below these paths that are not recorded as they are now."""
        return [item.path for item in self._new_files(self._discover(paths))]

    def _own(self, folders: Iterable[str]) -> list[str]:
        return [path for path in folders if path in self._request.paths]

    def search(self, folders: Iterable[str], at_once: bool = False) -> None:
        """Search those of these folders that are its own for new and changed files."""
        now, settle = time.monotonic(), self._waitlist.settle
        for item in self._new_files(self._discover(self._own(folders))):
            state = _state_of(item.path)
            old = state is not None and time.time() - state[-1] / 1e9 > settle
            self._waitlist.see(item.path, state, now - settle if at_once and old else now)

    def see(self, changed: Iterable[str]) -> None:
        """Take the changed paths, and look at files that wait."""
        now = time.monotonic()
        paths = [path for path in changed if os.path.exists(path) and self._is_visible(path)]
        found = self._discover(paths) if paths else []
        new = {item.path for item in self._new_files(found)}
        for item in found:
            if item.path in new:
                self._waitlist.see(item.path, _state_of(item.path), now)
            else:
                self._waitlist.done(item.path)
        for path in self._waitlist.next(_POLLED):
            # A file that grows without an event, as on network file systems, has not settled.
            self._waitlist.see(path, _state_of(path), now)

    def _settled(self) -> list[str]:
        """Return the files to process now; none of them has changed since it was seen."""
        now = time.monotonic()
        undone = self._store.undone() if self._waitlist.due(now) else {}
        for path in self._waitlist.due(now):
            state = _state_of(path)
            # Undone since it was seen: the record comes after the change.
            is_undone = state is not None and undone.get(os.fsencode(path)) == state[:3]
            self._waitlist.see(path, None if is_undone else state, now)
        return self._waitlist.due(now)

    def _run(self, due: Sequence[str], there: Sequence[str]) -> Summary:
        few = len(due) <= _FEW or bool(self._store.undone())
        before = {path: _state_of(path) for path in due}
        # With force: a writer may have set the time of a damaged file back, so that it looks known.
        named = self._request._replace(
            paths=tuple(due if few else there),
            recursive=not few,
            force=few,
            reported=self._still_reported(),
        )
        summary = self._coordinator.run(named)
        kinds = self._failures(summary.run_id)
        new = {item.path for item in self._new_files(self._discover(due))}
        now = time.monotonic()
        for path in due:
            self._take(path, before[path], path in new, kinds.get(path), now)
        return summary

    def _still_reported(self) -> frozenset[tuple[str, str]]:
        """Return the failures that are no news: path and type, if it is still the same file."""
        self._reported = {
            path: known for path, known in self._reported.items() if known[1] == _inode(path)
        }
        return frozenset((path, kind) for path, (kind, _) in self._reported.items())

    def _failures(self, run_id: str) -> dict[str, ErrorKind]:
        """Return the kinds of the failures of a run by path, and note that they are reported."""
        kinds = {}
        for row in self._store.outcomes(run_id):
            self._reported.pop(row.path, None)
            if row.error_type is not None:
                kinds[row.path] = ErrorKind(row.error_type)
                self._reported[row.path] = row.error_type, _inode(row.path)
        return kinds

    def _take(
        self, path: str, before: FileState | None, new: bool, kind: ErrorKind | None, now: float
    ) -> None:
        """Decide what becomes of a file that was processed, from its state before."""
        state, wait = _state_of(path), _PARKED.get(kind) if kind else None
        if state is None or not (new or wait):
            self._waitlist.see(path, None, now)
        elif wait:
            self._waitlist.park(path, before or state, now + wait)
            self._waitlist.see(path, state, now)
        elif state != before:
            self._waitlist.see(path, state, now)
        else:
            self._waitlist.failed(path, state, now)

    def _is_visible(self, path: str) -> bool:
        """Return whether a path is in its folders, and no name in between begins with a dot."""
        inner = [
            path[len(root) :] for root in self._request.paths if path.startswith(root + os.sep)
        ]
        visible = not any(part.startswith(".") for text in inner for part in text.split(os.sep))
        return visible and bool(inner or path in self._request.paths)

    def _stops(self) -> bool:
        return self._interrupt.stop

    def _discover(self, paths: Sequence[str]) -> list[Candidate]:
        suffixes = tuple(f".{suffix}" for suffix in self._settings.config.files.extensions)
        found = self._search(paths)
        if self._coordinator.clean_up([*leftovers_beside(paths), *found.leftovers]):
            found = self._search(paths)  # a film may be another, or be there again
        leave_ignored(found, self._store, ())
        return [item for item in found.candidates if item.path.lower().endswith(suffixes)]

    def _search(self, paths: Sequence[str]) -> Discovery:
        files = self._settings.config.files
        search = Search(files.extensions, True, files.exclude or (), self._request.paths)
        return discover(paths, search, self._stops)

    def _new_files(self, found: Sequence[Candidate]) -> Iterator[Candidate]:
        key = self._request.policies.fingerprint
        keys = CacheKeys(key, Metadata(), time.time_ns())
        if keys.ages:
            done = {path: row.stat for path, row in current_records(self._store, keys)}
        else:
            _, end = cache_key_range(key)  # with any metadata, or none
            done = self._store.processed(key, end, [item.path for item in found])
        undone = self._store.undone()  # nothing undoes an undo but the user
        unreadable = self._store.acknowledged_unreadable()
        for item in found:
            path = os.fsencode(item.path)
            if item.stat not in (done.get(path), undone.get(path), unreadable.get(path)):
                yield item


def _state_of(path: str) -> FileState | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def _identities(paths: Iterable[str]) -> dict[str, Identity]:
    """Return the existing folders with their identity, which changes if one is mounted."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            found[path] = status.st_dev, status.st_ino
    return found
