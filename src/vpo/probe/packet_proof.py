"""Whether streams were copied packet by packet: the same packets, in order, at the same times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from vpo.probe.content import Content, PayloadForm, StreamContent

_TICKS = 2
"""How many units of both time bases rounding may change a time stamp by."""
_LEAST_TOLERANCE = Fraction(1, 500)
"""Seconds that rounding may come to where time stamps were converted more than once."""
_NOTICED = Fraction(45, 1000)
"""Seconds from which viewers notice that sound comes too early (ITU-R BT.1359-1, 2)."""


class CopiedStream(NamedTuple):
    """A stream that was copied: its index in the source and in the result, and how it compares.

    ``slack`` is the time in seconds by which all of it may be shifted against the other streams.
    """

    source: int
    result: int
    form: PayloadForm = "raw"
    slack: float = 0.0


DifferenceKind = Literal["missing", "packets", "payload", "times", "shift", "shown"]


class Difference(NamedTuple):
    """What differs of a copied stream, by its index in the source.

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
    "shift": "it begins at {1:.3f} s instead of {0:.3f} s against the other tracks",
}


def differences_of_copies(
    source: Content, result: Content, copies: Sequence[CopiedStream]
) -> Iterator[Difference]:
    """Yield what is not the same in the copied streams.

    Time stamps may differ by one offset for the whole file, and by what the time bases round.
    """
    pairs = [(c, source.streams.get(c.source), result.streams.get(c.result)) for c in copies]
    offset = _offset([(old, new) for copy, old, new in pairs if old and new and not copy.slack])
    for copy, old, new in pairs:
        cut_anew = copy.form in ("stream", "vp9")
        if old is None:
            continue  # a stream without packets
        if new is None:
            yield Difference(copy.source, "missing")
            continue
        if not cut_anew and old.packets != new.packets:
            yield Difference(copy.source, "packets", old.packets, new.packets)
        elif old.digest.digest() != new.digest.digest():
            yield Difference(copy.source, "payload")
        elif old.type == "video" and new.hidden < old.hidden:
            yield Difference(copy.source, "shown", old.hidden, new.hidden)
        elif not cut_anew:
            yield from _time_differences(copy, old, new, offset)


def _offset(pairs: list[tuple[StreamContent, StreamContent]]) -> Fraction:
    """How much later the result is than the source, by the stream with the finest time base."""
    both = [(old, new) for old, new in pairs if old.times and new.times]
    if not both:
        return Fraction(0)
    old, new = min(both, key=_coarseness)
    return min(new.times) * new.time_base - min(old.times) * old.time_base


def _coarseness(pair: tuple[StreamContent, StreamContent]) -> Fraction:
    return pair[0].time_base + pair[1].time_base


def _time_differences(
    copy: CopiedStream, old: StreamContent, new: StreamContent, offset: Fraction
) -> Iterator[Difference]:
    """Compare times as integers of a common unit: a fraction for each packet would take long."""
    if copy.slack and old.times and new.times:
        own = _offset([(old, new)])
        if _NOTICED <= abs(own - offset) <= copy.slack:
            start = min(old.times) * old.time_base
            yield Difference(copy.source, "shift", float(start + offset), float(start + own))
        if abs(own - offset) <= copy.slack:
            offset = own
    before, after = old.times, new.times
    if old.by_decoding or new.by_decoding:
        # Without presentation times, the order is that of decoding.
        before, after = sorted(before), sorted(after)  # type: ignore[assignment]
    if len(before) != len(after):
        return
    unit = _common(old.time_base, new.time_base, offset)
    a, b = int(old.time_base / unit), int(new.time_base / unit)
    rounding = max(_LEAST_TOLERANCE, _TICKS * (old.time_base + new.time_base))
    shift, tolerance = int(offset / unit), math.ceil(rounding / unit)
    for was, now in zip(before, after, strict=True):
        if abs(now * b - was * a - shift) > tolerance:
            yield Difference(
                copy.source,
                "times",
                float(was * old.time_base + offset),
                float(now * new.time_base),
            )
            return


def _common(*values: Fraction) -> Fraction:
    """Return a unit of which all values are whole multiples."""
    return Fraction(1, math.lcm(*(value.denominator for value in values)))
