"""Several files in columns, so that an eye sees what they do not have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from vpo.media.model import MediaFile, Track
from vpo.report.media import columns_of, duration_text
from vpo.text import (
    counted,
    display_path,
    format_bit_rate,
    format_size,
    padded,
    printable,
    truncated,
    width,
)

NARROWEST = 34
"""Columns that a file takes at least."""
_LABEL = 14
_GAP = 2


def fits(files: int, columns: int) -> bool:
    """Whether so many files have room beside each other."""
    return _LABEL + files * (NARROWEST + _GAP) <= columns


def rows(files: Sequence[MediaFile], columns: int | None) -> Iterator[tuple[str, bool]]:
    """The lines, each with whether the files differ in it; these also have a mark.

    ``columns`` is how wide the terminal is, ``None`` if nothing has to be cut.
    """
    facts = [(label, [printable(cell) or "-" for cell in cells]) for label, cells in _facts(files)]
    room = max(width(cell) for _, cells in facts for cell in cells)
    if columns is not None:
        room = min(room, max(NARROWEST, (columns - _LABEL) // len(files) - _GAP))
    for label, cells in facts:
        differ = len(set(cells)) > 1
        body = (" " * _GAP).join(padded(truncated(cell, room), room) for cell in cells)
        mark = "≠" if differ and label else " "
        yield f"{mark} {padded(label, _LABEL - 2)}{body}".rstrip(), differ and bool(label)


def _facts(files: Sequence[MediaFile]) -> Iterator[tuple[str, list[str]]]:
    yield "", [display_path(media.path) for media in files]
    yield "container", [media.container for media in files]
    yield "size", [format_size(media.size) for media in files]
    yield "duration", [duration_text(media.duration) for media in files]
    yield "bit rate", [_rate(media) for media in files]
    for kind in ("video", "audio", "subtitle", "data"):
        tracks = zip_longest(*(media.of(kind) for media in files))
        for number, row in enumerate(tracks, 1):
            yield f"{kind} {number}", [_track(track) for track in row]
    yield "attachments", [counted(len(media.attachments), "file") for media in files]
    yield "chapters", [str(len(media.chapters)) for media in files]


def _rate(media: MediaFile) -> str:
    """Return the bit rate of the whole file; few files record that of each track."""
    return format_bit_rate(media.size * 8 / media.duration) if media.duration else ""


def _track(track: Track | None) -> str:
    if track is None:
        return ""
    _, *facts = columns_of(track)
    return " ".join(fact for fact in facts if fact)
