"""The estimate of a dry run, as text."""

from __future__ import annotations

from collections.abc import Iterator

from vpo.run.estimate import Estimate, Range
from vpo.text import counted, format_size

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LEAST_BYTES = 1_000_000


def estimate_lines(found: Estimate) -> Iterator[str]:
    """Yield how long the changes would take, what they would save, and how sure that is."""
    if not found.files:
        yield "estimate: nothing to change"
        return
    yield f"estimate: {_span(found.seconds)}; {_bytes(found.saved)}"
    yield f"  {_basis(found)}"


def _span(seconds: Range) -> str:
    return f"about {_time(seconds.expected)} ({_time(seconds.low)} to {_time(seconds.high)})"


def _time(seconds: float) -> str:
    """Return ``40 s``, ``12 min``, ``3.5 h`` or ``2.4 days``."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:.1f} days"


def _bytes(saved: Range) -> str:
    if max(abs(saved.low), abs(saved.high)) < _LEAST_BYTES:
        return "about the same size"
    word = "less" if saved.expected >= 0 else "more"
    low, high = sorted((saved.low, saved.high), key=abs)
    if low * high < 0:
        ends = f"{_signed(saved.high)} to {_signed(saved.low)}"
    elif abs(high - low) < _LEAST_BYTES:
        return f"{format_size(abs(saved.expected))} {word}"
    else:
        ends = f"{format_size(abs(low))} to {format_size(abs(high))}"
    return f"about {format_size(abs(saved.expected))} {word} ({ends})"


def _signed(saved: float) -> str:
    return f"{format_size(abs(saved))} {'less' if saved >= 0 else 'more'}"


def _basis(found: Estimate) -> str:
    if found.guessed == found.files:
        return "a guess: no work of this kind is on record yet"
    known = f"from {counted(found.records, 'earlier file')} with the same kind of work"
    if found.guessed:
        return f"{known}; a guess for {found.guessed} of {counted(found.files, 'file')}"
    return known
