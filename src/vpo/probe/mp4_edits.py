"""Whether the edit list of an MP4 track hides frames (ISO/IEC 14496-12, 8.6)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction

BOXES = (b"elst", b"mdhd", b"stts", b"ctts")
"""The boxes that tell it; of the last two the first entry."""
_TAIL = Fraction(1, 2)
"""Seconds by which the media may be longer than what is shown, as muxers round durations."""


def time_scale(header: bytes) -> tuple[int, int]:
    """Return the units a second and the duration of a ``mvhd`` or ``mdhd`` box."""
    if header[0]:
        _, _, scale, duration = struct.unpack(">QQIQ", header[4:32])
    else:
        _, _, scale, duration = struct.unpack(">4I", header[4:20])
    return scale, duration


def hides_frames(boxes: Mapping[bytes, bytes], movie_scale: int) -> bool:
    """Return whether a video track has frames before, between or behind what is shown."""
    try:
        shown = [edit for edit in _edits(boxes.get(b"elst", b"")) if edit[1] >= 0]
        if len(shown) != 1:
            return len(shown) > 1
        (duration, start) = shown[0]
        scale, length = time_scale(boxes[b"mdhd"])
        (frame,) = struct.unpack(">I", boxes[b"stts"][12:16])
        first = struct.unpack(">i", boxes[b"ctts"][12:16])[0] if b"ctts" in boxes else 0
        if start >= first + frame:
            return True
        end = Fraction(start, scale) + Fraction(duration, movie_scale)
        return bool(duration) and end + _TAIL < Fraction(length + first, scale)
    except (struct.error, IndexError, KeyError, ZeroDivisionError):
        return False  # what is malformed is for the proof to judge


def _edits(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield duration (of the movie's units) and start (of the media's; -1: nothing is shown)."""
    if not data:
        return
    entry = struct.Struct(">QqI" if data[0] else ">IiI")
    (count,) = struct.unpack(">I", data[4:8])
    for number in range(min(count, len(data) // entry.size)):
        duration, start, _ = entry.unpack_from(data, 8 + number * entry.size)
        yield duration, start
