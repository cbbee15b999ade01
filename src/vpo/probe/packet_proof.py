"""Whether streams were copied packet by packet: the same packets, in order, at the same times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from vpo.probe.content import Content
    from vpo.probe.payload_forms import PayloadForm
    from vpo.probe.stream_content import StreamContent

_TICKS = 2
"""How many units of both time bases rounding may change a time stamp by."""
_LEAST_TOLERANCE = Fraction(1, 500)
"""Seconds that rounding may come to where time stamps were converted more than once."""
NOTICED = Fraction(45, 1000)
"""Seconds from which viewers notice that sound comes too early (ITU-R BT.1359-1, 2)."""


class CopiedStream(NamedTuple):
    """A stream that was copied: its index in the source and in the result, and how it compares.

    ``slack`` is the time in seconds by which all of it may be shifted against the other streams, up
    to its own delay.
    """

    source: int
    result: int
    form: PayloadForm = "raw"
    slack: float = 0.0


class EncodedStream(NamedTuple):
    """A stream that was encoded: its index in the source and in the result.

    ``step``: only every so many-th frame stays; ``rate``: as many as a constant frame rate needs.
    """

    source: int
    result: int
    step: int | None = None
    rate: str | None = None


Pair = tuple["StreamContent", "StreamContent"]
"""A stream of the source, and what was made of it."""
DifferenceKind = Literal[
    "missing", "packets", "payload", "times", "lengths", "shift", "shown", "begins", "gap", "ends",
    "decode", "order", "captions", "size", "frames",
]  # fmt: skip


class Difference(NamedTuple):
    """What differs of a stream, by its index in the source.

    ``source`` and ``result`` are the numbers of packets, or times in seconds. A ``shift`` is within
    the slack of the stream, and to be reported.
    """

    stream: int
    kind: DifferenceKind
    source: float | None = None
    result: float | None = None

    def __str__(self) -> str:
        return _TEXTS[self.kind].format(self.source, self.result)


_TEXTS: dict[DifferenceKind, str] = {
    "missing": "it has no packets",
    "packets": "{1:.0f} packets instead of {0:.0f}",
    "payload": "its packets are not those of the source",
    "times": "a packet at {1:.3f} s instead of {0:.3f} s",
    "shown": "it shows frames that the edit list of the source leaves out",
    "lengths": "a subtitle is shown for {1:.3f} s instead of {0:.3f} s",
    "begins": "it begins at {1:.3f} s instead of {0:.3f} s",
    "gap": "nothing is there from {0:.3f} s to {1:.3f} s",
    "ends": "it ends at {1:.3f} s instead of {0:.3f} s",
    "decode": "it cannot be decoded at {1:.1f} s",
    "order": "its frames are out of order at {1:.1f} s, as the source does not state their times",
    "captions": "its closed captions are lost ({1:.0f} packets with some instead of {0:.0f})",
    "frames": "{1:.0f} frames instead of {0:.0f}",
    "size": "its size or shape changes at {0:.1f} s, which an encode would hide",
    "shift": "it begins at {1:.3f} s instead of {0:.3f} s against the other tracks",
}


def differences_of_copies(
    source: Content, result: Content, copies: Sequence[CopiedStream], offset: Fraction
) -> Iterator[Difference]:
    """Yield what is not the same in the copied streams.

    Time stamps may differ by one offset for the whole file, and by what the time bases round.
    """
    for copy in copies:
        old, new = source.streams.get(copy.source), result.streams.get(copy.result)
        if old is None:
            continue  # a stream without packets
        if new is None:
            yield Difference(copy.source, "missing")
        else:
            yield from _differences(copy, old, new, offset)


def _differences(
    copy: CopiedStream, old: StreamContent, new: StreamContent, offset: Fraction
) -> Iterator[Difference]:
    cut_anew = copy.form in ("stream", "vp9")
    if not cut_anew and old.packets != new.packets:
        yield Difference(copy.source, "packets", old.packets, new.packets)
    elif old.digest.digest() != new.digest.digest():
        yield Difference(copy.source, "payload")
    elif not cut_anew and old.type != "subtitle" and old.lengths != new.lengths:
        yield Difference(copy.source, "payload")  # the same bytes, in other packets
    elif old.type == "video" and new.hidden < old.hidden and old.hides_frames:
        yield Difference(copy.source, "shown", old.hidden, new.hidden)
    else:
        yield from _time_differences(copy, old, new, offset)


def common_offset(
    source: Content,
    result: Content,
    copies: Sequence[CopiedStream],
    encodes: Sequence[EncodedStream] = (),
) -> Fraction:
    """Return how much later the result is than the source.

    By the stream with the finest time base, of those that are encoded only if none is copied.
    """

    def pairs(streams: Sequence[CopiedStream] | Sequence[EncodedStream]) -> list[Pair]:
        found = [(source.streams.get(s.source), result.streams.get(s.result)) for s in streams]
        return [(old, new) for old, new in found if old and new]

    exact = pairs([copy for copy in copies if not copy.slack and copy.form != "words"])
    return _offset(exact or pairs(encodes))


def _offset(pairs: list[Pair]) -> Fraction:
    both = [(old, new) for old, new in pairs if old.times and new.times]
    if not both:
        return Fraction(0)
    old, new = min(both, key=_coarseness)
    return new.first - old.first


def _coarseness(pair: Pair) -> Fraction:
    return pair[0].time_base + pair[1].time_base


def _time_differences(
    copy: CopiedStream, old: StreamContent, new: StreamContent, offset: Fraction
) -> Iterator[Difference]:
    from vpo.probe.packet_times import StreamTimes

    if copy.slack and old.times and new.times:
        own = _offset([(old, new)])
        slack = min(Fraction(copy.slack), old.delay + _tolerance(copy, old, new))
        if NOTICED <= abs(own - offset) <= slack:
            start = min(old.times) * old.time_base
            yield Difference(copy.source, "shift", float(start + offset), float(start + own))
        if abs(own - offset) <= slack:
            offset = own
    times = StreamTimes(old, new, offset, _tolerance(copy, old, new))
    if copy.form == "stream":
        found = times.of_bytes()
    elif len(old.times) == len(new.times):
        found = times.one_by_one()
    else:
        found = times.some_missing()
    if found is not None:
        yield Difference(copy.source, "times", *found)
    elif old.type == "subtitle" and copy.form != "words" and (shown := times.lengths()):
        yield Difference(copy.source, "lengths", *shown)


def _tolerance(copy: CopiedStream, old: StreamContent, new: StreamContent) -> Fraction:
    if copy.form == "words":
        return NOTICED  # written again, with the times of another codec
    return max(_LEAST_TOLERANCE, _TICKS * (old.time_base + new.time_base))
