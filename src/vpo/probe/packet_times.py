"""The time stamps of a stream and of its copy, compared packet by packet."""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from collections.abc import Iterable
from fractions import Fraction

from vpo.probe.stream_content import StreamContent

Found = tuple[float, float] | None
"""The time, in seconds, that was expected and the one that was found; ``None``: all agree."""


class StreamTimes:
    """The times of a stream and of its copy, which begins ``offset`` seconds later.

    They are compared as integers of a common unit: a fraction for each packet would take long.
    """

    def __init__(
        self, old: StreamContent, new: StreamContent, offset: Fraction, tolerance: Fraction
    ) -> None:
        self._old, self._new = old, new
        self._unit = _common(old.time_base, new.time_base, offset)
        self._factors = int(old.time_base / self._unit), int(new.time_base / self._unit)
        self._shift = int(offset / self._unit)
        self._tolerance = math.ceil(tolerance / self._unit)

    def one_by_one(self) -> Found:
        """Compare the times of equally many packets."""
        return self._first(zip(*self._times(), strict=True))

    def some_missing(self) -> Found:
        """Compare where one has packets without a time, or that are packed with the next one.

        The times of that one must be among those of the other, up to the last.
        """
        before, after = map(sorted, self._times())
        few, many = sorted((before, after), key=len)
        if not few:
            return None
        left = iter(many)
        for time in few:
            near = next((each for each in left if each >= time - self._tolerance), many[-1])
            if abs(near - time) > self._tolerance:
                return self._seconds(*((near, time) if few is after else (time, near)))
        return self._first([(before[-1], after[-1])])

    def of_bytes(self) -> Found:
        """Compare when each packet of the copy begins, by its bytes."""
        old, (before, after) = self._old, self._times()
        starts = [0, *itertools.accumulate(old.lengths)]
        if len(before) != old.packets or len(after) != self._new.packets:
            return self._first(zip(before[:1], after[:1], strict=False))
        steps = zip(itertools.pairwise(before), old.lengths, strict=False)
        rate = statistics.median([(b - a) / size for (a, b), size in steps] or [0])
        expected = []
        for position in itertools.accumulate(self._new.lengths[:-1], initial=0):
            number = bisect.bisect(starts, position) - 1
            if number < len(before):
                inside = (position - starts[number]) * rate if len(before) > 1 else 0
                expected.append(before[number] + int(inside))
        if len(before) == 1:
            after = after[:1]
        return self._first(zip(expected, after, strict=False))

    def lengths(self) -> Found:
        """Compare how long each is shown, where the source says it."""
        a, b = self._factors
        pairs = zip(self._old.lengths, self._new.lengths, strict=False)
        found = ((was * a, now * b) for was, now in pairs if was > 0)
        for was, now in found:
            if abs(was - now) > 2 * self._tolerance:
                return float(was * self._unit), float(now * self._unit)
        return None

    def _times(self) -> tuple[list[int], list[int]]:
        """Return the times of both in the common unit, as they should be in the copy."""
        a, b = self._factors
        before = [time * a + self._shift for time in self._old.times]
        after = [time * b for time in self._new.times]
        if self._old.by_decoding or self._new.by_decoding:
            # Without presentation times, the order is that of decoding.
            return sorted(before), sorted(after)
        return before, after

    def _first(self, pairs: Iterable[tuple[int, int]]) -> Found:
        for was, now in pairs:
            if abs(now - was) > self._tolerance:
                return self._seconds(was, now)
        return None

    def _seconds(self, was: int, now: int) -> tuple[float, float]:
        return float(was * self._unit), float(now * self._unit)


def _common(*values: Fraction) -> Fraction:
    """Return a unit of which all values are whole multiples."""
    return Fraction(1, math.lcm(*(value.denominator for value in values)))
