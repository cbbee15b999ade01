"""What the time of a plan grows with: the bytes of the file, or the pixels to be encoded."""

from __future__ import annotations

from fractions import Fraction

from vpo.db.records import Load
from vpo.execute.outcome import Outcome
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import Track
from vpo.plan.model import Plan


def plan_cost(plan: Plan) -> Load:
    """Bytes of the strategy's kind; where video is encoded, and its size, rate and duration are
    known, pixels of the encoder's."""
    tracks = {track.index: track for track in plan.after.tracks}
    pixels = [_pixels(tracks[index], plan.before.duration) for index in plan.video_encodes]
    if not pixels or not all(pixels):
        return Load(plan.strategy, plan.before.size)
    kinds = dict.fromkeys(map(_kind, plan.video_encodes.values()))
    return Load(" and ".join(kinds), sum(pixels))


def outcome_cost(outcome: Outcome) -> Load | None:
    """What the time grew with that a file has taken; ``None`` if nobody knows how large it was."""
    plan = outcome.plan
    if plan is not None and plan.strategy == outcome.strategy:
        return plan_cost(plan)
    return None if outcome.size_before is None else Load(outcome.strategy, outcome.size_before)


def _pixels(track: Track, duration: float | None) -> int:
    """All that the encoder is given; 0 where it cannot be known."""
    seconds = track.duration or duration
    if not (track.width and track.height and track.frame_rate and seconds):
        return 0
    return round(track.width * track.height * Fraction(track.frame_rate) * Fraction(seconds))


def _kind(how: VideoEncode) -> str:
    """Return the kind of an encode; encodes of one kind take about the same time per pixel."""
    hardware = "" if how.hw == "none" else how.hw
    sought = "" if how.quality.vmaf is None else "vmaf"
    passes = "2-pass" if how.quality.two_pass else ""
    return " ".join(filter(None, (how.codec, how.preset, hardware, sought, passes)))
