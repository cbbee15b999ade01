"""The functions that run on a node: the handshake, and processing jobs.

Dask calls these functions by name, so the node's own vpo runs. The Dask worker keeps the state of
the run from one handshake to the next.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from vpo.cluster.handshake import Sample, file_identity, versions
from vpo.cluster.path_map import PathMap
from vpo.config.builder import Settings, build
from vpo.config.worker_count import cap
from vpo.errors import ErrorKind, FileError, LockedError, ToolMissingError, VpoError
from vpo.execute.context import RunContext
from vpo.execute.leftovers import clean_up_folders, ignore_record
from vpo.execute.lock import FileLock
from vpo.execute.outcome import Outcome
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import Track
from vpo.policy.document import Policy
from vpo.policy.operations.transcode import Transcode
from vpo.run.job import Job
from vpo.run.probers import new_prober
from vpo.run.processing import process_file
from vpo.run.workers import new_context
from vpo.tools.priority import lower_priority
from vpo.tools.programs import tool_versions

_LEASE_SECONDS = 120.0
"""Longer than the 90 seconds after which NFS servers release the locks of a dead client."""
_POLL_SECONDS = 2.0
_ATTRIBUTE = "vpo_node_run"


class NodeRun:
    """The settings and the context of a run on this node."""

    def __init__(self) -> None:
        self.settings = build({})
        self.slots = _slots(self.settings)
        self.path_map = PathMap(self.settings.config.cluster.path_map)
        self.context: RunContext = new_context(self.settings, self.slots, new_prober(self.settings))
        self._thread = threading.local()

    def lower_priority(self) -> None:
        """Apply this node's ``nice`` and ``ionice``, once for each thread that works."""
        if not getattr(self._thread, "lowered", False):
            wanted = self.settings.config.processing
            lower_priority(self.context.tools.processes, wanted.nice, wanted.ionice)
            self._thread.lowered = True


def facts(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the facts for the handshake, as plain values that any version of vpo can read."""
    found: dict[str, Any] = {"versions": versions()}
    try:
        own = _begin()
        return {
            **found,
            "slots": own.slots,
            "tools": tool_versions(own.context.tools),
            "samples": [_seen(own.path_map.to_node(sample.path)) for sample in samples],
        }
    except VpoError as error:
        return {**found, "problem": str(error)}


def missing_encoders(policies: Sequence[Policy]) -> str | None:
    """Return which encoder of the policies is missing here and why; ``None`` for none."""
    try:
        for spec in _encodes(policies):
            track = Track(0, "video", "h264", width=640, height=360, pixel_format="yuv420p")
            _current().context.devices.choose(spec, track, "mkv")
    except (FileError, ToolMissingError) as error:
        return str(error)
    return None


def process_job(job: Job) -> Outcome:
    """Process a file with this node's paths and tools and the coordinator's options."""
    own = _current()
    own.lower_priority()
    return own.path_map.outcome(process_file(own.path_map.job(job), own.context))


def retry_job(job: Job) -> Outcome:
    """Clean up after a lost node, then process its job.

    A disconnected node, or the file server, may hold the lock on the file for a while.
    """
    own = _current()
    deadline = time.monotonic() + _LEASE_SECONDS
    while True:
        # The coordinator records the outcome of the job, and nothing is known of it meanwhile.
        clean_up_folders([os.path.dirname(own.path_map.to_node(job.path))], ignore_record)
        outcome = process_job(job)
        locked = outcome.error is not None and outcome.error.kind is ErrorKind.LOCKED
        if not locked or own.context.cancelled or time.monotonic() > deadline:
            return outcome
        time.sleep(_POLL_SECONDS)


async def end_tools(dask_worker: Any) -> None:
    """Kill the tools on this node; nothing starts before the next handshake.

    A coroutine, because Dask would wait for other functions, and the node may not respond.
    """
    own: NodeRun | None = getattr(dask_worker, _ATTRIBUTE, None)
    if own is not None:
        own.context.cancel()


def _begin() -> NodeRun:
    """Start a new run on this node, and end an earlier one."""
    worker = _dask_worker()
    earlier: NodeRun | None = getattr(worker, _ATTRIBUTE, None)
    if earlier is not None:
        earlier.context.close()
    own = NodeRun()
    setattr(worker, _ATTRIBUTE, own)
    return own


def _current() -> NodeRun:
    own: NodeRun | None = getattr(_dask_worker(), _ATTRIBUTE, None)
    return own or _begin()


def _dask_worker() -> Any:
    from distributed import get_worker

    return get_worker()


def _slots(settings: Settings) -> int:
    """Return how many files this node processes at the same time, at most as configured."""
    return cap(settings.config.processing.max_workers, settings.cores)


def _seen(path: str) -> dict[str, Any]:
    seen: dict[str, Any] = {"path": path, "identity": None, "problem": "", "locked": False}
    try:
        return {**seen, "identity": file_identity(path), "locked": _is_locked(path)}
    except OSError as error:
        return {**seen, "problem": error.strerror or str(error)}


def _is_locked(path: str) -> bool:
    """Return whether this node sees the coordinator's lock on the sample."""
    try:
        with FileLock(path):
            return False
    except LockedError:
        return True
    except FileError:
        return False


def _encodes(policies: Sequence[Policy]) -> list[VideoEncode]:
    steps = (step for policy in policies for phase in policy.phases for step in phase.operations)
    videos = (step.video for step in steps if isinstance(step, Transcode))
    return [
        video.spec(Track(0, "video", video.to), None, tonemap=False)
        for video in videos
        if video is not None
    ]
