"""Indexes the videos of a library: probes new and changed files and records what they are."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Literal

from vpo.config.builder import Settings
from vpo.db.library import Library, Seen
from vpo.db.records import SCAN, Result
from vpo.discover import Candidate, Discovery, Search, discover, leftovers_beside
from vpo.errors import ProbeError
from vpo.library.parallel import Pool, completed
from vpo.probe.service import Prober
from vpo.run.probers import new_prober
from vpo.run.progress import RunProgress
from vpo.run.request import Interrupt

_GROUP_SIZE = 64
"""Files that are written to the database in one transaction."""


@dataclass
class Scan:
    """The result of a scan: counts of files, and the paths with problems.

    ``unreadable`` are paths with the reason. ``missing`` are indexed files whose folder is now
    empty, as its file system may not be mounted. ``gone`` counts files that are surely deleted.
    ``acknowledged`` counts files that cannot be read, as the user knows.
    ``notes`` are messages about what interrupted runs have left.
    """

    total: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    unstable: int = 0
    acknowledged: int = 0
    gone: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __iadd__(self, other: Scan) -> Scan:
        """Add the result of another scan."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))
        self.interrupted = bool(self.interrupted)
        return self


@dataclass(frozen=True)
class Scanner:
    """Indexes videos, as many at the same time as there are workers.

    ``on_progress`` is called after each probed file; ``forget`` drops what is recorded of a file
    before it is restored from what an interrupted run has left.
    """

    settings: Settings
    library: Library
    interrupt: Interrupt
    on_progress: Callable[[RunProgress], None]
    forget: Callable[[str], None]

    def scan(self, paths: Sequence[str], *, recursive: bool = False) -> Scan:
        """Probe what is new or has changed under ``paths``; remove what is gone."""
        began = time.monotonic()
        notes = self._clean_up(leftovers_beside(paths))
        found = self._discover(paths, recursive)
        if cleaned := self._clean_up(found.leftovers):
            notes, found = notes + cleaned, self._discover(paths, recursive)
        roots = [os.path.realpath(path) for path in paths if path]
        seen = self.library.seen(roots)
        result = Scan(total=found.total, notes=notes + found.notes)
        result.unreadable += [(path, str(problem)) for path, problem in found.problems]
        result.unreadable += found.refused
        self._index(_new_or_changed(found.candidates, seen, result), seen, result)
        if not self.interrupt.stop and all(map(os.path.lexists, roots)):
            self._remove_gone(seen.keys() - {item.path for item in found.candidates}, result)
        result.interrupted = self.interrupt.signalled
        result.seconds = round(time.monotonic() - began, 3)
        return result

    def _discover(self, paths: Sequence[str], recursive: bool) -> Discovery:
        files = self.settings.config.files
        search = Search(files.extensions, recursive, files.exclude or ())
        return discover(paths, search, lambda: self.interrupt.stop)

    def _clean_up(self, leftovers: Sequence[str]) -> list[str]:
        """Deal with what killed runs have left; return messages."""
        if not leftovers:
            return []
        from vpo.execute.leftovers import clean_up_leftovers  # late: most scans find none

        return list(clean_up_leftovers(leftovers, self.forget))

    def _index(self, todo: list[Candidate], seen: dict[str, Seen], result: Scan) -> None:
        group: list[Result] = []
        active = min(self.settings.workers, len(todo))
        for number, probed in enumerate(self._probed(todo), 1):
            _count(probed, seen, result)
            if probed.stat is not None:
                group.append(probed)
            if len(group) >= _GROUP_SIZE:
                self.library.record(group)
                group = []
            self.on_progress(RunProgress(number, len(todo), min(active, len(todo) - number)))
        self.library.record(group)

    def _probed(self, todo: list[Candidate]) -> Iterator[Result]:
        """Yield the files as they are probed; a file is submitted when a worker is free."""
        if not todo:
            return
        workers = self.settings.workers
        prober = new_prober(self.settings)
        prober.start_early()
        with (
            contextlib.closing(prober.processes),
            ThreadPoolExecutor(workers, thread_name_prefix="vpo") as executor,
        ):
            pool = Pool(executor, workers, self.interrupt, lambda: None)
            yield from completed(partial(_probe, prober), todo, pool)

    def _remove_gone(self, absent: set[str], result: Scan) -> None:
        gone = []
        for path in sorted(absent):
            state = _absence(path)
            if state == "gone":
                gone.append(path)
            elif state == "missing":
                result.missing.append(path)
        self.library.forget(gone)
        result.gone = len(gone)


def _new_or_changed(
    candidates: Sequence[Candidate], seen: dict[str, Seen], result: Scan
) -> list[Candidate]:
    """Return the files to probe; count the others."""
    todo = []
    for item in candidates:
        known = seen.get(item.path)
        if known is None or known.stat != (item.size, item.mtime_ns, item.inode):
            todo.append(item)
        elif known.acknowledged:
            result.acknowledged += 1
        elif known.error is not None:
            result.unreadable.append((item.path, known.error))
        else:
            result.unchanged += 1
    return todo


def _probe(prober: Prober, item: Candidate) -> Result:
    """Return what the file is; without a stat if it changed meanwhile or is gone."""
    stat = (item.size, item.mtime_ns, item.inode)
    # vpo keeps size, time and inode of a file whose header it edits, but cannot keep this one.
    changed = _change_time(item.path)
    try:
        media = prober.probe(item.path)
        result = Result("", item.path, "unchanged", stat=stat, media=media, device=item.device)
    except ProbeError as error:
        result = Result(
            "",
            item.path,
            "failed",
            stat=stat,
            device=item.device,
            fingerprint=SCAN,
            compliance="failed",
            error_type=type(error).__name__,
            error_message=str(error),
        )
    try:
        now = os.stat(item.path)
    except OSError:
        return result._replace(stat=None)
    same = (now.st_size, now.st_mtime_ns, now.st_ino) == stat and now.st_ctime_ns == changed
    return result if same else result._replace(stat=None)


def _change_time(path: str) -> int | None:
    try:
        return os.stat(path).st_ctime_ns
    except OSError:
        return None


def _count(probed: Result, seen: dict[str, Seen], result: Scan) -> None:
    if probed.stat is None:
        result.unstable += 1
    elif probed.status == "failed":
        result.unreadable.append((probed.path, probed.error_message or ""))
    elif probed.path in seen:
        result.changed += 1
    else:
        result.new += 1


def _absence(path: str) -> Literal["there", "gone", "missing"]:
    """Return ``there`` (also if unknown), ``gone`` or ``missing``.

    It is ``missing`` if its folder is empty: the file system may not be mounted.
    """
    try:
        os.lstat(path)
        return "there"
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            return "there"
    folder = os.path.dirname(path)
    while True:
        try:
            with os.scandir(folder) as entries:
                return "gone" if next(entries, None) else "missing"
        except (FileNotFoundError, NotADirectoryError):
            folder = os.path.dirname(folder)
        except OSError:
            return "there"
