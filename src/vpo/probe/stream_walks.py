"""The parts of AVI, program streams, Ogg, FLV and ASF, followed from header to header.

Parsers skip what is no header without a word. Each function yields the offsets of the parts of an
open file, and raises ``StructureError`` where there is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from vpo.probe.ebml import StructureError

_WINDOW, _ROWS = 1 << 15, 1 << 20
"""Bytes read at once."""

_RIFF_CHUNK, _RIFF_LIST = 8, 12
"""A RIFF chunk is a list: its form type follows its size, and its chunks follow that."""
_UNKNOWN_SIZE = 0xFFFFFFFF
_AVI_CHUNKS = (b"LIST", b"JUNK", b"idx1")
_AVI_PACKET = re.compile(rb"[0-9A-F]{2}[A-Za-z_]{2}")

_PACK, _MPEG_END, _MPEG_VIDEO = 0xBA, 0xB9, range(0xE0, 0xF0)
_START_CODE = b"\0\0\1"
_PACK_BYTES, _OLD_PACK_BYTES = 14, 12
"""Of ISO/IEC 13818-1, without stuffing, and of ISO/IEC 11172-1."""
_MPEG_PADDING = 4096
"""From how many zeros on they are no padding of a disk's sector."""

_OGG_HEADER = 27

_FLV_TAG, _FLV_TYPES, _FLV_TYPE_BITS = 11, (8, 9, 15, 18), 0x1F

_ASF_OBJECT, _ASF_DATA_HEADER, _ASF_HEADER_MOST = 24, 50, 1 << 20
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_FLAGS, _ASF_PACKET_SIZE = slice(88, 92), slice(92, 96)
"""Where in the file properties they are."""


class _Window:
    """Reads a few bytes at a time from a file."""

    def __init__(self, fd: int) -> None:
        self._fd, self._start, self._data = fd, 0, b""

    def at(self, offset: int, size: int) -> bytes:
        """Return these bytes, fewer at the end of the file."""
        skip = offset - self._start
        if skip < 0 or skip + size > len(self._data):
            self._start, skip = offset, 0
            self._data = os.pread(self._fd, max(size, _WINDOW), offset)
        return self._data[skip : skip + size]


def avi(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the chunks, and of those in the lists of packets.

    It ends at a chunk of unknown size or other data: programs append tags.
    """
    data, offset = _Window(fd), 0
    while offset + _RIFF_CHUNK <= length:
        yield offset
        header = data.at(offset, _RIFF_LIST)
        name, size = header[:4], int.from_bytes(header[4:8], "little")
        if name == b"RIFF":
            offset += _RIFF_LIST
            continue
        if not any(header[:_RIFF_CHUNK]):
            raise StructureError(f"no chunk at byte {offset}")
        live = size in (0, _UNKNOWN_SIZE)
        if name not in _AVI_CHUNKS or (live and header[_RIFF_CHUNK:] != b"movi"):
            return
        end = length if live else offset + _RIFF_CHUNK + size
        if header[_RIFF_CHUNK:] == b"movi":
            yield from _avi_packets(data, offset + _RIFF_LIST, min(end, length))
        if end > length:
            raise StructureError(f"chunk at byte {offset} ends after the end of the file")
        offset = end + size % 2


def _avi_packets(data: _Window, offset: int, end: int) -> Iterator[int]:
    """Yield the offsets of the chunks in a list of packets."""
    odd = 0
    while offset + _RIFF_CHUNK <= end:
        # Not all programs pad chunks of odd size.
        if odd and _AVI_PACKET.fullmatch(data.at(offset - 1, 4)):
            offset -= 1
        yield offset
        header = data.at(offset, _RIFF_CHUNK)
        name, size = header[:4], int.from_bytes(header[4:], "little")
        if not all(0x20 <= letter < 0x7F for letter in name):
            raise StructureError(f"no chunk at byte {offset}")
        if name == b"LIST":
            offset, odd = offset + _RIFF_LIST, 0
            continue
        odd = size % 2
        if offset + _RIFF_CHUNK + size > end:
            raise StructureError(f"chunk at byte {offset} ends after its list")
        offset += _RIFF_CHUNK + size + odd


def program_stream(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the packs and packets (ISO/IEC 13818-1, 2.5.3).

    The image of a video CD has headers of sectors in between; it is not followed.
    """
    data = _Window(fd)
    offset = data.at(0, _WINDOW).find(_START_CODE + bytes([_PACK]))
    if offset < 0 or data.at(0, 4) == b"RIFF":
        return
    while offset < length:
        yield offset
        header = data.at(offset, _PACK_BYTES)
        if not any(header[:3]):
            offset += _padding(data, offset)
            continue
        if header[:3] != _START_CODE or len(header) < 4 or header[3] < _MPEG_END:
            raise StructureError(f"no packet at byte {offset}")
        if header[3] in _MPEG_VIDEO and not any(header[4:6]):
            return  # a size that is not stated
        offset += _mpeg_size(header)
    if offset > length:
        raise StructureError("the last packet is cut off")


def _padding(data: _Window, offset: int) -> int:
    """Return how many zeros follow, but for those of the next start code."""
    block = data.at(offset, _MPEG_PADDING)
    zeros = len(block) - len(block.lstrip(b"\0"))
    if zeros == _MPEG_PADDING:
        raise StructureError(f"no packet at byte {offset}")
    return zeros if zeros == len(block) else zeros - 2


def _mpeg_size(header: bytes) -> int:
    if header[3] == _MPEG_END:
        return 4
    if header[3] != _PACK:
        return 6 + int.from_bytes(header[4:6], "big")
    if len(header) < _PACK_BYTES or header[4] >> 6 != 1:
        return _OLD_PACK_BYTES
    return _PACK_BYTES + (header[-1] & 7)


def ogg(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the pages (RFC 3533, 6)."""
    data, offset = _Window(fd), 0
    while offset < length:
        yield offset
        header = data.at(offset, _OGG_HEADER)
        if header[:4] != b"OggS"[: len(header)]:
            raise StructureError(f"no page at byte {offset}")
        offset += _OGG_HEADER
        if len(header) == _OGG_HEADER:
            segments = data.at(offset, header[-1])
            offset += header[-1] + sum(segments)
    if offset > length:
        raise StructureError("the last page is cut off")


def flv(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the tags, each of which has its size behind it."""
    data = _Window(fd)
    offset = int.from_bytes(data.at(5, 4), "big") + 4
    while offset < length:
        yield offset
        header = data.at(offset, _FLV_TAG)
        if header[0] & _FLV_TYPE_BITS not in _FLV_TYPES or any(header[8:]):
            raise StructureError(f"no tag at byte {offset}")
        offset += _FLV_TAG + int.from_bytes(header[1:4], "big") + 4
    if offset - 4 > length:
        raise StructureError("the last tag is cut off")


def asf(fd: int, length: int) -> Iterator[int]:
    """Yield the offsets of the outermost objects, and of blocks of data packets.

    It ends at an object of unknown size, and at the packets of a live recording.
    """
    data, offset, live, packet = _Window(fd), 0, False, 0
    while offset + _ASF_OBJECT <= length:
        yield offset
        header = data.at(offset, _ASF_OBJECT)
        if not any(header[:16]):
            raise StructureError(f"no object at byte {offset}")
        size = int.from_bytes(header[16:], "little")
        if not offset:
            live, packet = _asf_properties(data.at(0, min(size, _ASF_HEADER_MOST)))
        if live and header[:16] == _ASF_DATA:
            return
        end = offset + size
        if header[:16] == _ASF_DATA and packet:
            yield from rows(fd, offset + _ASF_DATA_HEADER, min(end, length), packet)
        if size < _ASF_OBJECT:
            return
        if end > length:
            yield length
            raise StructureError(f"object at byte {offset} ends after the end of the file")
        offset = end


def _asf_properties(header: bytes) -> tuple[bool, int]:
    """Return whether it is a live recording, and how many bytes each data packet has."""
    at = header.find(_ASF_FILE_PROPERTIES)
    if at < 0:
        return False, 0
    flags, packet = header[at:][_ASF_FLAGS], header[at:][_ASF_PACKET_SIZE]
    return bool(flags[0] & 1) if flags else False, int.from_bytes(packet, "little")


def rows(fd: int, offset: int, end: int, size: int) -> Iterator[int]:
    """Yield the offsets of blocks of packets of one size, all of which begin with the same byte."""
    first = os.pread(fd, 1, offset)
    per_block = max(1, _ROWS // size)
    while offset < end:
        yield offset
        begins = os.pread(fd, min(per_block * size, end - offset), offset)[::size]
        if begins.strip(first):
            at = offset + size * (len(begins) - len(begins.lstrip(first)))
            yield at
            raise StructureError(f"no packet at byte {at}")
        offset += size * len(begins)
