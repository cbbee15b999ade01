"""The elements of a file are followed to its end, and no further than it has been read."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.probe.ebml import StructureError
from vpo.probe.structure_walk import StructureWalk

EBML = b"\x1a\x45\xdf\xa3\x80"
LIVE_SEGMENT = b"\x18\x53\x80\x67\xff"
LIVE_CLUSTER = b"\x1f\x43\xb6\x75\xff"
BLOCK = b"\xa3\x84\x81\0\0\0"
MATROSKA = EBML + LIVE_SEGMENT + LIVE_CLUSTER + BLOCK + LIVE_CLUSTER + BLOCK
MOVI = b"LIST" + (6).to_bytes(4, "little") + b"movi\1\2"
INDEX = b"idx1" + (2).to_bytes(4, "little") + b"\1\2"
AVI = b"RIFF" + (40).to_bytes(4, "little") + b"AVI " + MOVI + INDEX
PACKET = b"\x47" + bytes(187)
TIMED = b"\0\0\0\1" + PACKET


def walk(data: bytes, container: str, folder: Path, position: int | None = None) -> None:
    path = folder / "file"
    path.write_bytes(data)
    with path.open("rb") as file:
        StructureWalk(file.fileno(), container).follow(len(data) if position is None else position)


@pytest.mark.parametrize(
    ("data", "container"),
    [
        (MATROSKA, "matroska,webm"),
        (AVI, "avi"),
        (AVI + b"TAGartist and title", "avi"),
        (MOVI[:4] + bytes(4) + b"movi of a recording", "avi"),
        (PACKET * 10, "mpegts"),
        (PACKET * 5000, "mpegts"),
        (TIMED * 10, "mpegts"),
        ((PACKET + bytes(16)) * 10, "mpegts"),
        (PACKET[100:] + PACKET * 10, "mpegts"),
        (bytes(500), "mov,mp4,m4a,3gp,3g2,mj2"),
    ],
)
def test_whole_files_are_followed_to_the_end(data: bytes, container: str, tmp_path: Path) -> None:
    walk(data, container, tmp_path)


@pytest.mark.parametrize(
    ("data", "container"),
    [
        (MATROSKA[:-1], "matroska,webm"),
        (MATROSKA + bytes(20), "matroska,webm"),
        (EBML + LIVE_SEGMENT + bytes(9) + LIVE_CLUSTER, "matroska,webm"),
        (AVI[:-1], "avi"),
        (AVI[: -len(INDEX)] + bytes(len(INDEX)), "avi"),
        (PACKET * 10 + PACKET[:-1], "mpegts"),
        (TIMED * 10 + TIMED[:-1], "mpegts"),
        (PACKET * 5 + bytes(188) + PACKET * 5, "mpegts"),
        (PACKET * 5 + PACKET[9:] + PACKET * 5, "mpegts"),
        (PACKET * 4096 + bytes(188), "mpegts"),
    ],
)
def test_files_that_are_not_whole_break_off(data: bytes, container: str, tmp_path: Path) -> None:
    with pytest.raises(StructureError):
        walk(data, container, tmp_path)


def test_what_has_not_been_read_is_not_followed(tmp_path: Path) -> None:
    walk(MATROSKA[:-1], "matroska,webm", tmp_path, len(MATROSKA) - len(BLOCK))
    with pytest.raises(StructureError):
        walk(MATROSKA[:-1], "matroska,webm", tmp_path, len(MATROSKA) - len(BLOCK) + 1)
