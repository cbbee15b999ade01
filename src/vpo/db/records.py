"""Records that are written to the library database and read from it.

Paths are strings as ``os.fsdecode`` returns them; times are aware and in UTC. These are named
tuples because creating a data class takes ten times as long, at every start of vpo.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from vpo.media.model import MediaFile
    from vpo.plan.model import Strategy

Stat = tuple[int, int, int]
"""Size in bytes, modification time in nanoseconds since 1970 UTC, inode."""

FileIdentity = tuple[int | None, int, int, int]
"""Device, and then a ``Stat``."""

Status = Literal["changed", "unchanged", "skipped", "failed", "planned", "cancelled", "not_started"]
"""The result of a run for one file; ``cancelled``: the user ended the run or the
file in the midst of it."""
STATUSES: tuple[Status, ...] = get_args(Status)
Compliance = Literal["complies", "failed", "suspect"]
"""``failed``: processing failed, and would fail again as long as the file is unchanged.
``suspect``: the same, but the machine may have been the cause, so that it has to fail twice."""
History = Literal["encoded", "futile"]
"""Whether policies have encoded a file's video, or found that encoding it is not worth it."""
RunState = Literal["running", "finished", "interrupted", "stopped"]
OutcomeState = Literal["running", "done", "interrupted"]


class EncodeRecord(NamedTuple):
    """A file that policies have encoded, or would encode in vain (``history``).

    It holds for the file at ``path`` as long as that has this size and inode; and for a file
    elsewhere that has the same device (``None`` if unknown) and modification time as well.
    """

    path: bytes
    history: History
    size: int
    inode: int
    mtime_ns: int
    device: int | None


class KnownContent(NamedTuple):
    """What is recorded of a content, whatever the files are called that have it.

    ``bit_rates`` are those that were measured, by track index.
    """

    history: History | None
    bit_rates: Mapping[int, int]


OriginalKind = Literal["file", "header"]
"""A whole file, or the undo file of a header edit."""


class Kept(NamedTuple):
    """An original that a run has kept: ``size`` bytes at ``path``."""

    kind: OriginalKind
    path: str
    size: int


VideoShape = tuple[str, int | None, int | None]
"""The codec, width and height of a video."""


class EncodedVideo(NamedTuple):
    """A video that policies have encoded: the SHA-256 of its frames (hexadecimal), its shape."""

    digest: str
    shape: VideoShape


class Result(NamedTuple):
    """The result of processing one file, to be written; ``outcome`` is its outcome's id.

    ``path`` is where the file is now, ``was`` its former path if it was renamed. ``stat`` is the
    file's current one, ``None`` if it is gone: then only the outcome is recorded. ``touched``: the
    content has changed even if ``stat`` has not, so that older compliance records are deleted.
    ``compliance`` is recorded under the
    cache key ``fingerprint``, with the ``remaining`` warnings; ``encode`` is the cache key of an
    encode, and its history. ``content`` is the content key of the file, ``bit_rates`` what was
    measured of its tracks, and ``videos`` those that the encode has made.
    """

    outcome: str
    path: str
    status: Status
    was: str | None = None
    touched: bool = False
    stat: Stat | None = None
    media: MediaFile | None = None
    fingerprint: str | None = None
    compliance: Compliance | None = None
    strategy: Strategy | None = None
    plan: Mapping[str, Any] | None = None
    error_type: str | None = None
    error_message: str | None = None
    warnings: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    seconds: float = 0.0
    size_before: int | None = None
    size_after: int | None = None
    kept: Kept | None = None
    encode: tuple[str, History] | None = None
    device: int | None = None
    content: str | None = None
    bit_rates: Mapping[int, int] = {}
    videos: tuple[EncodedVideo, ...] = ()


SCAN = "scan"
"""The cache key under which a file is recorded as unreadable."""


class Ignored(NamedTuple):
    """A file that is left alone: the one at ``path``, and others with its size and content key."""

    path: str
    size: int
    content: str
    at: datetime


class HealthRecord(NamedTuple):
    """The result of a health check of a file that had this stat: a ``Health``, as a mapping."""

    stat: Stat
    at: datetime
    health: Mapping[str, Any]


class ComplianceRecord(NamedTuple):
    """A file's compliance with policies and metadata, which ``cache_key`` stands for.

    ``stat`` is the file's when it was processed. Type and message are those of the error, empty if
    there was none; ``warnings`` are about the file as it is.
    """

    cache_key: str
    stat: Stat
    complies: bool
    error_type: str
    error_message: str
    warnings: tuple[str, ...] = ()


class KeptOriginal(NamedTuple):
    """An original that can be restored from ``kept_path`` to ``path``; ``size`` in bytes.

    It replaces the file at ``result_path``, if that still has ``result_stat``.
    """

    outcome: str
    path: str
    kind: OriginalKind
    kept_path: str
    size: int
    result_path: str
    result_stat: Stat
    started_at: datetime


class NewRun(NamedTuple):
    """A run that begins, under a new UUID; ``policies`` and ``options`` are stored as JSON."""

    id: str
    policies: Any
    options: Any
    workers: int
    pid: int
    host: str
    dry_run: bool = False


class Run(NamedTuple):
    """A recorded run; ``summary`` is ``None`` while it runs, and if it was killed."""

    id: str
    started_at: datetime
    finished_at: datetime | None
    policies: Any
    options: Any
    workers: int
    dry_run: bool
    pid: int
    host: str
    state: RunState
    summary: Any


class OutcomeRow(NamedTuple):
    """What a run did to one file.

    ``file_id`` is the file's UUID, ``None`` if the file is no longer in the database;
    ``undone_at`` is when its original was restored.
    """

    id: str
    run_id: str
    file_id: str | None
    path: str
    state: OutcomeState
    status: Status | None
    strategy: Strategy | None
    plan: Any
    error_type: str | None
    error_message: str | None
    warnings: tuple[str, ...]
    started_at: datetime
    seconds: float | None
    size_before: int | None
    size_after: int | None
    undone_at: datetime | None


class RunningOutcome(NamedTuple):
    """A file that a run has begun to process; the run's process may be dead."""

    id: str
    run_id: str
    path: str


class Cost(NamedTuple):
    """Work estimate that drives the duration: bytes, or pixels when encoding."""

    kind: str
    amount: int


class Timing(NamedTuple):
    """How long processing a file of this size (bytes) took; ``alike``: with the same policies.

    ``after`` is the size of the result, if that is known.
    """

    path: str
    cost: Cost | None
    size: int
    seconds: float
    alike: bool = True
    after: int | None = None
