"""Recording runs and outcomes in the database.

Outcomes are written in groups, each in one transaction; none is open while a tool runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vpo.config.models import Originals
from vpo.db.records import Compliance, KeptOriginal, NewRun, Result, RunState
from vpo.db.store import Store
from vpo.execute.outcome import Outcome
from vpo.run.progress import ProgressSource, write_progress

_GROUP = 64
_GROUP_SECONDS = 0.5
"""The size of a group, and the seconds after which a smaller one is written: the files that have to
be probed again if vpo is killed."""
_SHOW_SECONDS = 1.0
DAY_SECONDS = 86400
_LOCK_EXTENSION = ".lock"
_LOCK_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}" + re.escape(_LOCK_EXTENSION))
"""The names that vpo gives; no other file is removed."""


CacheKey = Callable[[str, "str | None"], str]


class RunFacts(NamedTuple):
    """The policy files, the options and the number of workers of a run."""

    policies: list[str]
    options: Mapping[str, Any]
    workers: int


class Recorder:
    """Records one run and its outcomes, unless ``store`` is ``None``.

    ``lock`` is the open lock file of the run, into which its progress is written for others.
    ``cache_key`` returns the key under which the compliance of a path is recorded, with the state
    of its sidecars afterwards (``Outcome.beside``).
    """

    def __init__(
        self,
        store: Store | None,
        run_id: str,
        cache_key: CacheKey,
        lock: int | None = None,
    ) -> None:
        self.run_id = run_id
        self._lock = lock
        self._shown = -math.inf
        self._cache_key = cache_key
        self._store = store
        self._ids: dict[str, str] = {}
        self._begun = False
        self._results: list[Result] = []
        self._written = time.monotonic()

    def start(self, path: str) -> str:
        """Record the start of a file, so that a later run can clean up; return the outcome's id."""
        if self._store is None:
            return ""
        # Whatever a power cut takes, the next run knows that this one was there.
        synced, self._begun = not self._begun, True
        self._ids[path] = self._store.start_outcomes(self.run_id, [path], synced=synced)[0]
        return self._ids[path]

    def take(self, outcome: Outcome) -> None:
        """Add an outcome to the current group."""
        if self._store is None:
            return
        source = outcome.was or outcome.path
        key = self._ids.get(source)
        if key is None:
            if outcome.status == "not_started":
                return
            key = self._store.start_outcomes(self.run_id, [source])[0]
        self._results.append(_result(key, outcome, self._cache_key(source, outcome.beside)))
        self._ids.pop(source, None)
        if len(self._results) >= _GROUP:
            self.flush()
        self.on_tick()

    def on_tick(self) -> None:
        """Write a group that is old enough; its next outcome may be hours away."""
        if time.monotonic() - self._written > _GROUP_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the current group."""
        if self._store is not None and self._results:
            self._store.record(self._results)
            self._results = []
        self._written = time.monotonic()

    def show(self, get_progress: ProgressSource) -> None:
        """Write the progress for ``vpo status``, at most once a second."""
        now = time.monotonic()
        if self._lock is None or now - self._shown < _SHOW_SECONDS:
            return
        self._shown = now
        with contextlib.suppress(OSError):  # a full disk is no reason to end the run
            write_progress(self._lock, get_progress())

    def finish(self, state: RunState, summary: Mapping[str, Any]) -> None:
        """Write the current group and the end of the run.

        Files that were started and have no outcome are recorded as interrupted.
        """
        self.flush()
        if self._store is not None:
            if self._ids:
                self._store.mark_interrupted([self.run_id])
            self._store.finish_run(self.run_id, state, summary)


def _result(key: str, outcome: Outcome, fingerprint: str) -> Result:
    stamp = outcome.stamp
    return Result(
        outcome=key,
        path=outcome.path,
        was=outcome.was,
        status=outcome.status,
        touched=outcome.touched,
        stat=(stamp.size, stamp.mtime_ns, stamp.inode) if stamp else None,
        media=outcome.media if stamp else None,
        fingerprint=fingerprint,
        compliance=_compliance(outcome) if stamp else None,
        strategy=outcome.strategy,
        plan=_plan(outcome),
        error_type=outcome.error.type if outcome.error else None,
        error_message=outcome.error.message if outcome.error else None,
        warnings=outcome.warnings,
        remaining=outcome.remaining,
        seconds=outcome.seconds,
        size_before=outcome.size_before,
        size_after=outcome.size_after,
        kept=outcome.kept,
        encode=outcome.encode,
        device=stamp.device if stamp else None,
        content=outcome.content,
        bit_rates=outcome.bit_rates,
        videos=outcome.videos,
    )


def _plan(outcome: Outcome) -> dict[str, Any] | None:
    if outcome.plan is None:
        return None
    from vpo.plan.model import changes_to_json
    from vpo.run.cost import outcome_cost  # late: they are imported already where there is a plan

    return {
        "changes": changes_to_json(outcome.plan.changes),
        "cost": outcome_cost(outcome),
        "proof": outcome.proof.to_json() if outcome.proof else None,
    }


def _compliance(outcome: Outcome) -> Compliance | None:
    if outcome.status in ("changed", "unchanged"):
        return "complies"
    if outcome.error is None or not outcome.error.lasting:
        return None
    return "failed" if outcome.error.certain else "suspect"


@contextlib.contextmanager
def recorder(
    store: Store | None,
    data_dir: Path,
    cache_key: CacheKey,
    facts: RunFacts,
) -> Iterator[Recorder]:
    """Yield the recorder of a new run, which the caller finishes."""
    run_id = str(uuid.uuid4())
    if store is None:
        yield Recorder(None, run_id, cache_key)
        return
    with _run_lock(data_dir, run_id) as lock:
        store.start_run(
            NewRun(
                run_id,
                facts.policies,
                facts.options,
                facts.workers,
                os.getpid(),
                os.uname().nodename,
            )
        )
        yield Recorder(store, run_id, cache_key, lock)


@contextlib.contextmanager
def _run_lock(data_dir: Path, run_id: str) -> Iterator[int]:
    """Hold a locked file that shows other processes that this run is alive; yield it, open."""
    path = lock_path(data_dir, run_id)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    fd = _create_locked(path)
    try:
        yield fd
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.close(fd)


def _create_locked(path: str) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        # Another run may have removed the file before it was locked.
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)


def lock_path(data_dir: Path, run_id: str) -> str:
    """Return the path of the file that is locked as long as the run is alive."""
    return os.path.join(data_dir, "runs", f"{run_id}{_LOCK_EXTENSION}")


def run_locks(data_dir: Path) -> list[str]:
    """Return the lock files of all runs, alive or not."""
    try:
        names = os.listdir(os.path.join(data_dir, "runs"))
    except FileNotFoundError:
        return []
    return [os.path.join(data_dir, "runs", name) for name in names if _LOCK_NAME.fullmatch(name)]


def is_alive(path: str) -> bool:
    """Return whether a process holds the lock; remove the lock file if none does."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def expired(kept: Iterable[KeptOriginal], limits: Originals) -> list[KeptOriginal]:
    """Return the kept originals (newest first) that are too old, or exceed the size limit."""
    total, gone = 0, []
    for item in kept:
        total += item.size
        age = time.time() - item.started_at.timestamp()
        large = limits.max_size is not None and total > limits.max_size
        if large or age > limits.days * DAY_SECONDS:
            gone.append(item)
    return gone
