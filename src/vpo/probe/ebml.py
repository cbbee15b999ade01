"""Parsing of EBML elements in memory (RFC 8794): the children of one that was read as a whole."""

from __future__ import annotations

import struct

Items = list[tuple[int, bytes]]
"""The id and the data of elements, in order."""


class StructureError(ValueError):
    """The bytes do not have the structure of EBML or Matroska."""


WIDTHS = (1 << 32, *(9 - first.bit_length() for first in range(1, 256)))
"""The bytes of a variable-size number by its first byte (RFC 8794, 4.1), which is never 0. In an
id, the length marker is part of the id."""


def items(data: bytes) -> Items:
    """Return consecutive elements; ``StructureError`` if the bytes are something else."""
    found: Items = []
    at, end = 0, len(data)
    while at < end:
        field = at + WIDTHS[data[at]]
        start = field + WIDTHS[data[field]] if field < end else end + 1
        if start > end:
            raise StructureError("not an element")
        size = int.from_bytes(data[field:start], "big") & ((1 << 7 * (start - field)) - 1)
        if start + size > end:
            raise StructureError("an element ends after its parent")
        found.append((int.from_bytes(data[at:field], "big"), data[start : start + size]))
        at = start + size
    return found


def read_uint(data: bytes) -> int:
    """Return an unsigned integer; no bytes are 0."""
    return int.from_bytes(data[:8], "big")


def read_float(data: bytes) -> float:
    """Return a floating-point number; 0 if it is malformed or implausibly large."""
    if len(data) not in (4, 8):
        return 0.0
    value: float = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    return value if abs(value) < 1e9 else 0.0


def read_text(data: bytes) -> str:
    """Return text, which may be padded with zeros."""
    return data.split(b"\0")[0].decode("utf-8", "replace")
