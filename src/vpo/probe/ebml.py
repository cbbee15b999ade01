"""EBML elements in memory (RFC 8794): what is in one that was read as a whole."""

from __future__ import annotations

import struct

Items = list[tuple[int, bytes]]
"""The id and the data of elements, in order."""


class StructureError(ValueError):
    """The bytes are not the structure that EBML or Matroska prescribes."""


_WIDTHS = (1 << 32, *(9 - first.bit_length() for first in range(1, 256)))
"""How many bytes a number of variable size has, by its first one (RFC 8794, 4.1); none begins with
0. The first of an id belongs to the id as it is."""


def items(data: bytes) -> Items:
    """The elements one behind the other; ``StructureError`` where they are not."""
    found: Items = []
    at, end = 0, len(data)
    while at < end:
        field = at + _WIDTHS[data[at]]
        start = field + _WIDTHS[data[field]] if field < end else end + 1
        if start > end:
            raise StructureError("not an element")
        size = int.from_bytes(data[field:start], "big") & ((1 << 7 * (start - field)) - 1)
        if start + size > end:
            raise StructureError("an element ends behind the one that it is in")
        found.append((int.from_bytes(data[at:field], "big"), data[start : start + size]))
        at = start + size
    return found


def read_uint(data: bytes) -> int:
    """An unsigned number; nothing is 0."""
    return int.from_bytes(data[:8], "big")


def read_float(data: bytes) -> float:
    """A floating-point number; 0 for what is none, or is beyond anything that is measured."""
    if len(data) not in (4, 8):
        return 0.0
    value: float = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    return value if abs(value) < 1e9 else 0.0


def read_text(data: bytes) -> str:
    """Text, which may be padded with zeros."""
    return data.split(b"\0")[0].decode("utf-8", "replace")
