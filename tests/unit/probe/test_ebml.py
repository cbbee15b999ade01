"""Elements in memory, against what RFC 8794 says of their ids and sizes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpo.probe.ebml import StructureError, items, real, text, uint

IDS = st.sampled_from([0xEC, 0x4282, 0x22B59D, 0x1549A966])


def element(identity: int, data: bytes, width: int) -> bytes:
    """An element whose size is told in ``width`` bytes."""
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return name + (len(data) | 1 << 7 * width).to_bytes(width, "big") + data


@given(st.lists(st.tuples(IDS, st.binary(max_size=100), st.integers(1, 8)), max_size=6))
def test_items_parse_written_elements(parts: list[tuple[int, bytes, int]]) -> None:
    joined = b"".join(element(*part) for part in parts)
    assert items(joined) == [(identity, data) for identity, data, _ in parts]


@given(st.binary(max_size=60))
def test_items_parse_any_bytes_or_raise(data: bytes) -> None:
    try:
        found = items(data)
    except StructureError:
        return
    assert sum(len(inside) for _, inside in found) < max(1, len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\x00\x81x",
        b"\xec",
        b"\x42",
        b"\x42\x82",
        b"\xec\x00",
        b"\xec\x40",
        b"\xec\x82x",
        b"\xec\x81x\x00",
        b"\xec\xff",
        b"\xec\x01" + b"\xff" * 7,
    ],
    ids=bytes.hex,
)
def test_items_refuse_malformed_elements(data: bytes) -> None:
    with pytest.raises(StructureError):
        items(data)


def test_values_are_decoded() -> None:
    assert uint(b"") == 0
    assert uint(b"\x01\x00") == 256
    assert real(struct.pack(">f", 0.5)) == real(struct.pack(">d", 0.5)) == 0.5
    assert real(b"\0\0\0") == real(struct.pack(">d", float("nan"))) == 0.0
    assert text(b"eng\0\0") == "eng"
    assert text(b"\xff") == "\N{REPLACEMENT CHARACTER}"
