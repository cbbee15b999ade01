"""The output of ffmpeg: its progress, and the numbers of packets that it read and wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from vpo.media.containers import TIMECODE
from vpo.plan.model import Plan
from vpo.tools.process import Listener

_COUNT = re.compile(
    r"(?:\[verbose\] )?\s*(Input|Output) stream #0:(\d+) \(\w+\): (\d+) packets (?:read|muxed)"
    r" \((\d+) bytes\)"
)
_ERROR = re.compile(r"(?:\[([^\]]*) @ 0x[0-9a-f]+\] )*\[(?:error|fatal|panic)\] (.*)")
"""A line that ffmpeg gives the level of an error, behind the parts of ffmpeg that it comes from."""
_MICRO = 1_000_000


class PacketCount(NamedTuple):
    """The number of packets of a stream, and their size in bytes."""

    packets: int
    size: int


class FfmpegOutput(Listener):
    """Reads the output of ffmpeg with ``-progress pipe:1 -loglevel level+verbose``.

    ``duration`` is the source's in seconds; ``report`` takes the fraction that is done.
    ``seconds`` and ``size`` (bytes) are the length of the output so far; ``read`` and ``written``
    are the packets of the streams of source and result, by number, once ffmpeg has ended.
    ``first_error`` is when ffmpeg first reported an error, in seconds of the output, which of its
    parts did (``None`` for the program itself), and its words.
    """

    def __init__(self, duration: float | None, report: Callable[[float], object]) -> None:
        self._duration, self._report = duration, report
        self.seconds = 0.0
        self.size = 0
        self.read: dict[int, PacketCount] = {}
        self.written: dict[int, PacketCount] = {}
        self.first_error: tuple[float, str | None, str] | None = None

    @property
    def part(self) -> float:
        """The fraction that is done, from 0 to 1; 0 where the duration is unknown."""
        return min(1.0, self.seconds / self._duration) if self._duration else 0.0

    def stdout(self, line: str) -> bool:
        key, _, value = line.partition("=")
        if not value.strip().isdigit():
            return False
        if key == "total_size":
            self.size = int(value)
        if key != "out_time_us" or int(value) / _MICRO <= self.seconds:
            return False
        self.seconds = int(value) / _MICRO
        if self._duration:
            self._report(self.part)
        return True

    def stderr(self, line: str) -> None:
        found = _COUNT.match(line)
        if found is not None:
            counts = self.read if found[1] == "Input" else self.written
            counts[int(found[2])] = PacketCount(int(found[3]), int(found[4]))
        elif self.first_error is None and (error := _ERROR.match(line)):
            self.first_error = self.seconds, error[1], error[2]


def lost_packets(plan: Plan, output: FfmpegOutput, stored: Sequence[int] = ()) -> Iterator[str]:
    """Yield, as text, the copied tracks of which ffmpeg did not write all that it read.

    ``stored`` are the bytes of each track in the result, where the container says: MP4's muxer
    takes E-AC-3 apart (``handle_eac3``), and drops what it does not understand after its own count
    of what it wrote.
    """
    for number, track in enumerate(t for t in plan.after.tracks if t.codec != TIMECODE):
        if track.index in dict(plan.sources):
            continue
        encoded = track.index in dict(plan.encodes)
        old = next(t for t in plan.before.tracks if t.index == plan.origin(track.index))
        before, after = output.read.get(old.index), output.written.get(number)
        if encoded or track.codec != old.codec or before is None or after is None:
            continue
        # A frame that is not shown becomes part of the next one's packet: all bytes must be there.
        merged = track.codec == "vp9" and after.size >= before.size
        if after.packets < before.packets and not merged:
            yield f"{track}: {after.packets} of {before.packets} packets"
        elif track.codec == "eac3" and number < len(stored) and stored[number] < after.size:
            yield f"{track}: {stored[number]} of {after.size} bytes"
