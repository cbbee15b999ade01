"""A plan for one locked file, and its result."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from vpo.db.records import Kept
from vpo.errors import PublishError
from vpo.execute.context import RunContext
from vpo.execute.full_proof import Proof, ProofFacts
from vpo.execute.lock import FileLock
from vpo.execute.options import RewriteOptions
from vpo.execute.outcome import Encoded
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.policy.desired_state import Timestamp
from vpo.probe.service import ContentFacts
from vpo.tools.loudness import AudioLevel

Check = Callable[[MediaFile], None]
"""Raises an error if the policy still wants changes in the probed result."""


@dataclass(frozen=True)
class Work:
    """A plan for a locked file, with everything that is needed to apply it.

    ``key`` is the id of the original if it is kept; ``seen`` is the file's (size, mtime_ns) when
    the run found it; ``proof`` is the one that was begun, where the packets are written again;
    ``levels`` are those of the audio that gets a loudness.
    """

    plan: Plan
    lock: FileLock
    options: RewriteOptions
    context: RunContext
    check: Check
    key: str = ""
    seen: tuple[int, int] | None = None
    proof: Proof | None = None
    levels: Mapping[int, AudioLevel] = field(default_factory=dict)

    @property
    def linked(self) -> bool:
        """Whether the file has further hard links."""
        return self.lock.status.st_nlink > 1

    @property
    def timestamp(self) -> Timestamp:
        return self.options.timestamp if self.plan.timestamp is None else self.plan.timestamp

    @property
    def folder(self) -> str:
        """The folder of the temporary file; raises ``PublishError`` if it is missing."""
        folder = self.options.temporary_folder
        if folder is None:
            return os.path.dirname(self.lock.path)
        try:
            os.stat(folder)
        except OSError as error:
            raise PublishError(
                f"[files] temporary_folder {folder}: {error.strerror}; create it or change this"
            ) from None
        return folder

    def begin_proof(self) -> Proof:
        """Begin to prove a rewrite: the source is read while the tool works."""
        options = self.options
        return Proof(self.plan, self.context.prober, options.verify, options.damaged)

    def with_proof(self) -> Work:
        """Return the work with a proof that has begun."""
        return replace(self, proof=self.begin_proof())

    def report(self, part: float) -> None:
        """Report the fraction of the work that is done, from 0 to 1."""
        self.context.progress(self.plan.before.path, part)


@dataclass(frozen=True)
class Written:
    """What a writer reports: warnings, and how it encoded the video."""

    warnings: tuple[str, ...] = ()
    encoded: tuple[Encoded, ...] = ()


@dataclass(frozen=True)
class Applied:
    """A plan that was carried out: the result as it was probed, and what to report.

    ``proof`` is ``None`` where no packet was written; ``separated``: it had further hard links,
    which still have the old content; ``content`` is that of the result, where all of it was read.
    """

    media: MediaFile
    warnings: tuple[str, ...] = ()
    kept: Kept | None = None
    encoded: tuple[Encoded, ...] = ()
    proof: ProofFacts | None = None
    separated: bool = False
    content: ContentFacts | None = None


def as_published(found: MediaFile, path: str, status: os.stat_result) -> MediaFile:
    """Return the probed result with its final path, size and modification time."""
    return replace(found, path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)
