"""What runs and waits as JSON, for ``vpo status`` and the server; ``docs/json.md`` describes it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from vpo.config.builder import Settings
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.queue import FileQueue
from vpo.db.savings import Savings
from vpo.db.store import Store
from vpo.media.model import MediaFile
from vpo.run.progress import RunningFile
from vpo.run.schedule import Schedule
from vpo.run.status import RunStatus, running_runs

_LEAST_SECONDS = 2.0
"""How long a file is written before its speed is stated."""


def status_json(settings: Settings, pool: DaemonConnectionPool) -> dict[str, Any]:
    """Return what runs and what waits, without the libraries."""
    paused = Schedule(settings.data_dir).pause_state()
    indexed, ratio = Library(pool), Savings(pool).encode_ratio()
    runs = running_runs(Store(pool), settings.data_dir)
    return {
        "paused": paused.reason if paused else None,
        "runs": [_run_json(item, indexed, ratio) for item in runs],
        "queue": FileQueue(pool).counts(),
    }


def libraries_json(settings: Settings, pool: DaemonConnectionPool) -> Iterator[dict[str, Any]]:
    """Yield the configured libraries, with the numbers of files that are indexed and failed."""
    indexed = Library(pool)
    for library in settings.config.libraries:
        folders = list(library.folders)
        yield {
            "name": library.name,
            "folders": folders,
            "policy": library.policy,
            "watch": library.watch,
            "files": indexed.count(folders),
            "failed": sum(1 for _ in indexed.failed(folders)),
        }


def _run_json(item: RunStatus, indexed: Library, ratio: float | None) -> dict[str, Any]:
    run, progress = item
    return {
        "run_id": run.id,
        "library": run.options.get("library"),
        "policies": run.policies,
        "started_at": run.started_at.isoformat(),
        "pid": run.pid,
        "done": progress.done,
        "total": progress.total,
        "waiting_files": item.waiting,
        "part": progress.part,
        "eta_seconds": None if progress.left is None else round(progress.left, 1),
        "waiting": progress.waiting,
        "running": [_file_json(file, indexed, ratio) for file in progress.running],
    }


def _file_json(file: RunningFile, indexed: Library, ratio: float | None) -> dict[str, Any]:
    media = next((media for media, _ in indexed.media([file.path])), None)
    encoded = file.strategy == "transcode"
    saving = media.size * (1 - ratio) if media and encoded and ratio is not None else None
    return {
        "path": file.path,
        "phase": file.stage,
        "strategy": file.strategy,
        "part": file.prepared if file.part is None else file.part,
        "eta_seconds": file.left,
        "fps": _frames_a_second(file, media) if media and encoded else None,
        "expected_saving": None if saving is None else round(saving),
    }


def _frames_a_second(file: RunningFile, media: MediaFile) -> float | None:
    """Return how many frames of the video are encoded a second, as far as the progress shows it."""
    rate = next((track.frame_rate for track in media.tracks if track.frame_rate), None)
    if not (file.part and file.writing and media.duration and rate):
        return None
    if file.writing < _LEAST_SECONDS or file.part >= 1:
        return None
    return round(file.part * media.duration * float(Fraction(rate)) / file.writing, 1)
