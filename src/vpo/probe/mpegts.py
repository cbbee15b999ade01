"""Programs, kinds of data and packet size of an MPEG transport stream: PyAV reports none of them.

Packets and tables are those of ISO/IEC 13818-1; packets of Blu-ray and AVCHD (``.m2ts``) are
preceded by four bytes with their time of arrival.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

_SYNC = 0x47
PLAIN = 188
"""Bytes of a packet without a time of arrival."""
_WITH_TIME = 192
_LONGEST_SECTION = 1 + 255 + 1024
"""Bytes of a pointer, of what it skips, and of a program map."""
_GUIDE_PID = 0x12
"""Where the programme guide is (EN 300 468, table 1)."""
_REGISTRATION = 0x05
_PRIVATE_SECTIONS, _PRIVATE_PACKETS = 0x05, 0x06
_TYPES = {
    _PRIVATE_SECTIONS: "private_sections",
    _PRIVATE_PACKETS: "bin_data",
    **dict.fromkeys(range(0x0A, 0x0E), "dsmcc"),
    0x15: "timed_id3",
    0x86: "scte_35",
    0x91: "hdmv_igs",
    0x92: "hdmv_text_subtitle",
}
"""Stream types (ISO/IEC 13818-1, table 2-34; SCTE 35, 8.1; Blu-ray)."""
_DESCRIBED = {0x56: "dvb_teletext", 0x59: "dvb_subtitle", 0x6F: "ait"}
"""Descriptors that say what a private stream is (EN 300 468, table 12; TS 102 809)."""
_SEARCHED = 4 << 20
"""Bytes from the start to search for the tables, which are sent several times a second."""


def packet_size(fd: int) -> int:
    """Return 188, or 192 if each packet has its time of arrival."""
    head = os.pread(fd, 3 * _WITH_TIME, 0)
    offsets = [4 + n * _WITH_TIME for n in range(3)]
    timed = len(head) > offsets[-1] and all(head[offset] == _SYNC for offset in offsets)
    return _WITH_TIME if timed else PLAIN


def programs(fd: int) -> int:
    """Return the number of programs in the stream, without those that are only announced.

    Recorders often keep the table of the whole channel and drop the other programs.
    """
    return len(_program_maps(fd))


def stream_kinds(fd: int) -> dict[int, str]:
    """Return what the streams are that hold no audio or video, by PID.

    Names are those of ffmpeg's codecs, where it has one; of others they are the stream type.
    """
    kinds = {_GUIDE_PID: "epg"}
    for section in _program_maps(fd):
        kinds |= {pid: _kind(number, more) for pid, number, more in _streams(section)}
    return kinds


def _program_maps(fd: int) -> list[bytes]:
    """Return the program maps (2.4.4.8), each from its stream's first section."""
    tables: dict[int, bytes] = {}
    wanted: set[int] = set()
    for pid, begins, payload in _payloads(fd):
        if begins:
            tables.setdefault(pid, payload)
        elif len(tables.get(pid, bytes(_LONGEST_SECTION))) < _LONGEST_SECTION:
            tables[pid] += payload
        if pid == 0 and not wanted:
            wanted = set(_program_pids(_section(tables.get(0, b""))))
        elif pid in wanted and all(_is_complete(tables.get(each, b"")) for each in wanted):
            break
    return [_section(tables[pid]) for pid in sorted(wanted & tables.keys())]


def _payloads(fd: int) -> Iterator[tuple[int, bool, bytes]]:
    """Yield the packets with a payload: PID, whether a table or a frame begins, and payload."""
    size = packet_size(fd)
    data = os.pread(fd, _SEARCHED, 0)
    for at in range(size - PLAIN, len(data) - PLAIN + 1, size):
        head = data[at : at + 5]
        if head[0] == _SYNC and head[3] & 0x10:
            skip = 5 + head[4] if head[3] & 0x20 else 4
            pid = int.from_bytes(head[1:3], "big") & 0x1FFF
            yield pid, bool(head[1] & 0x40), data[at + skip : at + PLAIN]


def _section(payload: bytes) -> bytes:
    """Return the section behind the pointer at the start of a payload."""
    return payload[1 + payload[0] :] if payload else b""


def _is_complete(payload: bytes) -> bool:
    section = _section(payload)
    return len(section) >= 3 and len(section) >= 3 + (int.from_bytes(section[1:3], "big") & 0xFFF)


def _program_pids(section: bytes) -> Iterator[int]:
    """Yield the PIDs of the program maps in a program association table (2.4.4.3)."""
    if len(section) < 8 or section[0] != 0:
        return
    end = 3 + (int.from_bytes(section[1:3], "big") & 0xFFF) - 4
    for at in range(8, min(end, len(section) - 3), 4):
        if section[at : at + 2] != b"\0\0":
            yield int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF


def _streams(section: bytes) -> Iterator[tuple[int, int, dict[int, bytes]]]:
    """Yield the streams of a program map: PID, type, and descriptors by their tags."""
    if len(section) < 12 or section[0] != 2:
        return
    end = min(len(section), 3 + (int.from_bytes(section[1:3], "big") & 0xFFF) - 4)
    at = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
    while at + 5 <= end:
        size = int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF
        pid = int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF
        yield pid, section[at], _descriptors(section[at + 5 : at + 5 + size])
        at += 5 + size


def _descriptors(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 2 <= len(data):
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def _kind(stream_type: int, descriptors: dict[int, bytes]) -> str:
    if descriptors.get(_REGISTRATION) == b"KLVA":
        return "smpte_klv"
    if stream_type in (_PRIVATE_SECTIONS, _PRIVATE_PACKETS):
        named = (name for tag, name in _DESCRIBED.items() if tag in descriptors)
        return next(named, _TYPES[stream_type])
    return _TYPES.get(stream_type, f"type_{stream_type:#04x}")
