"""EBML elements in memory (RFC 8794): what is in one that was read as a whole."""

from __future__ import annotations

import struct

Items = list[tuple[int, bytes]]
"""The id and the data of elements, in order."""


class StructureError(ValueError):
    """The bytes are not the structure that EBML or Matroska prescribes."""


def items(data: bytes) -> Items:
    """The elements one behind the other; ``StructureError`` where they are not."""
    found: Items = []
    at, end = 0, len(data)
    while at < end:
        identity, start = _variable(data, at, keep=True)
        size, start = _variable(data, start, keep=False)
        at = start + size
        if at > end:
            raise StructureError("an element ends behind the one that it is in")
        found.append((identity, data[start:at]))
    return found


def _variable(data: bytes, at: int, keep: bool) -> tuple[int, int]:
    """A number of variable size (RFC 8794, 4) and where it ends; ids keep the length's marker."""
    if at >= len(data) or not data[at]:
        raise StructureError("not an element")
    end = at + 9 - data[at].bit_length()
    value = int.from_bytes(data[at:end], "big")
    return (value if keep else value & ((1 << 7 * (end - at)) - 1)), end


def uint(data: bytes) -> int:
    """An unsigned number; nothing is 0."""
    return int.from_bytes(data[:8], "big")


def real(data: bytes) -> float:
    """A floating-point number; 0 for what is none, or is beyond anything that is measured."""
    if len(data) not in (4, 8):
        return 0.0
    value: float = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    return value if abs(value) < 1e9 else 0.0


def text(data: bytes) -> str:
    """Text, which may be padded with zeros."""
    return data.split(b"\0")[0].decode("utf-8", "replace")
