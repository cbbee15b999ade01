"""Elements of EBML (RFC 8794) as they are written: one is changed, the bytes of others are kept."""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from vpo.probe.ebml import WIDTHS, StructureError, items

VOID, CRC = 0xEC, 0xBF
_LONGEST_SIZE = 8
_LEVELS = 16
"""Levels of elements in one another that are read: no file needs as many."""


class EbmlElement(NamedTuple):
    """An element: its id, the width of its size field in bytes, and its data."""

    id: int
    width: int
    data: bytes

    @property
    def length(self) -> int:
        """The bytes of the whole element."""
        return _id_width(self.id) + self.width + len(self.data)

    def encoded(self) -> bytes:
        return self.header(len(self.data)) + self.data

    def header(self, size: int) -> bytes:
        """Return the id and a size field of the element's width; ``StructureError``: too narrow."""
        if size_width(size) > self.width:
            raise StructureError(f"{size:,} bytes need a longer size field")
        field = (1 << 7 * self.width) | size
        return self.id.to_bytes(_id_width(self.id), "big") + field.to_bytes(self.width, "big")

    def with_data(self, data: bytes) -> EbmlElement:
        """Return the element with other data; the size field keeps its width if it can."""
        return self._replace(width=max(self.width, size_width(len(data))), data=data)

    def narrowed(self, parents: Container[int], levels: int = _LEVELS) -> EbmlElement:
        """Return the element with the shortest size fields, also of children that are parents.

        What is in it more than so many levels deep is kept as it is.
        """
        if self.id not in parents or not levels:
            return self
        children = (child.narrowed(parents, levels - 1) for child in parse(self.data))
        return new_element(self.id, joined(children))

    def resized(self, length: int) -> EbmlElement | None:
        """Return the element with a size field that gives it this length; ``None`` if none does."""
        width = length - _id_width(self.id) - len(self.data)
        if not size_width(len(self.data)) <= width <= _LONGEST_SIZE:
            return None
        return self._replace(width=width)


def new_element(identity: int, data: bytes) -> EbmlElement:
    """Return an element with the shortest size field."""
    return EbmlElement(identity, size_width(len(data)), data)


def parse(data: bytes) -> list[EbmlElement]:
    """Return consecutive elements; ``StructureError`` if the bytes are something else."""
    found: list[EbmlElement] = []
    at = 0
    for identity, content in items(data):
        field = at + WIDTHS[data[at]]
        width = WIDTHS[data[field]]
        found.append(EbmlElement(identity, width, content))
        at = field + width + len(content)
    return found


def joined(elements: Iterable[EbmlElement]) -> bytes:
    """Return the data of a parent with these children; a CRC-32 that comes first is made true."""
    listed = list(elements)
    if not listed:
        return b""
    first, *others = listed
    rest = b"".join(element.encoded() for element in others)
    if first.id == CRC:
        # RFC 8794, 11.3.1: of all data of the parent but this element, little-endian.
        first = first.with_data(zlib.crc32(rest).to_bytes(4, "little"))
    return first.encoded() + rest


def with_values(
    elements: Iterable[EbmlElement], values: Mapping[int, bytes | None]
) -> list[EbmlElement]:
    """Return children with other data by id, each once; ``None`` takes it out.

    What is not there yet comes last.
    """
    result: list[EbmlElement] = []
    missing = dict(values)
    for element in elements:
        if element.id not in values:
            result.append(element)
        elif (data := missing.pop(element.id, None)) is not None:
            result.append(element.with_data(data))
    return result + [new_element(key, data) for key, data in missing.items() if data is not None]


def void(length: int) -> bytes:
    """Return an empty element of this length, at least 2 bytes."""
    width = 1 if length - 2 < 127 else _LONGEST_SIZE
    return EbmlElement(VOID, width, bytes(length - 1 - width)).encoded()


def size_width(size: int) -> int:
    """Return the bytes of the shortest size field; all ones means an unknown size."""
    for width in range(1, _LONGEST_SIZE + 1):
        if size < (1 << 7 * width) - 1:
            return width
    raise StructureError("an element that is too large")


def uint(value: int) -> bytes:
    """Return the data of an unsigned integer, at least one byte."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _id_width(identity: int) -> int:
    return (identity.bit_length() + 7) // 8
