"""What the packets of an MPEG transport stream say, where no probing library tells.

Packets and tables are those of ISO/IEC 13818-1; those of Blu-ray and AVCHD (``.m2ts``) have four
bytes more in front, with the time of arrival.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

_SYNC = 0x47
PLAIN = 188
"""Bytes of a packet that has no time in front."""
_WITH_TIME = 192
_LOOKED_AT = 4 << 20
"""Bytes from the start in which the tables must come; they are sent several times a second."""


def packet_size(fd: int) -> int:
    """188, or 192 where each packet has its time of arrival."""
    head = os.pread(fd, 3 * _WITH_TIME, 0)
    places = [4 + n * _WITH_TIME for n in range(3)]
    timed = len(head) > places[-1] and all(head[place] == _SYNC for place in places)
    return _WITH_TIME if timed else PLAIN


def programs(fd: int) -> int:
    """How many programs are in the stream; those that are only announced do not count.

    Recorders often leave the table of the whole channel and cut the other programs out.
    """
    tables: dict[int, bytes] = {}
    for pid, payload in _starts(fd):
        tables.setdefault(pid, payload)
    return len(set(_program_pids(tables.get(0, b""))) & tables.keys())


def _starts(fd: int) -> Iterator[tuple[int, bytes]]:
    """(PID, payload) of the packets in which a table or a frame begins."""
    size = packet_size(fd)
    data = os.pread(fd, _LOOKED_AT, 0)
    for at in range(size - PLAIN, len(data) - PLAIN + 1, size):
        packet = data[at : at + PLAIN]
        if packet[0] != _SYNC or not packet[1] & 0x40 or not packet[3] & 0x10:
            continue
        skip = 5 + packet[4] if packet[3] & 0x20 else 4
        yield int.from_bytes(packet[1:3], "big") & 0x1FFF, packet[skip:]


def _program_pids(payload: bytes) -> Iterator[int]:
    """The PIDs of the program maps that a program association table names (2.4.4.3)."""
    section = payload[1 + payload[0] :] if payload else b""
    if len(section) < 8 or section[0] != 0:
        return
    end = 3 + (int.from_bytes(section[1:3], "big") & 0xFFF) - 4
    for at in range(8, min(end, len(section) - 3), 4):
        if section[at : at + 2] != b"\0\0":
            yield int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF
