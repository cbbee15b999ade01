"""The outermost elements of a file, followed while it is read: what a parser skips is found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from vpo.probe import matroska
from vpo.probe.ebml import StructureError

_CHUNK_HEADER = 8
_FORM_HEADER = 12
"""A RIFF chunk is a list: its form type follows its size, and its chunks follow that."""
_AVI_CHUNKS = (b"LIST", b"JUNK", b"idx1")
_TS_SYNC = b"\x47"
_TS_WITH_TIME, _TS_TIME = 192, 4
_TS_PACKETS = (188, _TS_WITH_TIME, 204)
"""Bytes of a transport packet (ISO/IEC 13818-1), with a time in front, with error correction."""
_TS_BLOCK = 4096


class StructureWalk:
    """Follows the elements of a Matroska file, the chunks of an AVI file, or transport packets.

    It goes no further than the file has been read: what it looks at is in memory then, and a disk
    has nothing to seek. Other containers have no elements to follow.
    """

    def __init__(self, fd: int, container: str) -> None:
        self._length = os.fstat(fd).st_size
        walk = _WALKS.get(container)
        self._offsets = iter(()) if walk is None else walk(fd, self._length)

    def follow(self, position: int) -> None:
        """Follow the elements up to a byte; ``StructureError`` where there is none."""
        for offset in self._offsets:
            if offset >= position:
                return


def _matroska(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the segment's children, and of the blocks in a live cluster."""
    offset = 0
    while offset < length:
        yield offset
        item = matroska.element(fd, offset, length)
        inner = item.id == matroska.SEGMENT
        offset = item.data if inner or item.end is None else item.end


def _avi(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the chunks in the RIFF chunks.

    It ends at a chunk of unknown size or other data: programs append tags.
    """
    offset = 0
    while offset + _CHUNK_HEADER <= length:
        yield offset
        header = os.pread(fd, _CHUNK_HEADER, offset)
        name, size = header[:4], int.from_bytes(header[4:], "little")
        if name == b"RIFF":
            offset += _FORM_HEADER
            continue
        if not any(header):
            raise StructureError(f"no chunk at byte {offset}")
        if not size or name not in _AVI_CHUNKS:
            return
        if offset + _CHUNK_HEADER + size > length:
            raise StructureError(f"chunk at byte {offset} ends after the end of the file")
        offset += _CHUNK_HEADER + size + size % 2


def _mpegts(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of blocks of packets, each of which begins with the sync byte."""
    start = os.pread(fd, 4 * max(_TS_PACKETS), 0)
    found = (
        (at, size)
        for size in _TS_PACKETS
        for at in range(size)
        if at + 3 * size < len(start) and start[at : at + 4 * size : size].count(_TS_SYNC) == 4
    )
    offset, size = next(found, (length, 1))
    while offset < length:
        yield offset
        syncs = os.pread(fd, _TS_BLOCK * size, offset)[::size]
        if syncs.strip(_TS_SYNC):
            at = offset + size * (len(syncs) - len(syncs.lstrip(_TS_SYNC)))
            raise StructureError(f"no packet at byte {at}")
        offset += size * len(syncs)
    if offset - (_TS_TIME if size == _TS_WITH_TIME else 0) > length:
        raise StructureError("the last packet is cut off")


_WALKS: dict[str, Callable[[int, int], Iterator[int]]] = {
    "matroska,webm": _matroska,
    "avi": _avi,
    "mpegts": _mpegts,
}
"""By the name of ffmpeg's demuxer."""
