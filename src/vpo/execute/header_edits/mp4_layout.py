"""Room for the boxes of an MP4 header: samples never move, so their offsets stay true.

What grows takes the room of empty boxes (``free``): of those in the same box first, then in the
ones around it, then behind the list of tracks (``moov``). What shrinks leaves such boxes. Only
where the list of tracks is the last box of the file does it grow itself.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from sys import byteorder
from typing import NamedTuple

from vpo.execute.header_edits.mp4_boxes import FREE, Mp4Box, Mp4Structure, free, written
from vpo.execute.undo_file import MAX_REGION_BYTES
from vpo.probe.ebml import StructureError

_LEAST = 8
"""Bytes of the shortest box."""
_LARGEST_FREE = 1 << 20
"""Bytes of an empty box in another, at most: it is written anew."""
_MAY_GET_FREE = frozenset({b"moov", b"trak", b"mdia", b"meta"})
"""The boxes that may get an empty one: readers take what is in others for data."""
_OFFSETS: Mapping[bytes, str] = {b"stco": "I", b"co64": "Q"}
_MAX_TABLE = 64 << 20


class Placed(NamedTuple):
    """Where the bytes of an edited header go, by offset, and the file's length then."""

    writes: dict[int, bytes]
    length: int


def balanced(old: Mp4Box, new: Mp4Box) -> Mp4Box:
    """Return the edited box with its empty boxes changed so that it is as long as it was.

    It stays longer or shorter where there is no room for the difference in it.
    """
    if new.children is None or old.children is None:
        return new
    before = {child.start: child for child in old.children}
    children = [
        child if (was := before.get(child.start)) is None else balanced(was, child)
        for child in new.children
    ]
    new = new.with_children(children)
    difference = old.length - new.length
    if not difference:
        return new
    for number, child in enumerate(children):
        fits = child.length <= _LARGEST_FREE and _is_possible(child.length + difference)
        if child.kind in FREE and fits:
            length = child.length + difference
            children[number : number + 1] = [free(length)] if length else []
            return new.with_children(children)
    if difference >= _LEAST and new.kind in _MAY_GET_FREE:
        return new.with_children([*children, free(difference)])
    return new


def placed(fd: int, structure: Mp4Structure, movie: Mp4Box) -> Placed:
    """Return where the edited list of tracks goes; ``StructureError`` if it has no room."""
    old = structure.movie
    start = old.start or 0
    rooms = _rooms_behind(structure)
    end = rooms[-1].end if rooms else old.end
    if structure.fragmented and movie.length != old.length:
        raise StructureError("the film is in fragments, of which none may move")
    rest = end - start - movie.length
    if end == structure.length:
        rest = rest if _is_possible(rest) else max(rest, _LEAST) if rest > 0 else 0
    elif not _is_possible(rest):
        raise StructureError(
            f"it grows by {movie.length - old.length:,} bytes, and has {end - old.end:,} before "
            "the samples"
        )
    writes = dict(_limited(written(fd, movie, start)))
    stop = start + movie.length
    if movie.length != old.length and rest:
        # What the empty box holds is left as it is, but for bytes that were not empty before.
        content = Mp4Box(b"free", rest).header() + bytes(max(0, min(old.end - stop, rest) - _LEAST))
        writes[stop] = content
    return Placed(writes, max(structure.length, stop + rest))


def refuse_samples(fd: int, movie: Mp4Box, ranges: Sequence[tuple[int, int]]) -> None:
    """Raise ``StructureError`` if samples, or what decrypts them, begin in ranges that change."""
    if not ranges:
        return
    first, last = ranges[0][0], ranges[-1][1]
    for table in _tables(fd, movie):
        if not table or max(table) < first or min(table) >= last:
            continue
        if any(start <= offset < stop for offset in table for start, stop in ranges):
            raise StructureError("samples of the film are in its header")


def _limited(writes: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield the writes; ``StructureError`` if they are more than an undo file holds."""
    left = MAX_REGION_BYTES
    for offset, data in writes:
        left -= len(data)
        if left < 0:
            raise StructureError(f"more than {MAX_REGION_BYTES:,} bytes of tables would move")
        yield offset, data


def _is_possible(length: int) -> bool:
    return length == 0 or length >= _LEAST


def _rooms_behind(structure: Mp4Structure) -> list[Mp4Box]:
    """Return the empty boxes directly behind the list of tracks."""
    found: list[Mp4Box] = []
    for box in structure.outer:
        if box.start == (found[-1].end if found else structure.movie.end):
            if box.kind not in FREE or box.open:
                break
            found.append(box)
    return found


def _tables(fd: int, movie: Mp4Box) -> Iterator[Sequence[int]]:
    """Yield the offsets in the file that the tracks state."""
    for track in movie.find(b"trak"):
        for media in track.find(b"mdia"):
            for information in media.find(b"minf"):
                for table in information.find(b"stbl"):
                    for box in table.find(*_OFFSETS, b"saio"):
                        yield _offsets(fd, box)


def _offsets(fd: int, box: Mp4Box) -> Sequence[int]:
    if box.start is None or box.length > _MAX_TABLE:
        raise StructureError(f"a table of {box.length:,} bytes")
    data = os.pread(fd, box.length - box.head, box.start + box.head)
    at, kind = 8, _OFFSETS.get(box.kind, "Q" if data[:1] == b"\1" else "I")
    if box.kind == b"saio" and data[3:4] == b"\1":
        at += 8  # its type and parameter (8.7.9)
    numbers = array(kind)
    whole = len(data[at:]) // numbers.itemsize * numbers.itemsize
    numbers.frombytes(data[at : at + whole])
    if byteorder == "little":
        numbers.byteswap()
    return numbers
