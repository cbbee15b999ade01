"""The elements outside the clusters of a Matroska file, as room that is given out anew.

An element that grows goes, in this order of preference, to its own place and the empty elements
(Void) behind it, into those before it, into another Void, or to the end of the file. Clusters never
move, so the Cues stay true.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from vpo.execute.header_edits.ebml_element import CRC, VOID, EbmlElement, void
from vpo.probe.ebml import StructureError
from vpo.probe.matroska import CLUSTER, MAX_ELEMENTS, SEEK_HEAD, Element, Structure, element, seeks

_FOR_SEEK_HEAD = 32
"""Bytes behind a SeekHead that are left to it, as its positions may become longer."""
_MAX_SIZE = 16 << 20
PARENTS = frozenset({0x1654AE6B, 0xAE, 0x1549A966, 0x1254C367, 0x7373, 0x67C8})
"""The elements of elements whose size fields may become shorter: of Tracks, Info and Tags."""


class Extent(NamedTuple):
    """The bytes from ``start`` to before ``end``."""

    start: int
    end: int

    def holds(self, other: Extent) -> bool:
        return self.start <= other.start and other.end <= self.end


@dataclass
class MatroskaLayout:
    """Where the elements outside the clusters are, while some of them are put elsewhere.

    ``areas`` are the extents outside the clusters, ``fixed`` the elements in them that are not
    empty, by their offset; ``moved`` the old and the new offset of those that were put elsewhere;
    ``writes`` the new bytes by offset; ``end`` the end of the segment, where it may grow.
    """

    structure: Structure
    areas: list[Extent]
    voids: frozenset[Extent]
    fixed: dict[int, tuple[int, Extent]]
    end: int
    moved: dict[int, int] = field(default_factory=dict)
    writes: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, fd: int, structure: Structure) -> MatroskaLayout:
        """Read the layout of an open file; ``StructureError`` if an edit would not be safe."""
        end = structure.segment.end
        if end is None or any(item.id == CRC for item in structure.head):
            raise StructureError("a segment without a size, or with a checksum of all of it")
        found = [*structure.head, *_behind(fd, structure)]
        extents = [(item.id, Extent(item.start, item.end or item.data)) for item in found]
        return cls(
            structure=structure,
            areas=_joined([extent for _, extent in extents]),
            voids=frozenset(extent for identity, extent in extents if identity == VOID),
            fixed={place.start: (key, place) for key, place in extents if key != VOID},
            end=min(end, structure.length),
        )

    def find(self, identity: int) -> list[Extent]:
        """Return the elements with this id."""
        return sorted(extent for key, extent in self.fixed.values() if key == identity)

    def listed(self, fd: int) -> Iterator[tuple[int, int]]:
        """Yield the id and the offset of each element that a SeekHead of the open file lists."""
        for extent in self.find(SEEK_HEAD):
            for identity, position in seeks(fd, element(fd, extent.start, extent.end)):
                yield identity, self.structure.segment.data + position

    def has(self, identity: int, offset: int) -> bool:
        """Return whether an element with this id begins at this offset."""
        return self.fixed.get(offset, (None,))[0] == identity

    def put(self, old: Extent | None, content: EbmlElement) -> None:
        """Write an element in place of an old one, or one that the file does not have yet."""
        if old is not None:
            del self.fixed[old.start]
        for room, at_start in self._rooms(old):
            fitting = _fitted(content, room)
            if fitting is None and at_start:  # FFmpeg writes size fields of 8 bytes
                fitting = _fitted(content.narrowed(PARENTS), room)
            if fitting is not None:
                start = room.start if at_start else room.end - fitting.length
                self._occupy(old, start, fitting)
                return
        self._append(old, content)

    def put_in_place(self, old: Extent, content: EbmlElement) -> None:
        """Write an element where an old one began; ``StructureError`` if there is no room."""
        del self.fixed[old.start]
        room = self._room_of(old)
        fitting = _fitted(content, Extent(old.start, room.end))
        if fitting is None:
            raise StructureError(f"no room for the element at byte {old.start}")
        self._occupy(old, old.start, fitting)

    def finish(self) -> dict[int, bytes]:
        """Return all writes by offset, with empty elements where something was before."""
        for gap in self._gaps():
            if not self._is_tiled(gap):
                self.writes[gap.start] = void(gap.end - gap.start)
        segment = self.structure.segment
        if self.end > (segment.end or 0):
            width = segment.data - segment.start - 4
            resized = EbmlElement(segment.id, width, b"").header(self.end - segment.data)
            self.writes[segment.start] = resized
        return self.writes

    def _rooms(self, old: Extent | None) -> Iterator[tuple[Extent, bool]]:
        """Yield rooms in order of preference, and whether the element goes to their beginning."""
        own = None if old is None else self._room_of(old)
        if own is not None and old is not None:
            yield Extent(old.start, own.end), True
            yield self._without_reserve(own), False
        for gap in self._gaps():
            if gap != own:
                yield self._without_reserve(gap), False

    def _room_of(self, old: Extent) -> Extent:
        return next(gap for gap in self._gaps() if gap.holds(old))

    def _without_reserve(self, gap: Extent) -> Extent:
        behind = any(extent.end == gap.start for extent in self.find(SEEK_HEAD))
        return Extent(min(gap.end, gap.start + _FOR_SEEK_HEAD), gap.end) if behind else gap

    def _gaps(self) -> Iterator[Extent]:
        """Yield what is free between the elements, in order."""
        taken = sorted(extent for _, extent in self.fixed.values())
        for area in self.areas:
            at = area.start
            for extent in taken:
                if area.holds(extent):
                    if extent.start > at:
                        yield Extent(at, extent.start)
                    at = extent.end
            if at < area.end:
                yield Extent(at, area.end)

    def _is_tiled(self, gap: Extent) -> bool:
        """Return whether a gap is nothing but the empty elements that are there."""
        return sum(v.end - v.start for v in self.voids if gap.holds(v)) == gap.end - gap.start

    def _append(self, old: Extent | None, content: EbmlElement) -> None:
        """Write the element at the end of the file, or where it was if that is its end."""
        if not self.structure.complete:
            raise StructureError("something follows the segment")
        last = self.areas[-1]
        own = None if old is None else self._room_of(old)
        if last.end != self.end:
            last = Extent(self.end, self.end)
            self.areas.append(last)
        start = (
            old.start if old is not None and own is not None and own.end == self.end else last.end
        )
        self.end = start + content.length
        self.areas[-1] = Extent(last.start, self.end)
        self._occupy(old, start, content)

    def _occupy(self, old: Extent | None, start: int, content: EbmlElement) -> None:
        self.fixed[start] = (content.id, Extent(start, start + content.length))
        self.writes[start] = content.encoded()
        if old is not None and old.start != start:
            self.moved[old.start] = start


def read_element(fd: int, extent: Extent) -> EbmlElement:
    """Return an element of an open file; ``StructureError`` if it is too large to be read."""
    if extent.end - extent.start > _MAX_SIZE:
        raise StructureError(f"an element of {extent.end - extent.start:,} bytes")
    item = element(fd, extent.start, extent.end)
    width = item.data - item.start - (item.id.bit_length() + 7) // 8
    return EbmlElement(item.id, width, os.pread(fd, extent.end - item.data, item.data))


def _behind(fd: int, structure: Structure) -> Iterator[Element]:
    """Yield the elements after the clusters, followed from the first that a SeekHead lists."""
    offset = structure.behind[0] if structure.behind else structure.length
    end = min(structure.segment.end or 0, structure.length)
    for _ in range(MAX_ELEMENTS):
        if offset >= end:
            return
        item = element(fd, offset, structure.length)
        if item.end is None or item.end > end:
            raise StructureError(f"an element at byte {offset} without an end in the segment")
        if item.id != CLUSTER:
            yield item
        offset = item.end
    raise StructureError(f"more than {MAX_ELEMENTS:,} elements after the first cluster")


def _joined(extents: list[Extent]) -> list[Extent]:
    """Return the areas that elements cover together."""
    areas: list[Extent] = []
    for extent in sorted(extents):
        if areas and areas[-1].end == extent.start:
            areas[-1] = Extent(areas[-1].start, extent.end)
        elif areas and areas[-1].end > extent.start:
            raise StructureError(f"elements overlap at byte {extent.start}")
        else:
            areas.append(extent)
    return areas


def _fitted(content: EbmlElement, room: Extent) -> EbmlElement | None:
    """Return the element so that the room is full, or has 2 bytes left for an empty element."""
    size = room.end - room.start
    if content.length == size or content.length <= size - 2:
        return content
    return content.resized(size) or content.resized(size - 2)
