"""What the packets of one stream are: their times, sizes and hash, and what is odd about them."""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from vpo.probe.picture_scan import PictureScan

_ZEROS = 32
"""Bytes from which on a packet of nothing but zeros is no compressed audio or video."""
_DENSE_ZEROS = 5
"""The same for video with entropy coding."""
_MOST_LEADING = 32
_HIDDEN_TAIL = Fraction(1, 2)
"""Seconds behind what is shown: telephones write edit lists that end before the last frame."""
_RAW_CODECS = ("pcm_", "rawvideo", "dvvideo", "adpcm_")
"""Codecs whose packets may be zeros: silence, black."""


@dataclass
class StreamContent:
    """What the packets of one stream are.

    ``times`` are the presentation times of the packets in units of ``time_base`` seconds (decoding
    times where the container has no others: ``by_decoding``), ``end`` that of the last one's end.
    ``before_key`` are the packets before the first key frame, ``hidden`` those that an edit list
    leaves out, ``shown_from`` the time of the first key frame that is shown. ``lengths`` are how
    long each subtitle is shown, and how many bytes of each other packet are compared. ``delay`` are
    the seconds of sound that a decoder of Opus drops at the start, ``zero_run`` the zeros in a row
    that no packet has, ``unit_length`` the bytes that state the length of each NAL unit.
    ``header_units`` are NAL units of the header that are no parameter sets.
    ``untimed``: presentation times are a guess of the demuxer, which is wrong.
    """

    type: str
    codec: str
    time_base: Fraction
    packets: int = 0
    size: int = 0
    end: int | None = None
    by_decoding: bool = False
    before_key: int = 0
    hidden: int = 0
    hidden_times: list[int] = field(default_factory=list)
    has_key: bool = False
    times: array[int] = field(default_factory=lambda: array("q"))
    lengths: array[int] = field(default_factory=lambda: array("q"))
    digest: Any = field(default_factory=hashlib.sha256)
    header_units: frozenset[bytes] = frozenset()
    shown_from: int | None = None
    delay: Fraction = Fraction(0)
    zero_run: int | None = None
    unit_length: int = 0
    pictures: PictureScan = field(default_factory=PictureScan)
    untimed: bool = False

    def add(self, packet: Any, compared: int) -> None:
        """Count a packet of which so many bytes are compared."""
        moment: int | None = packet.pts
        if moment is None or self.untimed:
            moment, self.by_decoding = packet.dts, True
        hidden: bool = packet.is_discard
        if moment is not None:
            self.times.append(moment)
            end = moment + (packet.duration or 0)
            if hidden:
                self.hidden_times.append(moment)
            else:
                self.end = end if self.end is None else max(self.end, end)
                if self.shown_from is None and packet.is_keyframe:
                    self.shown_from = moment
        self.lengths.append((packet.duration or 0) if self.type == "subtitle" else compared)
        self.packets += 1
        self.size += packet.size
        if not self.has_key:
            self.has_key = packet.is_keyframe
            self.before_key += not packet.is_keyframe
        self.hidden += hidden

    def add_frames(self, moments: Sequence[int], compared: Sequence[int], size: int) -> None:
        """Count packets that are all shown: their times and the end of the last, and their bytes.

        ``compared`` are the bytes of each that are compared, ``size`` is the sum of all bytes.
        """
        self.times.extend(moments[:-1])
        self.end = moments[-1] if self.end is None else max(self.end, moments[-1])
        lasting = (b - a for a, b in itertools.pairwise(moments))
        self.lengths.extend(lasting if self.type == "subtitle" else compared)
        self.packets += len(compared)
        self.size += size

    def is_zeros(self, data: bytes | memoryview, at: int, end: int) -> bool:
        """Return whether a compressed packet has nothing but zeros, or a run that none has."""
        zeros = self.zero_run
        if end - at < (_DENSE_ZEROS if zeros else _ZEROS) or self.type not in ("audio", "video"):
            return False
        # A run has two of the bytes that are half of it apart.
        if zeros and b"\0\0" in bytes(data[at : end : zeros // 2]):
            found = bytes(zeros) in bytes(data[at:end])
            return found or not any(data[at:end])
        if data[at] or self.codec.startswith(_RAW_CODECS):
            return False
        return not any(data[at:end])

    def breaks_off(self, data: bytes | memoryview, at: int, end: int) -> bool:
        """Return whether the first NAL unit is longer than the packet."""
        if not self.unit_length or end - at < self.unit_length:
            return False
        unit = int.from_bytes(data[at : at + self.unit_length], "big")
        return at + self.unit_length + unit > end

    @property
    def first(self) -> Fraction:
        """When the first packet begins, in seconds."""
        return min(self.times) * self.time_base

    @property
    def hides_frames(self) -> bool:
        """Whether an edit list leaves out more than the end that rounded durations leave out."""
        if self.end is None:
            return self.hidden > 0
        last = self.end + _HIDDEN_TAIL / self.time_base
        return any(not self.end <= time <= last for time in self.hidden_times)

    @property
    def leading(self) -> int:
        """How many packets cannot be decoded without what was before the file.

        They come before the first key frame, or behind it, but are shown before it.
        """
        if self.type != "video" or self.shown_from is None:
            return self.before_key
        behind = self.times[self.before_key : self.before_key + _MOST_LEADING]
        return self.before_key + sum(time < self.shown_from for time in behind)

    @property
    def seconds(self) -> float | None:
        """When the last packet ends."""
        return None if self.end is None else float(self.end * self.time_base)

    @property
    def bit_rate(self) -> int | None:
        """All bytes by the time from the first packet to the end of the last one, as mkvmerge."""
        if self.end is None or self.end <= (start := min(self.times)):
            return None
        return round(self.size * 8 / ((self.end - start) * self.time_base))
