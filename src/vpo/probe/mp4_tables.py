"""Whether the sample tables of an MP4 or QuickTime file agree (ISO/IEC 14496-12, 8.7)."""

from __future__ import annotations

import os
import struct
from itertools import pairwise

from vpo.probe.mp4 import Box, boxes_of, tracks

_RUN = struct.Struct(">3I")
_MOST = 16 << 20
"""The most bytes of a table that is read; one that is longer counts as right."""


def samples_left_out(fd: int) -> int:
    """Return how many samples have a size, but are in no chunk, or in one of an unknown kind.

    Readers leave them out without a word.
    """
    return sum(_left_out(fd, boxes_of(fd, track)) for track in tracks(fd))


def _left_out(fd: int, boxes: dict[bytes, Box]) -> int:
    sizes = boxes.get(b"stsz") or boxes.get(b"stz2")
    runs, chunks = boxes.get(b"stsc"), boxes.get(b"stco") or boxes.get(b"co64")
    if sizes is None or runs is None or chunks is None or runs.end - runs.data > _MOST:
        return 0
    table = os.pread(fd, runs.end - runs.data, runs.data)[8:]
    found = list(_RUN.iter_unpack(table[: len(table) // _RUN.size * _RUN.size]))
    last = (_number(fd, chunks.data + 4) + 1, 0, 0)
    kinds = _number(fd, boxes[b"stsd"].data + 4) if b"stsd" in boxes else 0
    held = sum(
        (after[0] - first) * each
        for (first, each, kind), after in pairwise([*found, last])
        if kind <= kinds
    )
    return max(0, _number(fd, sizes.data + 8) - int(held))


def _number(fd: int, offset: int) -> int:
    return int.from_bytes(os.pread(fd, 4, offset), "big")
