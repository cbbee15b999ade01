"""What runs on a node: it answers the handshake, and does jobs.

Dask calls these functions by their names, so that the node's own vpo is what runs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from vpo.cluster.handshake import Sample, identity, versions
from vpo.cluster.path_map import Places
from vpo.config.builder import Settings, build
from vpo.config.worker_count import cap
from vpo.errors import ErrorKind, FileError, LockedError, ToolMissingError, VpoError
from vpo.execute.encoding import devices
from vpo.execute.lock import FileLock
from vpo.execute.outcome import Outcome
from vpo.execute.recover import sweep_folders
from vpo.execute.rewrite import Rewriter
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import Track
from vpo.policy.document import Policy
from vpo.policy.operations.transcode import Transcode
from vpo.run.job import Job, process_file
from vpo.run.workers import rewriter, tools
from vpo.tools import process as processes

_LEASE_SECONDS = 120.0
"""NFS servers give the locks of a dead client up after 90 seconds."""
_POLL_SECONDS = 2.0


def facts(samples: Sequence[Sample]) -> dict[str, Any]:
    """What this node is, for ``vpo.cluster.handshake``; in plain values, for any version."""
    found: dict[str, Any] = {"versions": versions()}
    _settings.cache_clear()
    _rewriter.cache_clear()
    processes.allow()
    try:
        return {
            **found,
            "slots": _slots(),
            "tools": processes.versions(tools(_settings())),
            "samples": [_seen(_places().there(sample.path)) for sample in samples],
        }
    except VpoError as error:
        return {**found, "problem": str(error)}


def lacks(policies: Sequence[Policy]) -> str | None:
    """What of the tools the policies need and this node has not; ``None`` for nothing."""
    try:
        for spec in _encodes(policies):
            track = Track(0, "video", "h264", width=640, height=360, pixel_format="yuv420p")
            devices.choose(tools(_settings()), spec, track, "mkv")
    except (FileError, ToolMissingError) as error:
        return str(error)
    return None


def work(job: Job) -> Outcome:
    """``process_file`` with this node's paths and tools, and the coordinator's rules."""
    _stand_back()
    places = _places()
    here = places.job(job)
    own = _rewriter()
    sessions = own.handling.hardware_sessions
    handling = replace(here.rewriter.handling, hardware_sessions=sessions)
    return places.outcome(process_file(replace(here, rewriter=replace(own, handling=handling))))


def work_again(job: Job) -> Outcome:
    """``work`` on a file whose node was lost: what it left is cleaned up first.

    A node that was only cut off, or the server of the file system, may hold its lock for a while.
    """
    deadline = time.monotonic() + _LEASE_SECONDS
    while True:
        sweep_folders([os.path.dirname(_places().there(job.path))])
        outcome = work(job)
        locked = outcome.error is not None and outcome.error.kind is ErrorKind.LOCKED
        if not locked or processes.is_cancelled() or time.monotonic() > deadline:
            return outcome
        time.sleep(_POLL_SECONDS)


async def end_tools() -> None:
    """End what runs here at once; nothing starts before the next handshake.

    A coroutine, because Dask waits for other functions, and a node may not answer any more.
    """
    processes.cancel()


def _stand_back() -> None:
    """This node's ``nice`` and ``ionice``, once for each thread that works."""
    if not getattr(_thread, "stands_back", False):
        wanted = _settings().config.processing
        processes.stand_back(wanted.nice, wanted.ionice)
        _thread.stands_back = True


_thread = threading.local()


@cache
def _settings() -> Settings:
    return build({})


@cache
def _rewriter() -> Rewriter:
    return rewriter(_settings(), _slots())


def _slots() -> int:
    """How many files this node works on at the same time: the cap holds for every machine."""
    return cap(_settings().config.processing.max_workers, _settings().cores)


def _places() -> Places:
    return Places(_settings().config.cluster.path_map)


def _seen(path: str) -> dict[str, Any]:
    seen: dict[str, Any] = {"path": path, "identity": None, "problem": "", "locked": False}
    try:
        return {**seen, "identity": identity(path), "locked": _is_locked(path)}
    except OSError as error:
        return {**seen, "problem": error.strerror or str(error)}


def _is_locked(path: str) -> bool:
    """Whether the lock that the coordinator holds on the sample is seen here."""
    try:
        with FileLock(path):
            return False
    except LockedError:
        return True
    except FileError:
        return False


def _encodes(policies: Sequence[Policy]) -> list[VideoEncode]:
    wanted = []
    for policy in policies:
        for phase in policy.phases:
            for item in phase.operations:
                if isinstance(item, Transcode) and item.video is not None:
                    wanted.append(item.video.spec(None, tonemap=False))
    return wanted
