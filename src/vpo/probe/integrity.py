"""Whether a file is whole, by what reading all of it has shown."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from vpo.probe import matroska, mp4
from vpo.probe.ebml import StructureError
from vpo.probe.mp4_tables import samples_left_out

if TYPE_CHECKING:
    from vpo.probe.content import Content

DamageKind = Literal["cut_off", "unreadable", "corrupt", "zeros", "short", "gap", "restart"]
"""``cut_off``: the container ends early. ``unreadable``: the parser reported an error or skipped
bytes. ``corrupt``: it marked a packet as corrupt. ``zeros``: a packet of nothing but zeros, as in a
download that has not got there yet. ``short``: the packets end before the duration that the header
states. ``gap``: all continuous tracks pause at the same time. ``restart``: times go back, as parts
were joined that each have their own."""

_EBML = b"\x1a\x45\xdf\xa3"
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
"""The boxes with which MP4 and QuickTime files begin."""
_SHORT_SECONDS, _SHORT_PART = 1.0, 0.005
"""How much earlier than stated the last packet may end: seconds, and a part of the duration."""
_GAP_SECONDS = 2.0
_OF_RECORDERS = frozenset({"mpegts", "mpeg"})
"""The demuxers of containers that may be joined end to end."""
_SEARCHABLE = 2
"""Continuous tracks that must have a gap in common; one alone may pause on purpose."""


class FirstDamage(NamedTuple):
    """The first damage of a file: its kind, when (in seconds, ``None`` if unknown), and details."""

    kind: DamageKind
    at: float | None
    detail: str

    def __str__(self) -> str:
        when = "" if self.at is None else f" at {self.at:.1f} s"
        return f"{_TEXTS[self.kind]}{when}{f' ({self.detail})' if self.detail else ''}"


_TEXTS: dict[DamageKind, str] = {
    "cut_off": "it is cut off",
    "unreadable": "data cannot be read",
    "corrupt": "a packet is corrupt",
    "zeros": "there are zeros instead of data",
    "short": "it ends early",
    "gap": "data is missing",
    "restart": "parts with times of their own were joined; they begin again",
}


def is_complete(path: str) -> bool:
    """Return whether no outermost element of the container is cut off.

    True for containers that do not say it. Raises ``OSError``.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = os.pread(fd, 12, 0)
        if head[:4] == _EBML:
            return matroska.read_structure(fd).complete
        return head[4:8] not in _BOXES or mp4.is_whole(fd)
    except StructureError:
        return False
    finally:
        os.close(fd)


def misplaced_element(path: str) -> int | None:
    """Return where in a Matroska file an element is that has no place there. Raises ``OSError``."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = matroska.read_structure(fd).misplaced
    except StructureError:
        return None  # another container
    finally:
        os.close(fd)
    return None if found is None else found.start


def table_damage(path: str) -> FirstDamage | None:
    """Return whether the tables of a container leave packets out. Raises ``OSError``."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lost = samples_left_out(fd) if os.pread(fd, 12, 0)[4:8] in _BOXES else 0
    finally:
        os.close(fd)
    return FirstDamage("unreadable", None, f"its tables leave out {lost} packets") if lost else None


def first_damage(content: Content, complete: bool) -> FirstDamage | None:
    """Return the first damage, ``None`` for a file that is whole.

    ``complete``: the container's outermost elements end where the file ends.
    """
    found = [*_parser_damage(content), *_short(content), *_gaps(content), *_restarts(content)]
    if not complete:
        found.append(FirstDamage("cut_off", _last_end(content), ""))
    return min(found, key=_moment, default=None)


def _moment(damage: FirstDamage) -> float:
    return float("inf") if damage.at is None else damage.at


def _parser_damage(content: Content) -> Iterator[FirstDamage]:
    for at, message in content.errors:
        yield FirstDamage("unreadable", at, message)
    for at in content.zeros:
        yield FirstDamage("zeros", at, "")
    begun = _first_key(content)
    for at in content.corrupt:
        # A recording may begin in the middle of what was sent.
        if at is None or begun is None or at >= begun:
            yield FirstDamage("corrupt", at, "")


def _first_key(content: Content) -> float | None:
    """When the first key frame of a video comes that begins before one, in seconds."""
    for stream in content.streams.values():
        if stream.type == "video" and stream.has_key and stream.before_key < len(stream.times):
            return float(stream.times[stream.before_key] * stream.time_base)
    return None


def _last_end(content: Content) -> float | None:
    ends = [end for s in content.streams.values() if (end := s.seconds) is not None]
    return max(ends, default=None)


def _short(content: Content) -> Iterator[FirstDamage]:
    end = _last_end(content)
    if content.duration is None or end is None:
        return
    missing = content.start + content.duration - end
    if missing > max(_SHORT_SECONDS, _SHORT_PART * content.duration):
        yield FirstDamage("short", end, f"the header states {content.duration:.1f} s")


def _restarts(content: Content) -> Iterator[FirstDamage]:
    """Find the first time that goes back; nothing is lost, but no tool writes it as it is."""
    if content.container not in _OF_RECORDERS:
        return
    for stream in content.streams.values():
        least = int(_GAP_SECONDS / stream.time_base)
        latest = itertools.accumulate(stream.times, max)
        both = zip(stream.times, latest, strict=True)
        if stream.type in ("audio", "video") and (
            last := next((top for now, top in both if now < top - least), None)
        ):
            yield FirstDamage("restart", float(last * stream.time_base), "")


def _gaps(content: Content) -> Iterator[FirstDamage]:
    """Find where all audio and video pauses at the same time."""
    continuous = [
        s
        for s in content.streams.values()
        if s.type in ("audio", "video") and len(s.times) > 1 and s.packets > 1
    ]
    if len(continuous) < _SEARCHABLE:
        return
    common = None
    for stream in continuous:
        own = _pauses(stream.times, float(stream.time_base))
        common = own if common is None else _overlaps(common, own)
        if not common:
            return
    for start, end in common or ():
        yield FirstDamage("gap", start, f"{end - start:.1f} s")


def _pauses(times: Iterable[int], base: float) -> list[tuple[float, float]]:
    ordered = sorted(times)
    least = _GAP_SECONDS / base
    return [
        (before * base, after * base)
        for before, after in itertools.pairwise(ordered)
        if after - before > least
    ]


def _overlaps(
    some: list[tuple[float, float]], others: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return what is in both lists, each of which is in order."""
    found, left = [], iter(others)
    other = next(left, None)
    for first, last in some:
        while other is not None:
            begin, stop = max(first, other[0]), min(last, other[1])
            if stop - begin > _GAP_SECONDS / 2:
                found.append((begin, stop))
            if other[1] > last:
                break
            other = next(left, None)
    return found
