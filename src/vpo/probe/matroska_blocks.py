"""The blocks of a Matroska file, read from its clusters without a demuxer (RFC 9559).

It reads what muxers write, and judges nothing: at anything else, however valid, it raises
``StructureError``, and a demuxer has to read the file.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from vpo.probe import matroska
from vpo.probe.ebml import WIDTHS, StructureError, items, read_float, read_text, read_uint

_TRACK_ENTRY, _NUMBER, _TYPE, _CODEC_ID = 0xAE, 0xD7, 0x83, 0x86
_DEFAULT_DURATION, _CODEC_DELAY, _TRACK_SCALE = 0x23E383, 0x56AA, 0x23314F
_NO_SCALE = b"\x3f\x80\0\0"
_ENCODINGS, _ENCODING, _COMPRESSION = 0x6D80, 0x6240, 0x5034
_ORDER, _SCOPE, _ALGORITHM, _SETTINGS = 0x5031, 0x5032, 0x4254, 0x4255
_ZLIB, _STRIPPED = 0, 3
_CUES, _TAGS, _CHAPTERS, _ATTACHMENTS = 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469
_VOID, _CRC = 0xEC, 0xBF
_TIME, _SIMPLE_BLOCK, _GROUP, _BLOCK, _DURATION = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B
_NO_BLOCKS = frozenset({_VOID, _CRC, 0xA7, 0xAB})
"""What else is in a cluster: its position, and the size of the one before it."""
_BESIDE_BLOCK = frozenset({_VOID, _CRC, 0xFA, 0xFB, 0x75A1, 0x75A2})
"""What else is in a group: references, additions such as an alpha channel, and padding."""
_BEHIND: dict[int, Any] = {
    _CUES: {0xBB: {0xB7: {}}},
    _TAGS: {0x7373: {0x63C0: {}, 0x67C8: {}}},
    _CHAPTERS: {0x45B9: {}},
    _ATTACHMENTS: {0x61A7: {}},
    matroska.SEEK_HEAD: {0x4DBB: {}},
}
"""The elements behind the clusters, with those of their children that have children."""
_PART, _MOST = 1 << 18, 64 << 20
"""Bytes of a cluster that are read at once, and the most for one of its elements."""
_LONGEST_HEADER = 16
_XIPH, _FIXED, _EBML = 2, 4, 6
_ONE_BYTE = 0x80
"""The first byte from which on it is the only one of a number or an id."""


class BlockTrack(NamedTuple):
    """What a TrackEntry says of its blocks; times in nanoseconds.

    ``decode`` undoes a compression of the frames.
    """

    number: int
    type: int
    codec_id: str
    default_duration: int
    delay: int
    decode: Callable[[bytes], bytes] | None


class FrameBlock(NamedTuple):
    """The frames of a block, which lie in ``data`` one behind the other, the first at ``start``.

    The time and the duration are in units of the segment.
    """

    track: int
    time: int
    duration: int | None
    data: bytes
    start: int
    sizes: list[int]


def read_block_tracks(fd: int, structure: matroska.Structure) -> list[BlockTrack]:
    """Return the tracks in order; ``StructureError`` if one has something unusual."""
    if structure.tracks is None:
        raise StructureError("no tracks")
    found = matroska.inside(fd, structure.tracks)
    return [_track(dict(items(data))) for identity, data in found if identity == _TRACK_ENTRY]


def _track(facts: dict[int, bytes]) -> BlockTrack:
    if read_float(facts.get(_TRACK_SCALE, _NO_SCALE)) != 1.0:
        raise StructureError("a track with a time scale of its own")
    return BlockTrack(
        read_uint(facts.get(_NUMBER, b"")),
        read_uint(facts.get(_TYPE, b"")),
        read_text(facts.get(_CODEC_ID, b"")),
        read_uint(facts.get(_DEFAULT_DURATION, b"")),
        read_uint(facts.get(_CODEC_DELAY, b"")),
        _decoder(items(facts.get(_ENCODINGS, b""))),
    )


def _decoder(encodings: list[tuple[int, bytes]]) -> Callable[[bytes], bytes] | None:
    if not encodings:
        return None
    (identity, data), *more = encodings
    facts = dict(items(data))
    whole = set(facts) <= {_ORDER, _SCOPE, 0x5033, _COMPRESSION} and _COMPRESSION in facts
    if more or identity != _ENCODING or not whole or read_uint(facts.get(_SCOPE, b"\1")) != 1:
        raise StructureError("an unusual encoding")
    compression = dict(items(facts[_COMPRESSION]))
    algorithm = read_uint(compression.get(_ALGORITHM, b""))
    if algorithm == _STRIPPED:
        return compression.get(_SETTINGS, b"").__add__
    if algorithm == _ZLIB:
        return _inflated
    raise StructureError("an unusual compression")


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise StructureError(str(error)) from None


def read_blocks(
    fd: int, structure: matroska.Structure, beat: Callable[[int], object]
) -> Iterator[FrameBlock]:
    """Yield all blocks, and check that nothing but known elements is around them.

    ``beat`` takes the offset that was reached.
    """
    if structure.segment.end != structure.end:
        raise StructureError("a segment of unknown size, or not all of the file")
    offset = structure.first_cluster
    while offset < structure.end:
        item = matroska.element(fd, offset, structure.end)
        if item.end is None:
            raise StructureError(f"an element of unknown size at byte {offset}")
        if item.id == matroska.CLUSTER:
            yield from _blocks(fd, item.data, item.end)
        elif item.id in _BEHIND:
            _check(matroska.inside(fd, item), _BEHIND[item.id])
        elif item.id != _VOID:
            raise StructureError(f"an unknown element {item.id:X} at byte {offset}")
        offset = item.end
        beat(offset)


def _read(fd: int, offset: int, size: int) -> bytes:
    """Return so many bytes of a cluster, and enough behind them to look for a header at the end."""
    if size > _MOST:
        raise StructureError(f"an element of {size:,} bytes in a cluster, at byte {offset}")
    data = os.pread(fd, size + _LONGEST_HEADER, offset)
    if len(data) < size:
        raise StructureError(f"a cluster that cannot be read at byte {offset}")
    return data if len(data) == size + _LONGEST_HEADER else data + bytes(_LONGEST_HEADER)


def _check(children: list[tuple[int, bytes]], parents: dict[int, Any]) -> None:
    for identity, data in children:
        if identity in parents:
            _check(items(data), parents[identity])


def _blocks(fd: int, offset: int, end: int) -> Iterator[FrameBlock]:
    """Yield the blocks of a cluster between two offsets, part by part."""
    time, size = -1, _PART
    while offset < end:
        left = end - offset
        size = min(size, left)
        data, at = _read(fd, offset, size), 0
        while at < size and (at + _LONGEST_HEADER <= size or size == left):
            identity, start, stop = _element(data, at, left)
            if stop > size:
                break
            if identity == _SIMPLE_BLOCK:
                yield _block(data, start, stop, time, None)
            elif identity == _GROUP:
                yield _group(data, start, stop, time)
            elif identity == _TIME:
                time = int.from_bytes(data[start:stop], "big")
            elif identity not in _NO_BLOCKS:
                raise StructureError(f"an unknown element {identity:X} in a cluster")
            at = stop
        offset += at
        size = _PART if at else stop


def _group(data: bytes, at: int, end: int, time: int) -> FrameBlock:
    """Return the block of a group, with the duration that is beside it."""
    found, duration = None, None
    while at < end:
        identity, start, at = _element(data, at, end)
        if identity == _BLOCK and found is None:
            found = start, at
        elif identity == _DURATION:
            duration = int.from_bytes(data[start:at], "big")
        elif identity not in _BESIDE_BLOCK:
            raise StructureError(f"an unknown element {identity:X} beside a block")
    if found is None:
        raise StructureError("a group without a block")
    return _block(data, *found, time, duration)


def _element(data: bytes, at: int, limit: int) -> tuple[int, int, int]:
    """Return the id of the element at an offset, and the offsets of its data and its end."""
    identity, field = data[at], at + 1
    if identity < _ONE_BYTE:
        identity, field = _long_id(data, at, limit)
    size, start = _number(data, field, limit)
    if start + size > limit or size == (1 << 7 * (start - field)) - 1:
        raise StructureError("an element of unknown size, or that ends after its parent")
    return identity, start, start + size


def _long_id(data: bytes, at: int, limit: int) -> tuple[int, int]:
    end = at + WIDTHS[data[at]]
    if end >= limit:
        raise StructureError("not an element")
    return int.from_bytes(data[at:end], "big"), end


def _block(data: bytes, at: int, end: int, time: int, duration: int | None) -> FrameBlock:
    track, at = _number(data, at, end)
    if at + 3 > end or time < 0:
        raise StructureError("a block without a header, or without a time")
    time += (data[at] << 8 | data[at + 1]) - ((data[at] & 0x80) << 9)
    lacing = data[at + 2] & _EBML
    at += 3
    if time < 0:
        raise StructureError("a block before the start")
    if not lacing:
        return FrameBlock(track, time, duration, data, at, [end - at])
    sizes, at = _LACES[lacing](data, at + 1, end, data[at])
    sizes.append(end - at - sum(sizes))
    if min(sizes) < 0:
        raise StructureError("a frame ends after its block")
    return FrameBlock(track, time, duration, data, at, sizes)


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number at an offset, and where it ends."""
    value = data[at]
    stop = at + WIDTHS[value]
    if stop > end:
        raise StructureError("a number ends after its parent")
    if value >= _ONE_BYTE:
        return value - _ONE_BYTE, stop
    return int.from_bytes(data[at:stop], "big") & ((1 << 7 * (stop - at)) - 1), stop


_Sizes = tuple[list[int], int]
"""The sizes of all frames of a block but the last one, and where the first one begins."""


def _xiph(data: bytes, at: int, end: int, count: int) -> _Sizes:
    sizes = []
    for _ in range(count):
        size = 0
        while at < end and data[at] == 255:
            size, at = size + 255, at + 1
        if at >= end:
            raise StructureError("a size ends after its block")
        sizes.append(size + data[at])
        at += 1
    return sizes, at


def _fixed(_data: bytes, at: int, end: int, count: int) -> _Sizes:
    size, left = divmod(end - at, count + 1)
    if left:
        raise StructureError("frames of different sizes")
    return [size] * count, at


def _ebml(data: bytes, at: int, end: int, count: int) -> _Sizes:
    if not count:
        return [], at
    size, at = _number(data, at, end)
    sizes = [size]
    for _ in range(count - 1):
        start = at
        change, at = _number(data, at, end)
        size += change - ((1 << 7 * (at - start) - 1) - 1)
        sizes.append(size)
    return sizes, at


_LACES: dict[int, Callable[[bytes, int, int, int], _Sizes]] = {
    _XIPH: _xiph,
    _FIXED: _fixed,
    _EBML: _ebml,
}
