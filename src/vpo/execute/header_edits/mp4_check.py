"""A check of the boxes outside the samples of an MP4 or QuickTime file that was edited."""

from __future__ import annotations

from collections.abc import Iterator

from vpo.errors import VerifyError
from vpo.execute.header_edits.mp4_boxes import FREE, Mp4Box, Mp4Structure, read_mp4
from vpo.probe.ebml import StructureError

_EDITED = frozenset({b"udta", b"elng"})
"""Boxes that an edit may add, change or remove."""

Outline = list[tuple[bytes, int | None, int]]


def check_boxes(fd: int, before: Mp4Structure) -> None:
    """Raise ``VerifyError`` if the structure of the edited open file is not sound."""
    try:
        problem = next(_problems(read_mp4(fd), before), None)
    except StructureError as error:
        problem = str(error)
    if problem is not None:
        raise VerifyError(f"after the header edit, {problem}; it was taken back")


def _problems(now: Mp4Structure, before: Mp4Structure) -> Iterator[str]:
    if before.end == before.length and now.end != now.length:
        yield "the last box does not end where the file ends"
    if _outer(now) != _outer(before):
        yield "the boxes of the file are not where they were"
    if list(_inner(now.movie)) != list(_inner(before.movie)):
        yield "the boxes of the tracks are not those that were there"


def _outer(structure: Mp4Structure) -> Outline:
    """Return type, place and length of the outermost boxes; that of the tracks may grow."""
    return [
        (box.kind, box.start, 0 if box.start == structure.movie.start else box.length)
        for box in structure.outer
        if box.kind not in FREE
    ]


def _inner(box: Mp4Box) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of the boxes of a parent that are to stay, at any depth."""
    for child in box.children or ():
        if child.kind in FREE or child.kind in _EDITED:
            continue
        yield child.kind, 0 if child.children is not None else child.length
        yield from _inner(child)
