"""The outcome of processing one file, as workers return it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from vpo.errors import ErrorKind, FileError, VpoError

if TYPE_CHECKING:
    from vpo.db.records import EncodedVideo, History, Kept, Status
    from vpo.execute.full_proof import ProofFacts
    from vpo.execute.lock import Stamp
    from vpo.media.model import MediaFile
    from vpo.plan.model import Plan, Strategy


class Failure(NamedTuple):
    """The reason why a file failed or was skipped.

    ``type`` is the name of the error's class, for display and JSON; it may be one that this version
    of vpo does not have. Decisions are made on ``kind``. ``lasting``: the file would only fail
    again, ``certain``: whatever the machine did (``vpo.errors.FileError``).
    """

    type: str
    message: str
    lasting: bool = False
    certain: bool = True

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return the failure for an error; the message of an unexpected one says so."""
        text = str(error) or "no details"
        message = text if isinstance(error, VpoError) else f"unexpected error: {text}"
        if not isinstance(error, FileError):
            return cls(type(error).__name__, message)
        return cls(type(error).__name__, message, error.lasting, error.certain)

    @property
    def kind(self) -> ErrorKind:
        return ErrorKind(self.type)


class Encoded(NamedTuple):
    """The encode of a video track: its index in the source, and the encoder.

    ``crf`` and ``vmaf`` are the result of the search for the ``vmaf`` of the policy.
    """

    track: int
    encoder: str
    crf: float | None = None
    vmaf: float | None = None


class Outcome(NamedTuple):
    """The outcome of processing one file.

    ``path`` is the file's current path, ``was`` the earlier one if it was renamed. ``media`` is the
    last probe and ``stamp`` the state of the file that it describes; both are ``None`` where that
    is uncertain. ``touched``: the file's content changed, even if a phase failed. ``stop`` requests
    the end of the batch. ``remaining`` are the warnings that later runs would give again as long as
    the file is unchanged. ``separated``: its further hard links keep (or would keep) the old
    content. ``encoded`` describes the video encodes of this run; ``encode`` is the encode history
    to record: the policies' cache key and the result. Sizes in bytes. ``content`` is the file's
    content key where something is to be recorded by it, ``bit_rates`` what was measured of its
    tracks, and ``videos`` those that this run has encoded. ``beside`` is the state of the sidecars
    that it was judged with, where the policies depend on them.
    """

    path: str
    status: Status
    was: str | None = None
    strategy: Strategy = "none"
    plan: Plan | None = None
    error: Failure | None = None
    warnings: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    touched: bool = False
    stop: bool = False
    separated: bool = False
    seconds: float = 0.0
    size_before: int | None = None
    size_after: int | None = None
    media: MediaFile | None = None
    stamp: Stamp | None = None
    kept: Kept | None = None
    encoded: tuple[Encoded, ...] = ()
    proof: ProofFacts | None = None
    encode: tuple[str, History] | None = None
    content: str | None = None
    bit_rates: Mapping[int, int] = {}
    videos: tuple[EncodedVideo, ...] = ()
    beside: str | None = None
