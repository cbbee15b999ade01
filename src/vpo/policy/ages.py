"""The ages of files at which policies change what they want.

Time passes without a change of the file, so that what is recorded of a file holds for its age only.
The ages are part of the fingerprint of policies: a run that finds all files compliant reads those
without loading the policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SEPARATOR = "@"
_BETWEEN = ","
_NANO = 1_000_000_000


def with_ages(fingerprint: str, ages: Iterable[float]) -> str:
    """Return the fingerprint with the ages that decide something, in seconds."""
    found = sorted(set(ages))
    return fingerprint + (_SEPARATOR + _BETWEEN.join(map(repr, found)) if found else "")


def ages_in(fingerprint: str) -> tuple[float, ...]:
    """Return the ages in a fingerprint, in seconds, lowest first."""
    _, _, text = fingerprint.partition(_SEPARATOR)
    return tuple(map(float, text.split(_BETWEEN))) if text else ()


def age(mtime_ns: int, now_ns: int) -> float:
    """Return how long ago a file was modified, in seconds; 0 for a time to come."""
    return max(0, now_ns - mtime_ns) / _NANO


def age_class(ages: Sequence[float], seconds: float) -> int:
    """Return a number that is equal for all ages of which every comparison gives the same."""
    return sum((seconds >= limit) + (seconds > limit) for limit in ages)
