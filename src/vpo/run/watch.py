"""Follow folders, and let every file that has settled go through a run.

The record says what is done: a file that is not on it with the size, time and inode that it has now
is news. So it does not matter which events were missed: at the start, after every run and now and
then all folders are looked through, which costs no more than a run with nothing to do.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vpo.db.records import Stat
from vpo.db.store import Store
from vpo.discover import Candidate, discover
from vpo.errors import WatchError
from vpo.plugins.metadata import marks
from vpo.run.coordinator import Coordinator
from vpo.run.request import Request
from vpo.run.summary import Summary

TICK = 1.0
"""Seconds after which it looks whether it is to end, and whether the folders are still there."""
_LONGEST = 6 * 3600.0
"""Seconds after which a file that could not be done is tried again at the latest."""
_FEW = 200
"""Up to so many files are named to the run; of more, it looks through the folders itself."""

Identity = tuple[int, int]
"""Device and inode."""
Waiter = Callable[[Sequence[str]], Iterator[set[str]]]
"""Takes folders, and yields the paths that have changed in them, an empty set every ``TICK``."""


class _Waiting(NamedTuple):
    """A file that is news: as it was, when it is due, and how often it was tried."""

    stat: Stat
    due: float
    tries: int = 0


@dataclass
class Waitlist:
    """The files that are news, until they are due: when they have settled, and after a failure that
    may pass later and later. Times in seconds, as of a clock that never goes back."""

    settle: float
    waiting: dict[str, _Waiting] = field(default_factory=dict)

    def see(self, path: str, stat: Stat | None, now: float) -> None:
        """The file is like this now; ``None`` if it is gone, or no news any more."""
        known = self.waiting.get(path)
        if stat is None:
            self.waiting.pop(path, None)
        elif known is None or known.stat != stat:
            self.waiting[path] = _Waiting(stat, now + self.settle)

    def failed(self, path: str, stat: Stat, now: float) -> None:
        """It was tried and is news still."""
        known = self.waiting.get(path)
        tries = known.tries + 1 if known and known.stat == stat else 1
        again = min(_LONGEST, max(1.0, self.settle) * 2**tries)
        self.waiting[path] = _Waiting(stat, now + again, tries)

    def due(self, now: float) -> list[str]:
        """Those that can be worked on."""
        return [path for path, item in self.waiting.items() if item.due <= now]


class WatchOptions(NamedTuple):
    """When files are processed, in seconds.

    A file is processed once it has not changed for ``settle``; what is there at the start, at once.
    Every ``every`` all folders are searched.
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
    """Yield the summaries of the runs, until the coordinator's interrupt ends it.

    ``request.paths`` are the folders.
    """
    watcher = _Watcher(request, coordinator, store, waiter, options)
    first = True
    while not coordinator.interrupt.stop:
        folders = _identities(request.paths)
        for text in watcher.missing(folders):
            coordinator.observer.note(text)
        if first:
            watcher.look(list(folders), at_once=True)
            first = False
        yield from watcher.follow(folders)


class _Watcher:
    """Keeps the list of what is news, and hands what is due to a run."""

    def __init__(
        self,
        request: Request,
        coordinator: Coordinator,
        store: Store,
        waiter: Waiter,
        options: WatchOptions,
    ) -> None:
        self._request, self._coordinator, self._store = request, coordinator, store
        self._settings, self._interrupt = coordinator.settings, coordinator.interrupt
        self._waiter, self._every = waiter, options.every
        self._waitlist = Waitlist(options.settle)
        self._gone: set[str] = set()
        self._looked = 0.0

    def missing(self, there: Mapping[str, Identity]) -> list[str]:
        """What to tell of folders that went or came."""
        gone = set(self._request.paths) - there.keys()
        notes = [f"{path} is not there; waiting for it" for path in sorted(gone - self._gone)]
        notes += [f"{path} is there again" for path in sorted(self._gone - gone)]
        self._gone = gone
        return notes

    def follow(self, folders: Mapping[str, Identity]) -> Iterator[Summary]:
        """Until a folder comes or goes, or it is time to look through all of them."""
        there = list(folders)
        for number, changed in enumerate(self._waiter(there)):
            if not number:
                self.look(there)  # for what came before anybody was listening
            self._see(changed)
            if due := self._waitlist.due(time.monotonic()):
                yield self._run(due, there)
                self.look(there)
            if self._interrupt.stop or _identities(self._request.paths) != folders:
                return
            if time.monotonic() - self._looked > self._every:
                return

    def look(self, there: Sequence[str], at_once: bool = False) -> None:
        """ProgressSource through these folders for what is news."""
        self._looked = time.monotonic()
        found = self._discover(there)
        now = self._looked - self._waitlist.settle if at_once else self._looked
        for item in self._news(found):
            self._waitlist.see(item.path, _stat(item), now)

    def _see(self, changed: Iterable[str]) -> None:
        now = time.monotonic()
        paths = [path for path in changed if os.path.exists(path) and not self._hidden(path)]
        found = self._discover(paths) if paths else []
        news = {item.path: _stat(item) for item in self._news(found)}
        for item in found:
            self._waitlist.see(item.path, news.get(item.path), now)
        for path in list(self._waitlist.waiting):
            # What grows without an event, as on a file system of the network, has not settled.
            self._waitlist.see(path, _stat_of(path), now)

    def _run(self, due: Sequence[str], there: Sequence[str]) -> Summary:
        few = len(due) <= _FEW
        named = self._request._replace(paths=tuple(due if few else there), recursive=not few)
        summary = self._coordinator.run(named)
        now = time.monotonic()
        again = {item.path: _stat(item) for item in self._news(self._discover(due))}
        for path in due:
            if path in again:
                self._waitlist.failed(path, again[path], now)
            else:
                self._waitlist.see(path, None, now)
        return summary

    def _hidden(self, path: str) -> bool:
        """Whether a name below the folders begins with a dot, as those of vpo's own files do."""
        inner = [
            path[len(root) :] for root in self._request.paths if path.startswith(root + os.sep)
        ]
        return any(part.startswith(".") for text in inner for part in text.split(os.sep))

    def _discover(self, paths: Sequence[str]) -> list[Candidate]:
        extensions = self._settings.config.files.extensions
        suffixes = tuple(f".{suffix}" for suffix in extensions)
        found = discover(
            paths, recursive=True, extensions=extensions, stop=lambda: self._interrupt.stop
        )
        return [item for item in found.candidates if item.path.lower().endswith(suffixes)]

    def _news(self, found: Sequence[Candidate]) -> Iterator[Candidate]:
        done = _done(self._store, self._request.policies.fingerprint, [i.path for i in found])
        for item in found:
            if _stat(item) not in done.get(os.fsencode(item.path), ()):
                yield item


def _done(store: Store, fingerprint: str, paths: Sequence[str]) -> Mapping[bytes, set[Stat]]:
    """As what the files were worked on, or failed for good, with any answer of a source."""
    done: dict[bytes, set[Stat]] = {}
    for path, stat in store.known(fingerprint, paths).items():
        done.setdefault(path, set()).add(stat)
    for path, (stat, *_) in store.failed(fingerprint).items():
        done.setdefault(path, set()).add(stat)
    for path, rows in store.answered(*marks(fingerprint)).items():
        done.setdefault(path, set()).update(row.stat for row in rows)
    return done


def _stat(item: Candidate) -> Stat:
    return item.size, item.mtime_ns, item.inode


def _stat_of(path: str) -> Stat | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _identities(paths: Iterable[str]) -> dict[str, Identity]:
    """Those folders that are there; another one under a name is a file system just mounted."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            found[path] = status.st_dev, status.st_ino
    return found


def events(folders: Sequence[str], stop: Callable[[], bool]) -> Iterator[set[str]]:
    """The ``Waiter`` of the system: what it reports of these folders and all below."""
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
        return  # it went while we began to look
    except OSError as error:
        raise WatchError(
            f"the folders cannot be followed: {error}; raise fs.inotify.max_user_watches (sysctl), "
            "or watch fewer folders"
        ) from None
