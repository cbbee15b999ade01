"""Compares several files in columns and marks the rows in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

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
"""Minimum width of a file's column, in characters."""
_LABEL = 14
_GAP = 2


class _Row(NamedTuple):
    """A row: what is shown for each file, and the values that are compared."""

    label: str
    cells: list[str]
    values: list[str]


def fits(files: int, columns: int) -> bool:
    """Return whether this many files fit side by side."""
    return _LABEL + files * (NARROWEST + _GAP) <= columns


def comparison_lines(files: Sequence[MediaFile], columns: int | None) -> Iterator[tuple[str, bool]]:
    """Yield the lines, each with whether the files differ in it; these also have a mark.

    ``columns`` is the width of the terminal, ``None`` for no limit.
    """
    rows = list(_rows(files))
    cells = [[printable(cell) or "-" for cell in row.cells] for row in rows]
    widest = max(width(cell) for line in cells for cell in line)
    if columns is not None:
        widest = min(widest, max(NARROWEST, (columns - _LABEL) // len(files) - _GAP))
    for row, line in zip(rows, cells, strict=True):
        differs = len(set(row.values)) > 1 and bool(row.label)
        body = (" " * _GAP).join(padded(truncated(cell, widest), widest) for cell in line)
        yield f"{'≠' if differs else ' '} {padded(row.label, _LABEL - 2)}{body}".rstrip(), differs


def _rows(files: Sequence[MediaFile]) -> Iterator[_Row]:
    yield _row("", [display_path(media.path) for media in files])
    yield _row("container", [media.container for media in files])
    yield _row("size", [format_size(media.size) for media in files])
    yield _row("duration", [duration_text(media.duration) for media in files])
    yield _row("bit rate", [_bit_rate(media) for media in files])
    for kind in ("video", "audio", "subtitle", "data"):
        for tracks in zip_longest(*(media.of(kind) for media in files)):
            values = [_track(track) for track in tracks]
            # Not compared by index: another video track would make all audio tracks differ.
            pairs = zip(tracks, values, strict=True)
            cells = [f"{track.index} {value}" if track else "" for track, value in pairs]
            yield _Row(kind, cells, values)
    yield _row("attachments", [counted(len(media.attachments), "file") for media in files])
    yield _row("chapters", [str(len(media.chapters)) for media in files])


def _row(label: str, cells: list[str]) -> _Row:
    return _Row(label, cells, cells)


def _bit_rate(media: MediaFile) -> str:
    """Return the bit rate of the whole file; few files record that of each track."""
    return format_bit_rate(media.size * 8 / media.duration) if media.duration else ""


def _track(track: Track | None) -> str:
    if track is None:
        return ""
    _, *facts = columns_of(track)
    return " ".join(fact for fact in facts if fact)
