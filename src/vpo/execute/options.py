"""The configuration of rewrites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vpo.config.models import DamagedMode, VerifyMode
from vpo.policy.desired_state import Timestamp


@dataclass(frozen=True)
class RewriteOptions:
    """The configuration of rewrites.

    ``timestamp`` is what becomes of the modification time where the policy does not say;
    ``min_age`` in seconds, ``keep_free`` in bytes; ``temporary_folder`` is ``None`` for the folder
    of the file. ``verify``: ``full`` proves every packet, ``quick`` compares facts and ends;
    ``damaged``: ``salvage`` goes on with a file that is not whole. A file that has changed within
    ``fresh`` seconds is read to its end before a header edit, too.
    """

    timestamp: Timestamp = "preserve"
    hardlinks: Literal["replace", "skip", "edit"] = "skip"
    min_age: float = 0.0
    keep_free: int = 0
    temporary_folder: str | None = None
    keep_originals: bool = False
    verify: VerifyMode = "full"
    damaged: DamagedMode = "refuse"
    fresh: float = 0.0
