"""What cannot be decoded of a source is its damage, not the failure of the tool that met it."""

from __future__ import annotations

import contextlib

from vpo.errors import DamagedError, ProbeError
from vpo.execute.work import Work


def refuse_undecodable(work: Work) -> None:
    """Raise ``DamagedError`` if what the plan keeps of the source cannot be decoded.

    For a tool that has failed: its words are no ground for a decision. Where the parser fails as
    well, nothing is known.
    """
    if work.options.damaged == "salvage":
        return
    plan = work.plan
    kept = [track for track in plan.after.tracks if track.type in ("video", "audio")]
    streams = sorted({plan.origin(track.index) for track in kept})
    found = None
    with contextlib.suppress(ProbeError):
        found = work.context.prober.first_undecodable(plan.before.path, streams)
    if found is not None:
        raise decode_error(*found)


def decode_error(at: float, problem: str) -> DamagedError:
    """Return the error of a source that cannot be decoded ``at`` so many seconds."""
    return DamagedError(
        f"the file is damaged, or cannot be decoded: at {at:.1f} s: {problem}; it was left alone; "
        "replace it if it does not play, or let vpo keep what can be decoded (--salvage)",
        certain=False,
    )
