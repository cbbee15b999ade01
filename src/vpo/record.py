"""Runs and outcomes into the database, and cleaning up after runs that died.

Outcomes are written a group of files in one transaction; nothing is open while a tool runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vpo.batch import Outcome
from vpo.config.builder import Settings
from vpo.db.records import KeptOriginal, Result, RunningOutcome, RunState, Verdict
from vpo.db.store import Store
from vpo.execute import originals, recover, undo
from vpo.plan import to_json

_GROUP = 64
_GROUP_SECONDS = 0.5
"""Outcomes are written in groups of so many, or after so long: the most a kill can cost is that
these files are probed again."""
_DAY_SECONDS = 86400


class Recorder:
    """Writes one run and its outcomes; a dry run (``store`` is ``None``) writes nothing."""

    def __init__(self, store: Store | None, run_id: str, fingerprint: str) -> None:
        self.run_id = run_id
        self.fingerprint = fingerprint
        self._store = store
        self._ids: dict[str, str] = {}
        self._results: list[Result] = []
        self._written = time.monotonic()

    def start(self, path: str) -> str:
        """Note that the work on a file begins, so that a later run knows where to clean up; its
        outcome's id."""
        if self._store is None:
            return ""
        self._ids[path] = self._store.start_outcomes(self.run_id, [path])[0]
        return self._ids[path]

    def take(self, outcome: Outcome) -> None:
        """Write the outcome soon."""
        if self._store is None:
            return
        source = outcome.was or outcome.path
        key = self._ids.pop(source, None)
        if key is None:
            if outcome.status == "not_started":
                return
            key = self._store.start_outcomes(self.run_id, [source])[0]
        self._results.append(_result(key, outcome, self.fingerprint))
        late = time.monotonic() - self._written > _GROUP_SECONDS
        if late or len(self._results) >= _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what has been taken."""
        if self._store is not None and self._results:
            self._store.record(self._results)
            self._results = []
        self._written = time.monotonic()

    def finish(self, state: RunState, summary: Mapping[str, Any]) -> None:
        """End the run."""
        self.flush()
        if self._store is not None:
            self._store.finish_run(self.run_id, state, summary)


def _result(key: str, outcome: Outcome, fingerprint: str) -> Result:
    stamp, plan, kept = outcome.stamp, outcome.plan, outcome.kept
    return Result(
        outcome=key,
        path=outcome.path,
        was=outcome.was,
        status=outcome.status,
        stat=(stamp.size, stamp.mtime_ns, stamp.inode) if stamp else None,
        media=outcome.media if stamp else None,
        fingerprint=fingerprint,
        verdict=_verdict(outcome) if stamp else None,
        strategy=outcome.strategy,
        plan={"changes": to_json(plan)} if plan is not None else None,
        error_type=outcome.error.type if outcome.error else None,
        error_message=outcome.error.message if outcome.error else None,
        warnings=outcome.warnings,
        seconds=outcome.seconds,
        size_before=outcome.size_before,
        size_after=outcome.size_after,
        kept=(kept.kind, kept.path, kept.size) if kept else None,
    )


def _verdict(outcome: Outcome) -> Verdict | None:
    if outcome.status in ("changed", "unchanged"):
        return "complies"
    return "failed" if outcome.error and outcome.error.lasting else None


@contextlib.contextmanager
def recorder(
    store: Store,
    data_dir: Path,
    fingerprint: str,
    *,
    dry_run: bool,
    policies: list[str],
    options: Mapping[str, Any],
    workers: int,
) -> Iterator[Recorder]:
    """A recorder for a new run; what it still holds is written whatever happens."""
    run_id = str(uuid.uuid4())
    if dry_run:
        yield Recorder(None, run_id, fingerprint)
        return
    with _alive_mark(data_dir, run_id):
        store.start_run(
            run_id,
            policies=policies,
            options=options,
            workers=workers,
            dry_run=False,
            pid=os.getpid(),
            host=socket.gethostname(),
        )
        recording = Recorder(store, run_id, fingerprint)
        try:
            yield recording
        finally:
            recording.flush()


@contextlib.contextmanager
def _alive_mark(data_dir: Path, run_id: str) -> Iterator[None]:
    """Hold a locked file that tells other processes that this run is alive."""
    path = _lock_path(data_dir, run_id)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.close(fd)


def _lock_path(data_dir: Path, run_id: str) -> str:
    return os.path.join(data_dir, "runs", f"{run_id}.lock")


def _alive(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def clean_up(store: Store, settings: Settings) -> list[str]:
    """What a run does first: deal with runs that died, and with originals kept long enough.

    Returns what was done, in words.
    """
    done = _recover(store, settings)
    scratch = settings.config.files.temporary_folder
    if scratch is not None:
        done += recover.sweep_folders([os.fspath(scratch)])
    return done + _expire(store, settings)


def _recover(store: Store, settings: Settings) -> list[str]:
    data_dir = settings.data_dir
    dead = {run.id for run in store.running_runs() if not _alive(_lock_path(data_dir, run.id))}
    if not dead:
        return []
    begun = [item for item in store.running_outcomes() if item.run_id in dead]
    done = recover.finish_renames(item.path for item in begun)
    done += recover.sweep_folders(os.path.dirname(item.path) for item in begun)
    for item in begun:
        _settle_kept(store, item)
    store.mark_interrupted(dead)
    for run_id in dead:
        with contextlib.suppress(OSError):
            os.unlink(_lock_path(data_dir, run_id))
    return done


def _settle_kept(store: Store, item: RunningOutcome) -> None:
    """An original that was being kept when the run died goes, or is put on record."""
    kept = originals.place(os.path.dirname(item.path), item.id)
    if not os.path.exists(kept):
        return
    stem = os.path.splitext(item.path)[0]
    places = [item.path, f"{stem}.mkv", f"{stem}.mp4"]
    result = next((path for path in places if os.path.exists(path)), None)
    if result is None or os.path.samefile(result, kept):
        originals.forget(kept)
        return
    status = os.stat(result)
    kind = "file" if undo.read_name(kept) is None else "header"
    store.note_kept(
        item.id,
        (kind, kept, os.stat(kept).st_size),
        result,
        (status.st_size, status.st_mtime_ns, status.st_ino),
    )


def _expire(store: Store, settings: Settings) -> list[str]:
    """Throw away kept originals that are older, or take more room, than the configuration says."""
    limits = settings.config.originals
    total, gone = 0, []
    for item in store.kept():
        total += item.size
        age = time.time() - item.started_at.timestamp()
        large = limits.max_size is not None and total > limits.max_size
        if large or age > limits.days * _DAY_SECONDS:
            gone.append(item)
    for item in gone:
        originals.forget(item.kept_path)
    if gone:
        store.forget_kept(item.outcome for item in gone)
    return [f"threw away {len(gone)} kept originals, as [originals] says"] if gone else []


def put_back(store: Store, item: KeptOriginal) -> None:
    """Put a kept original back; ``FileError`` if that cannot be done."""
    originals.restore(item.kind, item.kept_path, item.path, item.result_path, item.result_stat)
    store.forget_kept([item.outcome])
    store.forget_file(item.result_path)
