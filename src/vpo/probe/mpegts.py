"""Programs and packet size of an MPEG transport stream, which no probing library reports.

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
    tables: dict[int, bytes] = {}
    for pid, payload in _starts(fd):
        tables.setdefault(pid, payload)
    return len(set(_program_pids(tables.get(0, b""))) & tables.keys())


def _starts(fd: int) -> Iterator[tuple[int, bytes]]:
    """Yield (PID, payload) of the packets in which a table or a frame begins."""
    size = packet_size(fd)
    data = os.pread(fd, _SEARCHED, 0)
    for at in range(size - PLAIN, len(data) - PLAIN + 1, size):
        packet = data[at : at + PLAIN]
        if packet[0] != _SYNC or not packet[1] & 0x40 or not packet[3] & 0x10:
            continue
        skip = 5 + packet[4] if packet[3] & 0x20 else 4
        yield int.from_bytes(packet[1:3], "big") & 0x1FFF, packet[skip:]


def _program_pids(payload: bytes) -> Iterator[int]:
    """Yield the PIDs of the program maps in a program association table (2.4.4.3)."""
    section = payload[1 + payload[0] :] if payload else b""
    if len(section) < 8 or section[0] != 0:
        return
    end = 3 + (int.from_bytes(section[1:3], "big") & 0xFFF) - 4
    for at in range(8, min(end, len(section) - 3), 4):
        if section[at : at + 2] != b"\0\0":
            yield int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF
