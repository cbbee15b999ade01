"""Transport streams, packet by packet (ISO/IEC 13818-1)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from vpo.probe import mpegts


def packet(pid: int, payload: bytes, adaptation: int = 0) -> bytes:
    """One packet in which a table begins, behind ``adaptation`` bytes of adaptation field."""
    field = bytes([adaptation - 1]) + bytes(adaptation - 1) if adaptation else b""
    head = bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x30 if adaptation else 0x10])
    return (head + field + payload).ljust(188, b"\xff")


def association(*programs: tuple[int, int]) -> bytes:
    """A program association table: (program number, PID of its map)."""
    body = b"".join(n.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big") for n, pid in programs)
    length = (0xB000 | 5 + len(body) + 4).to_bytes(2, "big")
    return b"\0" + b"\0" + length + bytes(5) + body + bytes(4)


MAP = b"\0\x02"


def program_map(*streams: tuple[int, int, bytes]) -> bytes:
    """A program map with a pointer before it: (stream type, PID, descriptors)."""
    body = b"".join(
        bytes([kind]) + (0xE000 | pid).to_bytes(2, "big") + (0xF000 | len(more)).to_bytes(2, "big")
        + more
        for kind, pid, more in streams
    )  # fmt: skip
    length = (0xB000 | 9 + len(body) + 4).to_bytes(2, "big")
    return MAP + length + bytes(7) + b"\xf0\0" + body + bytes(4)


def read(tmp_path: Path, data: bytes) -> tuple[int, int]:
    """The size of a packet, and the number of programs."""
    path = tmp_path / "x.ts"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        return mpegts.packet_size(fd), mpegts.programs(fd)
    finally:
        os.close(fd)


def timed(data: bytes) -> bytes:
    packets: Iterator[bytes] = (data[n : n + 188] for n in range(0, len(data), 188))
    return b"".join(bytes(4) + item for item in packets)


@pytest.mark.parametrize("adaptation", [0, 1, 20])
def test_mpegts_programs_are_counted(tmp_path: Path, adaptation: int) -> None:
    table = packet(0, association((0, 0x10), (1, 0x100), (2, 0x1FF0)), adaptation)
    data = table + packet(0x100, MAP) + packet(0x1FF0, MAP)
    assert read(tmp_path, data) == (188, 2)
    assert read(tmp_path, timed(data)) == (192, 2)


def test_programs_leaves_out_announced_programs(tmp_path: Path) -> None:
    data = packet(0, association((1, 0x100), (2, 0x200))) + packet(0x100, MAP) * 3
    assert read(tmp_path, data) == (188, 1)


@pytest.mark.parametrize("data", [b"", b"\x47", b"\0" * 1000, packet(0, b""), packet(0, b"\xff\0")])
def test_programs_ignores_malformed_tables(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == (188, 0)


def test_programs_and_packet_size_of_ffmpeg_streams(corpus: Path, tmp_path: Path) -> None:
    source = corpus / "broadcast.ts"
    assert read(tmp_path, source.read_bytes()) == (188, 1)
    copied = ("ffmpeg", "-v", "error", "-i", source, "-map", "0", "-c", "copy")
    two, disc = tmp_path / "two.ts", tmp_path / "disc.m2ts"
    subprocess.run((*copied, "-program", "st=0:st=1", "-program", "st=2", two), check=True)
    assert read(tmp_path, two.read_bytes()) == (188, 2)
    subprocess.run((*copied, "-mpegts_m2ts_mode", "1", disc), check=True)
    assert read(tmp_path, disc.read_bytes()) == (192, 1)


KINDS = [
    (0x1B, 0x101, b"", "type_0x1b"),
    (0x06, 0x102, b"\x0a\x04ger\0\x56\x05ger\x10\x00", "dvb_teletext"),
    (0x06, 0x103, b"\x59\x08ger\x10\0\1\0\1", "dvb_subtitle"),
    (0x06, 0x104, b"", "bin_data"),
    (0x06, 0x105, b"\x05\x04KLVA", "smpte_klv"),
    (0x05, 0x106, b"\x6f\x03\0\x10\xe1", "ait"),
    (0x05, 0x107, b"", "private_sections"),
    (0x0B, 0x108, b"", "dsmcc"),
    (0x86, 0x109, b"\x05\x04CUEI", "scte_35"),
    (0x91, 0x10A, b"", "hdmv_igs"),
]


def test_kinds_of_data_are_read_from_a_program_map_in_several_packets(tmp_path: Path) -> None:
    filler = (0x03, 0x1FF, b"\x52\xc8" + bytes(200))
    table = program_map(filler, *(row[:3] for row in KINDS))
    parts = [table[:100], table[100:284], table[284:]]
    start = bytes([0x47, 0x41, 0, 0x30, 83]) + bytes(83) + parts[0]
    rest = [bytes([0x47, 0x01, 0, 0x10]) + part.ljust(184, b"\xff") for part in parts[1:]]
    packets = [packet(0, association((1, 0x100))), start, rest[0], rest[1]]
    path = tmp_path / "x.ts"
    path.write_bytes(b"".join(packets))
    with path.open("rb") as file:
        found = mpegts.stream_kinds(file.fileno())
    assert {pid: found[pid] for _, pid, _, _ in KINDS} == {pid: kind for _, pid, _, kind in KINDS}
    assert found[0x12] == "epg"


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_a_broken_program_map_names_what_can_be_read(tmp_path: Path, length: int) -> None:
    table = program_map(*(row[:3] for row in KINDS))[:length]
    path = tmp_path / "x.ts"
    path.write_bytes(packet(0, association((1, 0x100))) + packet(0x100, table))
    with path.open("rb") as file:
        assert mpegts.stream_kinds(file.fileno())[0x12] == "epg"
