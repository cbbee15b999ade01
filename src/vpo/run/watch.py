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
from typing import NamedTuple

from vpo.db.store import Store
from vpo.discover import Candidate, discover, leftovers_beside
from vpo.errors import ErrorKind, WatchError
from vpo.plugins.metadata import cache_key_range
from vpo.run.coordinator import Coordinator
from vpo.run.request import Request
from vpo.run.summary import Summary

TICK = 1.0
"""Seconds between the checks for an interrupt and for missing folders."""
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
Waiter = Callable[[Sequence[str]], Iterator[set[str]]]
"""Takes folders, and yields the changed paths in them; an empty set after each ``TICK``."""


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
        """Return the files to process now."""
        return [path for path, item in self.waiting.items() if item.due <= now]


class WatchOptions(NamedTuple):
    """When files are processed, in seconds.

    A file is processed once it has not changed for ``settle``, at the start at once. All folders
    are searched at intervals of ``every``.
    """

    settle: float
    every: float


def watch(
    request: Request,
    coordinator: Coordinator,
    store: Store,
    waiter: Waiter,
    options: WatchOptions,
) -> Iterator[Summary]:
    """Yield the summaries of the runs, until the coordinator's interrupt is set.

    ``request.paths`` are the folders.
    """
    watcher = _Watcher(request, coordinator, store, waiter, options)
    first = True
    while not coordinator.interrupt.stop:
        folders = _identities(request.paths)
        for text in watcher.missing(folders):
            coordinator.observer.note(text)
        if first:
            watcher.search(list(folders), at_once=True)
            first = False
        yield from watcher.follow(folders)


class _Watcher:
    """Keeps the waitlist, and starts a run for the files that are due."""

    def __init__(
        self,
        request: Request,
        coordinator: Coordinator,
        store: Store,
        waiter: Waiter,
        options: WatchOptions,
    ) -> None:
        self._request = request._replace(fresh=_DAY)
        self._coordinator, self._store = coordinator, store
        self._settings, self._interrupt = coordinator.settings, coordinator.interrupt
        self._waiter, self._every = waiter, options.every
        self._waitlist = Waitlist(options.settle)
        self._gone: set[str] = set()
        self._searched_at = 0.0

    def missing(self, there: Mapping[str, Identity]) -> list[str]:
        """Return messages about folders that disappeared or came back."""
        gone = set(self._request.paths) - there.keys()
        notes = [f"{path} is not there; waiting for it" for path in sorted(gone - self._gone)]
        notes += [f"{path} is there again" for path in sorted(self._gone - gone)]
        self._gone = gone
        return notes

    def follow(self, folders: Mapping[str, Identity]) -> Iterator[Summary]:
        """Follow the folders until one comes or goes, or it is time to search all of them."""
        there = list(folders)
        for number, changed in enumerate(self._waiter(there)):
            if not number:
                self.search(there)  # for files that came before the events were followed
            self._see(changed)
            if due := self._settled():
                yield self._run(due, there)
                self.search(there)
            if self._interrupt.stop or _identities(self._request.paths) != folders:
                return
            if time.monotonic() - self._searched_at > self._every:
                return

    def search(self, there: Sequence[str], at_once: bool = False) -> None:
        """Search these folders for new and changed files."""
        self._searched_at = now = time.monotonic()
        settle = self._waitlist.settle
        for item in self._new_files(self._discover(there)):
            state = _state_of(item.path)
            old = state is not None and time.time() - state[-1] / 1e9 > settle
            self._waitlist.see(item.path, state, now - settle if at_once and old else now)

    def _see(self, changed: Iterable[str]) -> None:
        now = time.monotonic()
        paths = [path for path in changed if os.path.exists(path) and not self._hidden(path)]
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
        for path in self._waitlist.due(now):
            self._waitlist.see(path, _state_of(path), now)
        return self._waitlist.due(now)

    def _run(self, due: Sequence[str], there: Sequence[str]) -> Summary:
        few = len(due) <= _FEW
        before = {path: _state_of(path) for path in due}
        # With force: a writer may have set the time of a damaged file back, so that it looks known.
        named = self._request._replace(
            paths=tuple(due if few else there), recursive=not few, force=few
        )
        summary = self._coordinator.run(named)
        kinds = {
            row.path: ErrorKind(row.error_type)
            for row in self._store.outcomes(summary.run_id)
            if row.error_type is not None
        }
        new = {item.path for item in self._new_files(self._discover(due))}
        now = time.monotonic()
        for path in due:
            self._take(path, before[path], path in new, kinds.get(path), now)
        return summary

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

    def _hidden(self, path: str) -> bool:
        """Return whether a name below the folders begins with a dot, as those of vpo's files do."""
        inner = [
            path[len(root) :] for root in self._request.paths if path.startswith(root + os.sep)
        ]
        return any(part.startswith(".") for text in inner for part in text.split(os.sep))

    def _stops(self) -> bool:
        return self._interrupt.stop

    def _discover(self, paths: Sequence[str]) -> list[Candidate]:
        extensions = self._settings.config.files.extensions
        suffixes = tuple(f".{suffix}" for suffix in extensions)
        found = discover(paths, recursive=True, extensions=extensions, stop=self._stops)
        if self._coordinator.clean_up([*leftovers_beside(paths), *found.leftovers]):
            # A film may be another, or be there again.
            found = discover(paths, recursive=True, extensions=extensions, stop=self._stops)
        return [item for item in found.candidates if item.path.lower().endswith(suffixes)]

    def _new_files(self, found: Sequence[Candidate]) -> Iterator[Candidate]:
        key = self._request.policies.fingerprint
        _, end = cache_key_range(key)  # with any metadata, or none
        done = self._store.processed(key, end, [item.path for item in found])
        for item in found:
            if done.get(os.fsencode(item.path)) != item.stat:
                yield item


def _state_of(path: str) -> FileState | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns


def _identities(paths: Iterable[str]) -> dict[str, Identity]:
    """Return the existing folders with their identity, which changes if one is mounted."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            found[path] = status.st_dev, status.st_ino
    return found


def events(folders: Sequence[str], stop: Callable[[], bool]) -> Iterator[set[str]]:
    """Yield the system's change events for these folders and all below: a ``Waiter``."""
    if not folders:
        while not stop():
            time.sleep(TICK)
            yield set()
        return
    from watchfiles import watch as follow

    changes = follow(
        *folders,
        watch_filter=None,
        rust_timeout=int(TICK * 1000),
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    try:
        for batch in changes:
            yield {path for _, path in batch}
            if stop():
                return
    except FileNotFoundError:
        return  # a folder was removed in the meantime
    except OSError as error:
        raise WatchError(
            f"the folders cannot be watched: {error}; raise fs.inotify.max_user_watches (sysctl), "
            "or watch fewer folders"
        ) from None
