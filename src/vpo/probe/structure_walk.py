"""The outermost elements of a file, followed while it is read: what a parser skips is found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from vpo.probe import matroska
from vpo.probe.ebml import StructureError
from vpo.probe.stream_walks import asf, avi, flv, ogg, program_stream, rows

_CLUSTER = matroska.CLUSTER.to_bytes(4, "big")
_TS_SYNC = b"\x47"
_TS_WITH_TIME, _TS_TIME = 192, 4
_TS_PACKETS = (188, _TS_WITH_TIME, 204)
"""Bytes of a transport packet (ISO/IEC 13818-1), with a time in front, with error correction."""


class StructureWalk:
    """Follows the elements of a Matroska file, transport packets, the chunks of AVI, and so on.

    It goes no further than the file has been read: what it looks at is in memory then, and a disk
    has nothing to seek. MP4 has nothing to follow. ``offset`` is that of the last element.
    """

    def __init__(self, fd: int, container: str) -> None:
        self._length = os.fstat(fd).st_size
        walk = _WALKS.get(container)
        self._offsets = iter(()) if walk is None else walk(fd, self._length)
        self.offset = 0

    def follow(self, position: int) -> None:
        """Follow the elements up to a byte; ``StructureError`` where there is none."""
        for offset in self._offsets:
            self.offset = offset
            if offset >= position < self._length:
                return


def _matroska(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the segment's children, and of the blocks in a live cluster."""
    length, offset = matroska.read_structure(fd).end, 0
    while offset < length:
        yield offset
        try:
            item = matroska.element(fd, offset, length)
        except StructureError:
            if os.pread(fd, len(_CLUSTER), offset) == _CLUSTER:
                yield length  # what there is of a cluster that is cut off can be read
            raise
        inner = item.id == matroska.SEGMENT
        offset = item.data if inner or item.end is None else item.end


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
    yield from rows(fd, offset, length, size)
    left = (length - offset) % size
    yield length
    if left and not (size == _TS_WITH_TIME and left == size - _TS_TIME):
        raise StructureError("the last packet is cut off")


_WALKS: dict[str, Callable[[int, int], Iterator[int]]] = {
    "matroska,webm": _matroska,
    "mpegts": _mpegts,
    "avi": avi,
    "mpeg": program_stream,
    "ogg": ogg,
    "flv": flv,
    "asf": asf,
}
"""By the name of ffmpeg's demuxer."""
