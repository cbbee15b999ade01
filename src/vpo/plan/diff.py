"""The differences between two states of a file, as changes with their reasons."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from vpo.media import pixel_formats
from vpo.media.encode_spec import AudioEncode, Encode
from vpo.media.model import MediaFile, Track
from vpo.media.subtitle_source import Extract, SubtitleSource
from vpo.plan.model import Change
from vpo.policy.change_kind import ChangeKind, Fact, FactValue
from vpo.policy.desired_state import Reason

Reasons = Mapping[Fact, Reason]


def difference(
    before: MediaFile,
    after: MediaFile,
    reasons: Reasons,
    encodes: Mapping[int, Encode] = MappingProxyType({}),
    sources: Mapping[int, SubtitleSource] = MappingProxyType({}),
) -> Iterator[Change]:
    """Yield every change that leads from one state to the other, with who asked for it."""
    if before.container != after.container:
        fact = Fact(ChangeKind.CONTAINER)
        yield _change(reasons, fact, before.container, after.container)
    yield from _name_changes(before, after, reasons)
    yield from _tag_changes(before, after, reasons)
    yield from _removals(before, after, reasons)
    yield from _moves(before, after, reasons)
    old = {track.index: track for track in before.tracks}
    for track in after.tracks:
        if track.index not in old:
            yield _change(reasons, Fact(ChangeKind.ADD, track.index), None, str(track))
        elif track is not old[track.index] or track.index in encodes:
            yield from _track_changes(old[track.index], track, reasons, encodes.get(track.index))
        if track.index in old and track.index in sources:
            yield _change(reasons, Fact(ChangeKind.TEXT, track.index), None, "plain")


def extractions(extracts: Sequence[Extract], reasons: Reasons) -> Iterator[Change]:
    """Yield the files that are written beside the film, as changes."""
    for found in extracts:
        yield _change(reasons, Fact(ChangeKind.SIDECAR, found.track), None, found.name)


def _name_changes(before: MediaFile, after: MediaFile, reasons: Reasons) -> Iterator[Change]:
    """Yield the changes of the path: its extension, unless a container brings it, and its name."""
    if before.path == after.path:
        return
    (old, was), (new, now) = (os.path.splitext(media.path) for media in (before, after))
    if was != now and before.container == after.container:
        yield _change(reasons, Fact(ChangeKind.EXTENSION), was, now)
    if old != new:
        names = (os.path.basename(media.path) for media in (before, after))
        yield _change(reasons, Fact(ChangeKind.NAME), *(_readable(name) for name in names))


def _readable(name: str) -> str:
    """Return a name as text; bytes that are not UTF-8 have none."""
    return os.fsencode(name).decode("utf-8", "replace")


def _tag_changes(before: MediaFile, after: MediaFile, reasons: Reasons) -> Iterator[Change]:
    if before.tags == after.tags:
        return
    old, new = dict(before.tags), dict(after.tags)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            fact = Fact(ChangeKind.TAG, name=name)
            yield _change(reasons, fact, old.get(name), new.get(name))


def _removals(before: MediaFile, after: MediaFile, reasons: Reasons) -> Iterator[Change]:
    kept = {item.index for item in after.streams}
    for item in before.streams:
        if item.index not in kept:
            yield _change(reasons, Fact(ChangeKind.REMOVE, item.index), str(item), None)


def _moves(before: MediaFile, after: MediaFile, reasons: Reasons) -> Iterator[Change]:
    there = {track.index for track in before.tracks}
    new = [track.index for track in after.tracks if track.index in there]
    old = [track.index for track in before.tracks if track.index in new]
    if old == new:
        return
    ranks = {index: n for n, index in enumerate(old)}
    positions = {t.index: n for n, t in enumerate(after.tracks) if t.index in ranks}
    order = [(ranks[index], index == position) for index, position in positions.items()]
    unmoved = _longest_rise(order)
    for index, position in positions.items():
        if ranks[index] not in unmoved:
            yield _change(reasons, Fact(ChangeKind.MOVE, index), index, position)


def _longest_rise(order: Sequence[tuple[int, bool]]) -> set[int]:
    """Return the numbers of a longest rising subsequence: the tracks not to be reported as moved.

    Of several, the one with most tracks that keep their position, as the second value says.
    """
    best: list[tuple[int, int, list[int]]] = []
    for n, (number, in_place) in enumerate(order):
        before = [best[m] for m in range(n) if order[m][0] < number]
        length, kept, rise = max(before, key=lambda found: found[:2], default=(0, 0, []))
        best.append((length + 1, kept + in_place, [*rise, number]))
    return set(max(best, key=lambda found: found[:2])[2])


def _track_changes(
    old: Track, new: Track, reasons: Reasons, how: Encode | None
) -> Iterator[Change]:
    loudness = how.loudness if isinstance(how, AudioEncode) else None
    if loudness is not None:
        yield _change(reasons, Fact(ChangeKind.LOUDNESS, new.index), None, str(loudness))
    elif how is not None and old.codec == new.codec:
        yield _change(reasons, Fact(ChangeKind.CODEC, new.index), old.codec, new.codec)
    facts: tuple[tuple[ChangeKind, FactValue, FactValue], ...] = (
        (ChangeKind.CODEC, old.codec, new.codec),
        (ChangeKind.SIZE, _size(old), _size(new)),
        (ChangeKind.BIT_DEPTH, *_depths(old, new)),
        (ChangeKind.FRAME_RATE, old.frame_rate, new.frame_rate),
        (ChangeKind.CHANNELS, old.channels, new.channels),
        (ChangeKind.DYNAMIC_RANGE, old.dynamic_range or "SDR", new.dynamic_range or "SDR"),
        (ChangeKind.LANGUAGE, old.language, new.language),
        (ChangeKind.TITLE, old.title, new.title),
    )
    for kind, was, now in facts:
        if was != now:
            yield _change(reasons, Fact(kind, new.index), was, now)
    for flag in sorted(old.dispositions ^ new.dispositions):
        fact = Fact(ChangeKind.FLAG, new.index, flag)
        yield _change(reasons, fact, flag in old.dispositions, flag in new.dispositions)


def _depths(old: Track, new: Track) -> tuple[FactValue, FactValue]:
    """Return the bits of a sample, if both are known."""
    was, now = pixel_formats.depth(old.pixel_format), pixel_formats.depth(new.pixel_format)
    return (was, now) if was and now else (None, None)


def _size(track: Track) -> str | None:
    return f"{track.width}x{track.height}" if track.width and track.height else None


def _change(reasons: Reasons, fact: Fact, before: FactValue, after: FactValue) -> Change:
    unasked = _WRITTEN_LAST if fact.kind is ChangeKind.MOVE else _BY_THE_CONTAINER
    return Change(fact, before, after, reasons.get(fact, unasked))


_BY_THE_CONTAINER = Reason("", "", "the container gives every track type a default track")
_WRITTEN_LAST = Reason("", "", "ffmpeg writes the timecode track last")
