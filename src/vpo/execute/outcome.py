"""What became of one file: the value that workers return, and everybody else reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vpo.errors import ErrorKind, FileError, VpoError

if TYPE_CHECKING:
    from vpo.db.records import History, Status
    from vpo.execute.full_proof import ProofFacts
    from vpo.execute.lock import Stamp
    from vpo.execute.originals import Kept
    from vpo.media.model import MediaFile
    from vpo.plan.model import Plan, Strategy


class Failure(NamedTuple):
    """The reason why a file failed or was skipped.

    ``type`` is the name of the error's class, for people and programs, as it is also where another
    version of vpo or none has such an error; decisions are made on ``kind``. ``lasting``: it would
    only fail again (``vpo.errors.FileError``).
    """

    type: str
    message: str
    lasting: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return the failure for an error; the message says so if it was not expected."""
        text = str(error) or "no details"
        message = text if isinstance(error, VpoError) else f"unexpected error: {text}"
        lasting = isinstance(error, FileError) and error.lasting
        return cls(type(error).__name__, message, lasting)

    @property
    def kind(self) -> ErrorKind:
        return ErrorKind(self.type)


class Encoded(NamedTuple):
    """How a video track was encoded: its index in the source, and by which encoder.

    ``crf`` and ``vmaf`` are what was found for a ``vmaf`` that the policy asks for.
    """

    track: int
    encoder: str
    crf: float | None = None
    vmaf: float | None = None


class Outcome(NamedTuple):
    """What became of one file.

    ``path`` is the file's now, ``was`` the one it was given by, if that is another. ``media`` is
    what was probed last and ``stamp`` the state of the file that it describes, both ``None`` where
    that is not certain. ``touched``: the file is another than before, also where a phase failed.
    ``stop`` asks for the end of the batch. ``encoded`` is what encoded its video in this run,
    ``encode`` what is to be remembered of that: the policies' mark and what came of it. Sizes in
    bytes.
    """

    path: str
    status: Status
    was: str | None = None
    strategy: Strategy = "none"
    plan: Plan | None = None
    error: Failure | None = None
    warnings: tuple[str, ...] = ()
    touched: bool = False
    stop: bool = False
    seconds: float = 0.0
    size_before: int | None = None
    size_after: int | None = None
    media: MediaFile | None = None
    stamp: Stamp | None = None
    kept: Kept | None = None
    encoded: tuple[Encoded, ...] = ()
    proof: ProofFacts | None = None
    encode: tuple[str, History] | None = None
