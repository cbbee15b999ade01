"""The cost of a plan, which its duration is proportional to: bytes, or pixels when encoding."""

from __future__ import annotations

from fractions import Fraction

from vpo.db.records import Cost
from vpo.execute.outcome import Outcome
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import Track
from vpo.plan.model import Plan


def plan_cost(plan: Plan) -> Cost:
    """Return the cost of a plan.

    Its kind is the strategy and its amount the bytes of the file; where video of known size, rate
    and duration is encoded, they are the encoder and the pixels.
    """
    tracks = {track.index: track for track in plan.after.tracks}
    pixels = [_pixels(tracks[index], plan.before.duration) for index in plan.video_encodes]
    if not pixels or not all(pixels):
        return Cost(plan.strategy, plan.before.size)
    kinds = dict.fromkeys(map(_kind, plan.video_encodes.values()))
    return Cost(" and ".join(kinds), sum(pixels))


def outcome_cost(outcome: Outcome) -> Cost | None:
    """Return the cost of a processed file; ``None`` if its size is unknown."""
    plan = outcome.plan
    if plan is not None and plan.strategy == outcome.strategy:
        return plan_cost(plan)
    return None if outcome.size_before is None else Cost(outcome.strategy, outcome.size_before)


def _pixels(track: Track, duration: float | None) -> int:
    """Return the number of pixels to encode; 0 if it is unknown."""
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
