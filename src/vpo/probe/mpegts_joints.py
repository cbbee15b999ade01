"""Where the parts of a transport stream were joined, as by ``cat a.ts b.ts``.

The demuxer marks the packet before a joint as corrupt, as the count of transport packets jumps. It
is a joint, and no loss, only if nothing is missing of any stream: before it each has ended its last
packet (ISO/IEC 13818-1, 2.4.3.7), and behind the tables each begins with a new one. A packet whose
length is not stated ends in a transport packet with stuffing, as the next one begins in its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from vpo.probe.mpegts import PLAIN, packet_size

_WINDOW = 4 << 20
"""Bytes before and behind a joint in which each stream has a packet."""
_MOST_JUDGED = 50
"""How many corrupt packets of a file are looked at again: more are damage."""
_TABLE_PIDS = range(0x20)
"""Where the tables are that are no program maps (EN 300 468, table 1)."""
_NOTHING = 0x1FFF
_PREFIX = b"\0\0\1"
_HEADER = 6
"""Bytes of a packet before those that its length counts."""
_CLOCK = 6
"""Bytes of a clock reference, of which an adaptation field may have two."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """A transport packet: where it is, its stream and count, whether a packet or table begins."""

    at: int
    pid: int
    count: int
    begins: bool
    stuffed: bool
    payload: bytes

    @property
    def is_table(self) -> bool:
        return self.pid in _TABLE_PIDS or (self.begins and self.payload[:3] != _PREFIX)


class Joints:
    """Tells packets before a joint from those that are corrupt."""

    def __init__(self, fd: int, demuxer: str) -> None:
        self._fd, self._left = fd, _MOST_JUDGED if demuxer == "mpegts" else 0
        self._begins: dict[int, int] = {}

    def is_corrupt(self, packet: Any) -> bool:
        """Return whether the demuxer has marked a packet as corrupt, and not for a joint."""
        if self._left and packet.pos is not None:
            self._begins[packet.stream_index] = packet.pos  # unknown for what was packed with it
        if not packet.is_corrupt:
            return False
        begins = self._begins.get(packet.stream_index)
        if begins is None or not self._left:
            return True
        self._left -= 1
        return not is_joint(self._fd, begins)


def is_joint(fd: int, position: int) -> bool:
    """Return whether the packet that begins in the transport packet at a byte precedes a joint."""
    cells = list(_cells(fd, position, position + _WINDOW))
    if not cells or cells[0].at > position + PLAIN:
        return False
    jump = _first_jump(cells)
    tables = jump
    while tables and cells[tables - 1].is_table:
        tables -= 1
    if not any(cell.pid == 0 for cell in cells[tables:jump]):
        return False
    joint = cells[tables].at
    before = _cells(fd, max(0, joint - _WINDOW), joint)
    return _all_end(before) and _all_begin(cells[tables:])


def _first_jump(cells: list[_Cell]) -> int:
    """Return the number of the first cell whose count does not follow that of its stream; or 0."""
    pid, last = cells[0].pid, cells[0].count
    for number, cell in enumerate(cells[1:], 1):
        if cell.pid == pid:
            if cell.count != (last + 1) % 16:
                return number
            last = cell.count
    return 0


def _all_end(cells: Iterable[_Cell]) -> bool:
    """Return whether the last packet of each stream is whole."""
    left: dict[int, int | None] = {}
    stuffed: dict[int, bool] = {}
    for cell in cells:
        if cell.begins and not cell.is_table:
            stated = int.from_bytes(cell.payload[4:6], "big")
            left[cell.pid] = stated + _HEADER - len(cell.payload) if stated else None
        elif (rest := left.get(cell.pid)) is not None:
            left[cell.pid] = rest - len(cell.payload)
        stuffed[cell.pid] = cell.stuffed
    return bool(left) and all(
        stuffed[pid] if rest is None else rest == 0 for pid, rest in left.items()
    )


def _all_begin(cells: Iterable[_Cell]) -> bool:
    """Return whether the first thing of each stream is the beginning of a packet or table."""
    first: dict[int, bool] = {}
    for cell in cells:
        first.setdefault(cell.pid, cell.begins)
    return all(first.values())


def _cells(fd: int, start: int, end: int) -> Iterator[_Cell]:
    """Yield the transport packets with a payload in some bytes, on the grid of the file."""
    size = packet_size(fd)
    start -= start % size
    data = os.pread(fd, end - start, start)
    for at in range(size - PLAIN, len(data) - PLAIN + 1, size):
        head = data[at : at + 4]
        pid = int.from_bytes(head[1:3], "big") & 0x1FFF
        if head[3] & 0x10 and pid != _NOTHING:
            extra = 1 + data[at + 4] if head[3] & 0x20 else 0
            stuffed = bool(extra) and _is_stuffed(data[at + 4 : at + 4 + extra])
            payload = data[at + 4 + extra : at + PLAIN]
            yield _Cell(start + at, pid, head[3] & 15, bool(head[1] & 0x40), stuffed, payload)


def _is_stuffed(field: bytes) -> bool:
    """Return whether an adaptation field has stuffing (2.4.3.5); no for one with rare contents."""
    if len(field) == 1:
        return True
    flags = field[1]
    clocks = (flags >> 4 & 1) + (flags >> 3 & 1)
    return not flags & 3 and len(field) > 2 + _CLOCK * clocks + (flags >> 2 & 1)
