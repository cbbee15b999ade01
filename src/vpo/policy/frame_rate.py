"""Which frames an encode leaves out, so that a video has at most so many a second."""

from __future__ import annotations

from fractions import Fraction

from vpo.media.encode_spec import FrameDrop
from vpo.media.model import Track

_TOLERANCE = Fraction(2001, 2000)
"""Times the most, up to which containers may have rounded it."""
_EVEN = Fraction(3, 4)
"""The part of the most that is enough where each frame is then shown for the same time."""


_TELECINED = (Fraction(30000, 1001), Fraction(30))
_ROUNDED = Fraction(1, 100)
_FILM = Fraction(4, 5)
"""The part of the frames that film had before a 3:2 pulldown."""


def may_be_telecined(track: Track) -> bool:
    """Return whether a video has the frame rate of telecined film."""
    rate = Fraction(track.frame_rate or 0)
    return any(abs(rate - one) <= _ROUNDED for one in _TELECINED)


def film(track: Track) -> str | None:
    """Return the frames a second of telecined film; ``None`` where a video is none."""
    return str(Fraction(track.frame_rate) * _FILM) if track.telecined and track.frame_rate else None


def drop(track: Track, most: str | None) -> FrameDrop | None:
    """Return which frames to leave out; ``None`` where a video is not known to be faster.

    Every second, third frame, ... stays where that is near the most; motion stays even, at any
    frame rate. Else the frames get the most, as a constant rate.
    """
    if most is None or not track.frame_rate:
        return None
    rate, wanted = Fraction(track.frame_rate), Fraction(most)
    if rate <= wanted * _TOLERANCE:
        return None
    step = -(-rate // (wanted * _TOLERANCE))
    if rate / step >= wanted * _EVEN:
        return FrameDrop(str(rate / step), int(step))
    return FrameDrop(most)
