"""Look at every file once and put on record what it is; nothing is changed."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from vpo.config.builder import Settings
from vpo.db.library import SCAN, Library, Seen
from vpo.db.records import Result
from vpo.discover import Candidate, discover
from vpo.errors import ProbeError
from vpo.probe.service import Prober
from vpo.run.probers import new_prober
from vpo.run.progress import RunProgress
from vpo.run.request import Interrupt

_GROUP = 64
"""Files are written to the database in groups of so many."""
_WAIT_SECONDS = 0.5


@dataclass
class Scan:
    """What was found: counts of files, and the paths that somebody has to look at.

    ``unreadable`` are paths with the reason. ``missing`` are files that are on record and not
    there, in a folder that is empty: their file system may not be mounted. Those that are gone for
    certain are counted as ``gone``.
    """

    total: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    unstable: int = 0
    gone: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def scan(
    paths: Sequence[str],
    settings: Settings,
    library: Library,
    interrupt: Interrupt,
    tell: Callable[[RunProgress], None],
    *,
    recursive: bool = False,
) -> Scan:
    """Probe what is new or has changed under ``paths``, several files at a time."""
    began = time.monotonic()
    extensions = settings.config.files.extensions
    found = discover(paths, recursive=recursive, extensions=extensions, stop=lambda: interrupt.stop)
    roots = [os.path.realpath(path) for path in paths if path]
    seen = library.seen(roots)
    result = Scan(total=len(found.candidates) + len(found.problems))
    result.unreadable += [(path, str(problem)) for path, problem in found.problems]
    todo = []
    for item in found.candidates:
        known = seen.get(item.path)
        if known is None or known.stat != (item.size, item.mtime_ns, item.inode):
            todo.append(item)
        elif known.error is not None:
            result.unreadable.append((item.path, known.error))
        else:
            result.unchanged += 1
    _look_at(todo, seen, settings, library, interrupt, tell, result)
    if not interrupt.stop:
        _look_for({item.path for item in found.candidates}, seen, roots, library, result)
    result.interrupted = interrupt.signalled
    result.seconds = round(time.monotonic() - began, 3)
    return result


def _look_at(
    todo: list[Candidate],
    seen: dict[str, Seen],
    settings: Settings,
    library: Library,
    interrupt: Interrupt,
    tell: Callable[[RunProgress], None],
    result: Scan,
) -> None:
    group: list[Result] = []
    active = min(settings.workers, len(todo))
    for number, look in enumerate(_looks(todo, settings, interrupt), 1):
        _count(look, seen, result)
        if look.stat is not None:
            group.append(look)
        if len(group) >= _GROUP:
            library.note(group)
            group = []
        tell(RunProgress(number, len(todo), min(active, len(todo) - number)))
    library.note(group)


def _looks(todo: list[Candidate], settings: Settings, interrupt: Interrupt) -> Iterator[Result]:
    """What each file is, as they come; one is asked for when somebody is free to look."""
    if not todo:
        return
    prober = new_prober(settings)
    prober.start_early()
    queue = iter(todo)
    running: set[Future[Result]] = set()
    with (
        contextlib.closing(prober.processes),
        ThreadPoolExecutor(settings.workers, thread_name_prefix="vpo") as pool,
    ):
        while True:
            while len(running) < settings.workers and not interrupt.stop:
                item = next(queue, None)
                if item is None:
                    break
                running.add(pool.submit(_look, prober, item))
            if not running:
                return
            done, running = wait(running, _WAIT_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _look(prober: Prober, item: Candidate) -> Result:
    """What the file is; without a stat if it changed meanwhile, or has gone."""
    stat = (item.size, item.mtime_ns, item.inode)
    try:
        media = prober.probe(item.path)
        result = Result("", item.path, "unchanged", stat=stat, media=media)
    except ProbeError as error:
        result = Result(
            "",
            item.path,
            "failed",
            stat=stat,
            fingerprint=SCAN,
            verdict="failed",
            error_type=type(error).__name__,
            error_message=str(error),
        )
    try:
        now = os.stat(item.path)
    except OSError:
        return result._replace(stat=None)
    same = (now.st_size, now.st_mtime_ns, now.st_ino) == stat
    return result if same else result._replace(stat=None)


def _count(look: Result, seen: dict[str, Seen], result: Scan) -> None:
    if look.stat is None:
        result.unstable += 1
    elif look.status == "failed":
        result.unreadable.append((look.path, look.error_message or ""))
    elif look.path in seen:
        result.changed += 1
    else:
        result.new += 1


def _look_for(
    there: set[str], seen: dict[str, Seen], roots: list[str], library: Library, result: Scan
) -> None:
    """Find out about the files on record that were not found."""
    if not all(map(os.path.lexists, roots)):
        return
    gone = []
    for path in sorted(seen.keys() - there):
        state = _absence(path)
        if state == "gone":
            gone.append(path)
        elif state == "missing":
            result.missing.append(path)
    library.forget(gone)
    result.gone = len(gone)


def _absence(path: str) -> Literal["there", "gone", "missing"]:
    """``there`` (or nobody can tell), ``gone``, or ``missing``: where a folder is empty, the file
    system with the file may just not be mounted."""
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
