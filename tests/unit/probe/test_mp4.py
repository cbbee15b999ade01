"""The boxes of MP4 and QuickTime, made byte by byte from ISO/IEC 14496-12."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from vpo.probe import mp4

UPRIGHT = (1, 0, 0, 1)


def box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", 8 + len(data)) + kind + data


def track(
    *extra: bytes,
    matrix: tuple[int, int, int, int] = UPRIGHT,
    kind: bytes = b"hvc1",
    handler: bytes = b"vide",
    version: int = 0,
) -> bytes:
    """A track of 1920x1080; ``matrix`` are a, b, c, d of its transformation."""
    a, b, c, d = (value << 16 for value in matrix)
    places = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    times = bytes(16 if version else 8)
    tail = bytes(12 if version else 8) + bytes(16)
    head = bytes([version, 0, 0, 1]) + times + struct.pack(">I", 7) + bytes(4) + tail[4:]
    sample = box(kind, bytes(24), struct.pack(">2H", 1920, 1080), bytes(50), *extra)
    return box(
        b"trak",
        box(b"tkhd", head + places + bytes(8)),
        box(
            b"mdia",
            box(b"hdlr", bytes(8), handler, bytes(13)),
            box(b"minf", box(b"stbl", box(b"stsd", bytes(4), struct.pack(">I", 1), sample))),
        ),
    )


def entries(tmp_path: Path, data: bytes) -> tuple[mp4.Mp4Track, ...]:
    path = tmp_path / "x.mp4"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        return mp4.read_tracks(fd)
    finally:
        os.close(fd)


def facts(tmp_path: Path, data: bytes) -> dict[str, str]:
    (entry,) = entries(tmp_path, box(b"ftyp", b"isom") + box(b"moov", data))
    assert (entry.id, entry.tag) == (7, "hvc1")
    return dict(entry.side_data)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (UPRIGHT, None),
        ((0, 1, -1, 0), "90"),
        ((-1, 0, 0, -1), "180"),
        ((0, -1, 1, 0), "270"),
        ((-1, 0, 0, 1), "mirrored 180"),
    ],
)
def test_mp4_rotation_is_read_from_matrix(
    tmp_path: Path, matrix: tuple[int, int, int, int], said: str | None, version: int
) -> None:
    assert facts(tmp_path, track(matrix=matrix, version=version)).get("rotation") == said


DISPLAY = struct.pack(">8H2I", *range(8), 10_000_000, 50)
"""Ten primaries of no matter, then 1000 cd/m² and 0.005 in steps of 0.0001."""


@pytest.mark.parametrize(
    ("extra", "fact", "value"),
    [
        (box(b"mdcv", DISPLAY), "mastering", "0.005-1000"),
        (box(b"clli", struct.pack(">2H", 1000, 400)), "light_levels", "1000/400"),
        (box(b"CoLL", bytes(4), struct.pack(">2H", 900, 300)), "light_levels", "900/300"),
        (box(b"dvvC", bytes([1, 0, 8 << 1, 0, 1 << 4])), "dolby_vision", "8.1"),
        (box(b"dvcC", bytes([1, 0, 5 << 1, 0, 0])), "dolby_vision", "5.0"),
        (box(b"hvcE", b"x"), "dolby_vision_layer", "hvcE"),
        (box(b"lhvC", bytes(6)), "spatial", "MV-HEVC"),
        (box(b"st3d", bytes([0, 0, 0, 0, 2])), "stereo", "side by side"),
        (box(b"st3d", bytes([0, 0, 0, 0, 0])), "stereo", None),
        (box(b"sv3d", box(b"proj", box(b"equi"))), "projection", "equirectangular"),
        (box(b"clap", struct.pack(">8I", 1440, 1, 1080, 1, 0, 1, 0, 1)), "crop", "1440x1080"),
        (box(b"clap", struct.pack(">8I", 1920, 1, 1080, 1, 0, 1, 0, 1)), "crop", None),
        (box(b"clli", b"x"), "light_levels", None),
    ],
)
def test_mp4_side_data_boxes_are_read(
    tmp_path: Path, extra: bytes, fact: str, value: str | None
) -> None:
    other = box(b"hvcC", bytes(30))
    assert facts(tmp_path, track(other, extra)).get(fact) == value


def test_side_data_of_audio_is_empty(tmp_path: Path) -> None:
    turned = track(matrix=(0, 1, -1, 0), kind=b"tmcd", handler=b"tmcd")
    assert entries(tmp_path, box(b"moov", turned)) == (mp4.Mp4Track(7, "tmcd"),)


def test_read_tracks_accepts_64_bit_and_open_ended_box_sizes(tmp_path: Path) -> None:
    moov = track()
    long = struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 16 + len(moov)) + moov
    rest = struct.pack(">I", 0) + b"moov" + moov
    assert len(entries(tmp_path, long)) == len(entries(tmp_path, rest)) == 1


@pytest.mark.parametrize("length", range(0, 400, 7))
def test_read_tracks_ignores_truncated_boxes(tmp_path: Path, length: int) -> None:
    data = box(b"moov", track(box(b"mdcv", DISPLAY), matrix=(0, 1, -1, 0)))
    assert len(entries(tmp_path, data[:length])) <= 1
    # The outer sizes hold, and what is in them breaks off.
    cut = struct.pack(">I", length + 8) + b"moov" + data[8 : 8 + length]
    assert len(entries(tmp_path, cut)) <= 1


@pytest.mark.parametrize(
    ("table", "total"),
    [
        (struct.pack(">3I", 0, 256, 3), 768),
        (struct.pack(">3I3I", 0, 0, 3, 10, 20, 5), 35),
        (struct.pack(">3I2I", 0, 0, 1 << 30, 10, 20), 30),
        (b"", 0),
    ],
)
def test_sample_bytes_adds_up_sample_sizes(tmp_path: Path, table: bytes, total: int) -> None:
    inside = box(b"mdia", box(b"minf", box(b"stbl", box(b"stsz", table))))
    path = tmp_path / "x.mp4"
    path.write_bytes(box(b"moov", box(b"trak", inside), box(b"trak", b"")))
    fd = os.open(path, os.O_RDONLY)
    try:
        assert mp4.sample_bytes(fd) == (total, 0)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("behind", "whole"),
    [
        (b"", True),
        (b"TAG" + bytes(125), True),
        (b"\0\0\x90\x08\x10\0\0\0data of a camera SEFT", True),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", True),
        (bytes(100), True),
        (b"\0\0\x10\0moov", False),
        (b"\0\0\x10\0sefd", False),
        (b"\0\0\0\x08moof" + b"TAG" + bytes(125), False),
        (b"\0\0\0\x08moof" + bytes(125), False),
    ],
)
def test_what_follows_the_boxes_of_a_whole_film_is_no_damage(
    tmp_path: Path, behind: bytes, whole: bool
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp\0\0\0\x0cmdatabcd\0\0\0\x08moov" + behind)
    with path.open("rb") as file:
        assert mp4.is_whole(file.fileno()) == whole
