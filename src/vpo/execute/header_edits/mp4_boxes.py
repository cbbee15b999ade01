"""The boxes of MP4 and QuickTime files (ISO/IEC 14496-12) as a tree that can be written again.

The boxes that an edit may change are children of one another here; what is in all others stays
where it is, and is never read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from vpo.probe.ebml import StructureError

FREE = frozenset({b"free", b"skip", b"wide"})
"""Boxes that hold nothing (8.1.2); QuickTime's ``wide`` is 8 bytes that a size may grow into."""
_MOVIE = b"moov"
_PARENTS: Mapping[bytes, frozenset[bytes]] = MappingProxyType(
    {
        _MOVIE: frozenset({b"trak", b"udta", b"meta"}),
        b"trak": frozenset({b"mdia", b"udta", b"meta"}),
        b"mdia": frozenset({b"minf"}),
        b"minf": frozenset({b"stbl"}),
        b"udta": frozenset({b"meta"}),
        b"meta": frozenset({b"ilst"}),
    }
)
"""The boxes whose children are read, by the box that they are in."""
_OF_TAGS = frozenset({b"udta", b"meta", b"ilst"})
_MAX_BOXES = 100_000
_MAX_DATA = 1 << 20
_BLOCK = 1 << 20
_NARROW, _WIDE = 8, 16
_NARROWEST_WIDE = 1 << 32


@dataclass(frozen=True, slots=True)
class Mp4Box:
    """A box: its type, and its bytes in the file or anew.

    ``start`` is where it is in the file, ``None`` for a new one; ``length`` counts its header,
    which is ``wide`` if its size has 64 bits; ``open``: it ends where the file does. ``data`` is
    ``None`` where it is as in the file. A parent has ``children`` instead, after ``prefix`` and
    before ``tail``: the version of ``meta``, and the zeros that end a list of QuickTime; those of
    tags and user data have none where they are malformed.
    """

    kind: bytes
    length: int
    start: int | None = None
    wide: bool = False
    open: bool = False
    data: bytes | None = None
    children: tuple[Mp4Box, ...] | None = None
    prefix: bytes = b""
    tail: bytes = b""

    @property
    def head(self) -> int:
        """The bytes of its header."""
        return _WIDE if self.wide else _NARROW

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return (self.start or 0) + self.length

    def header(self) -> bytes:
        if self.open:
            return bytes(4) + self.kind
        if self.wide:
            return b"\0\0\0\1" + self.kind + self.length.to_bytes(8, "big")
        if self.length >= _NARROWEST_WIDE:
            raise StructureError(f"{self.length:,} bytes need a longer size field")
        return self.length.to_bytes(4, "big") + self.kind

    def with_data(self, data: bytes) -> Mp4Box:
        return replace(self, data=data, length=self.head + len(data))

    def with_children(self, children: Iterable[Mp4Box]) -> Mp4Box:
        """Return the parent with other children; it keeps the width of its size.

        Raises ``StructureError`` if those that it has could not be read.
        """
        if self.children is None and self.start is not None:
            raise StructureError(f"the box {_name(self.kind)} at byte {self.start} is malformed")
        listed = tuple(children)
        around = self.head + len(self.prefix) + len(self.tail)
        length = around + sum(child.length for child in listed)
        return replace(self, children=listed, length=length)

    def find(self, *kinds: bytes) -> list[Mp4Box]:
        """Return the children of these types, in order."""
        return [child for child in self.children or () if child.kind in kinds]


def new_box(kind: bytes, data: bytes) -> Mp4Box:
    """Return a box that is not in the file yet."""
    return Mp4Box(kind, _NARROW + len(data), data=data)


def new_parent(kind: bytes, children: Iterable[Mp4Box], prefix: bytes = b"") -> Mp4Box:
    """Return a box with children that is not in the file yet."""
    return Mp4Box(kind, _NARROW, prefix=prefix).with_children(children)


def free(length: int) -> Mp4Box:
    """Return an empty box of this length, at least 8 bytes."""
    return new_box(b"free", bytes(length - _NARROW))


@dataclass(frozen=True, slots=True)
class Mp4Structure:
    """The outermost boxes of a file up to ``end``, and ``movie``: the one with the tracks.

    ``end`` is less than ``length`` if something follows that is no box. ``fragmented``: parts of
    the film have lists of their own. ``quicktime``: it is no MP4, by its brand or without one.
    """

    outer: tuple[Mp4Box, ...]
    movie: Mp4Box
    end: int
    length: int
    fragmented: bool
    quicktime: bool


def read_mp4(fd: int) -> Mp4Structure:
    """Read the boxes of an open file; ``StructureError`` if they are not sound."""
    length = os.fstat(fd).st_size
    outer = tuple(_outer(fd, length))
    movies = [box for box in outer if box.kind == _MOVIE]
    if len(movies) != 1:
        raise StructureError(f"{len(movies)} boxes with the tracks instead of one")
    left = [_MAX_BOXES]
    movie = _with_children(fd, movies[0], left)
    kinds = {box.kind for box in (*outer, *(movie.children or ()))}
    if not movie.find(b"trak"):
        raise StructureError("its list of tracks is compressed, or it has none")
    return Mp4Structure(
        outer=outer,
        movie=movie,
        end=outer[-1].end,
        length=length,
        fragmented=bool(kinds & {b"mvex", b"moof"}),
        quicktime=all(read_data(fd, b)[:2] == b"qt" for b in outer if b.kind == b"ftyp"),
    )


def read_data(fd: int, box: Mp4Box) -> bytes:
    """Return the data of a box; ``StructureError`` if it is too long to be read."""
    if box.data is not None:
        return box.data
    size = box.length - box.head
    if size > _MAX_DATA or box.start is None:
        raise StructureError(f"a box {_name(box.kind)} of {size:,} bytes")
    return os.pread(fd, size, box.start + box.head)


def written(fd: int, box: Mp4Box, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield what has to be written, by offset, so that the box is at this place."""
    if box.children is None and box.data is None:
        if at != box.start:
            for part in range(0, box.length, _BLOCK):
                size = min(_BLOCK, box.length - part)
                yield at + part, os.pread(fd, size, (box.start or 0) + part)
        return
    yield at, box.header() + box.prefix + (box.data or b"")
    at += box.head + len(box.prefix)
    for child in box.children or ():
        yield from written(fd, child, at)
        at += child.length
    if box.tail:
        yield at, box.tail


def _outer(fd: int, length: int) -> Iterator[Mp4Box]:
    """Yield the outermost boxes, until something is no box or goes beyond the end of the file."""
    at = 0
    for _ in range(_MAX_BOXES):
        box = _box(fd, at, length)
        if box is None:
            return
        yield box
        at = box.end
    raise StructureError(f"more than {_MAX_BOXES:,} boxes")


def _with_children(fd: int, box: Mp4Box, left: list[int]) -> Mp4Box:
    """Return a parent with its children; they have to fill it."""
    start, end = (box.start or 0) + box.head, box.end
    prefix = b""
    if box.kind == b"meta" and os.pread(fd, 4, start + 4) != b"hdlr":
        prefix = os.pread(fd, min(4, end - start), start)
    at = start + len(prefix)
    children: list[Mp4Box] = []
    parents = _PARENTS.get(box.kind, frozenset())
    while (child := _box(fd, at, end)) is not None and not child.open:
        left[0] -= 1
        if not left[0]:
            raise StructureError(f"more than {_MAX_BOXES:,} boxes")
        is_parent = child.kind in parents
        children.append(_with_children(fd, child, left) if is_parent else child)
        at = child.end
    tail = os.pread(fd, min(end - at, _NARROW), at)
    if end - at > _NARROW or any(tail) or (tail and box.kind != b"udta"):
        if box.kind in _OF_TAGS:
            return box
        raise StructureError(f"the box {_name(box.kind)} at byte {box.start} is malformed")
    return replace(box, children=tuple(children), prefix=prefix, tail=tail)


def _box(fd: int, at: int, end: int) -> Mp4Box | None:
    """Return the box at this place; ``None`` if there is none that ends before ``end``."""
    header = os.pread(fd, _WIDE, at)
    if at + _NARROW > end or len(header) < _NARROW:
        return None
    size, kind = int.from_bytes(header[:4], "big"), header[4:8]
    wide = size == 1
    if wide:
        size = int.from_bytes(header[8:], "big")
    if size == 0 and any(kind):
        return Mp4Box(kind, end - at, at, open=True)
    if size < (_WIDE if wide else _NARROW) or at + size > end:
        return None
    return Mp4Box(kind, size, at, wide)


def _name(kind: bytes) -> str:
    return repr(kind.decode("latin-1"))
