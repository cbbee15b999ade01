"""The configuration of rewrites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vpo.policy.desired_state import Timestamp


@dataclass(frozen=True)
class RewriteOptions:
    """The configuration of rewrites.

    ``timestamp`` is the modification time of a result where the policy does not set it;
    ``min_age`` is in seconds, ``keep_free`` in bytes; ``temporary_folder`` is ``None`` for the
    folder of the file.
    """

    timestamp: Timestamp = "preserve"
    hardlinks: Literal["replace", "skip", "edit"] = "replace"
    min_age: float = 0.0
    keep_free: int = 0
    temporary_folder: str | None = None
    keep_originals: bool = False
