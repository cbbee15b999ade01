"""The schedule of ``[processing] hours``: the times of the week at which files may start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?"
    r"(?P<h1>\d{1,2}):(?P<m1>\d\d)\s*-\s*(?P<h2>\d{1,2}):(?P<m2>\d\d)"
)
_DAY = 24 * 60


class Span(NamedTuple):
    """A span of ``minutes`` from minute ``start`` of these days (0 is Monday), or past midnight."""

    days: frozenset[int]
    start: int
    minutes: int


def span(text: str) -> Span:
    """Return the span of ``22:00-07:00`` or ``Sat-Sun 00:00-24:00``; ``ValueError`` for others.

    The days are those on which it starts.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if not found:
        raise ValueError(f'"{text}" is not a span like "22:00-07:00" or "Sat-Sun 00:00-24:00"')
    start, end = (
        _minute(found[hour], found[minute], text) for hour, minute in (("h1", "m1"), ("h2", "m2"))
    )
    if start in (end, _DAY):
        raise ValueError(f'"{text}" is empty; a whole day is "00:00-24:00"')
    return Span(_days(found["first"], found["last"], text), start, (end - start) % _DAY or _DAY)


def _minute(hour: str, minute: str, text: str) -> int:
    total = int(hour) * 60 + int(minute)
    if total > _DAY or int(minute) > 59:
        raise ValueError(f'"{text}" has an invalid time of day')
    return total


def _days(first: str | None, last: str | None, text: str) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    for name in (first, last or first):
        if name not in _DAYS:
            raise ValueError(f'"{text}": {name} is not a day; the days are {", ".join(_DAYS)}')
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return frozenset((begin + n) % 7 for n in range((end - begin) % 7 + 1))


def next_start(spans: Sequence[Span], now: datetime) -> datetime | None:
    """Return when the next span starts; ``None`` if ``now`` is in one, or without spans.

    ``now`` is naive local time: the schedule is checked every minute, so daylight saving time
    needs no special treatment.
    """
    if not spans:
        return None
    moment = now.replace(second=0, microsecond=0)
    starts = list(_starts(spans, moment))
    if any(start <= moment < end for start, end in starts):
        return None
    return min(start for start, _ in starts if start > moment)


def _starts(spans: Sequence[Span], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield start and end of every span from yesterday to a week from today."""
    today = now.replace(hour=0, minute=0)
    for ahead in range(-1, 9):
        day = today + timedelta(days=ahead)
        for item in spans:
            if day.weekday() in item.days:
                start = day + timedelta(minutes=item.start)
                yield start, start + timedelta(minutes=item.minutes)
