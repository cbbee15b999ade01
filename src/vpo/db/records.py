"""What goes into the library database and comes out of it.

Paths are texts as the file system gives them (``os.fsdecode``); times are aware and in UTC.
Named tuples, because creating a data class costs every start of vpo ten times as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from vpo.media.model import MediaFile

Stat = tuple[int, int, int]
"""Size in bytes, modification time in nanoseconds since 1970 UTC, inode."""

Compliance = Literal["complies", "encoded", "failed"]
"""``encoded``: the policy has encoded the file, and will not again whatever it became.
``failed``: the work failed, and would fail again as long as the file is the same."""

RunState = Literal["running", "finished", "interrupted", "stopped"]
OutcomeState = Literal["running", "done", "interrupted"]


class Result(NamedTuple):
    """What became of one file; ``outcome`` is the id that ``start_outcomes`` gave.

    ``path`` is where the file is now, ``was`` where it had been if the work has renamed it.
    ``stat`` is that of the file now, ``None`` if it is gone: then only the outcome is recorded.
    ``touched``: the content is another now, whatever ``stat`` says; what was known of it goes.
    ``kept`` is the kind, path and size of the original that was kept.
    ``verdict`` is recorded for the policy with this ``fingerprint``; ``encode`` is the mark of an
    encode and what came of it.
    """

    outcome: str
    path: str
    status: str
    was: str | None = None
    touched: bool = False
    stat: Stat | None = None
    media: MediaFile | None = None
    fingerprint: str | None = None
    compliance: Compliance | None = None
    strategy: str | None = None
    plan: Mapping[str, Any] | None = None
    error_type: str | None = None
    error_message: str | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    size_before: int | None = None
    size_after: int | None = None
    kept: tuple[Literal["file", "header"], str, int] | None = None
    encode: tuple[str, str] | None = None


class ComplianceRecord(NamedTuple):
    """A verdict under a mark that stands for policies and what metadata sources said of the file.

    Type and message are those of what failed, empty where it did not.
    """

    mark: str
    stat: Stat
    complies: bool
    error_type: str
    error_message: str


class KeptOriginal(NamedTuple):
    """An original that can be put back: ``path`` is where it was, ``kept_path`` where it is kept.

    ``result_path`` and ``result_stat`` say what has to be there now. ``size`` in bytes.
    """

    outcome: str
    path: str
    kind: Literal["file", "header"]
    kept_path: str
    size: int
    result_path: str
    result_stat: Stat
    started_at: datetime


class Run(NamedTuple):
    """One invocation that works on files. ``summary`` is there once it has ended by itself."""

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


class OutcomeRecord(NamedTuple):
    """What a run did with one file. ``file_id`` is the file's UUID, as long as it is known;
    ``undone_at`` when its original was put back."""

    id: str
    run_id: str
    file_id: str | None
    path: str
    state: OutcomeState
    status: str | None
    strategy: str | None
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
    """A file that a run has begun and not finished; the process may be dead."""

    id: str
    run_id: str
    path: str


class Cost(NamedTuple):
    """What the time grows with that a file takes: bytes, or pixels where it is about an encoder."""

    kind: str
    amount: int


class Timing(NamedTuple):
    """How long a file took that had this size in bytes; ``alike`` if the same policies."""

    path: str
    load: Cost | None
    size: int
    seconds: float
    alike: bool = True
