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
FRAME = b"00dc" + (4).to_bytes(4, "little") + b"\1\2\3\4"
ODD = b"01wb" + (3).to_bytes(4, "little") + b"\1\2\3"
INDEX = b"idx1" + (2).to_bytes(4, "little") + b"\1\2"
AVI = b"RIFF" + (40).to_bytes(4, "little") + b"AVI " + MOVI + INDEX
PACK = b"\0\0\1\xba\x44" + bytes(8) + b"\xf8"
PACKET_OF_PACK = b"\0\0\1\xe0\0\4\x80\0\0\1"
PROGRAM = (PACK + PACKET_OF_PACK) * 3
PAGE = b"OggS" + bytes(22) + b"\2\1\2" + b"\1\2\3"
FLV = b"FLV\1\5\0\0\0\x09" + bytes(4)
TAG = b"\x09\0\0\2" + bytes(7) + b"\1\2" + b"\0\0\0\x0d"
PACKET = b"\x47" + bytes(187)
TIMED = b"\0\0\0\1" + PACKET


def movi(chunks: bytes, size: int | None = None) -> bytes:
    """An AVI file with these chunks in its list of packets, and an index unless it is live."""
    stated = len(chunks) + 4 if size is None else size
    found = b"LIST" + stated.to_bytes(4, "little") + b"movi" + chunks
    return b"RIFF" + (40).to_bytes(4, "little") + b"AVI " + found + (INDEX if size is None else b"")


def asf(packets: int, stated: int, flags: int = 2) -> bytes:
    """A file of ASF with packets of 100 bytes, and so many as its header states."""
    properties = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365") + (104).to_bytes(8, "little")
    properties += bytes(64) + flags.to_bytes(4, "little") + (100).to_bytes(4, "little") + bytes(8)
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + (134).to_bytes(8, "little")
    data = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
    data += (50 + 100 * stated).to_bytes(8, "little") + bytes(26)
    return header + bytes(6) + properties + data + (b"\x82" + bytes(99)) * packets


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
        (movi(FRAME * 3 + ODD + b"\0" + FRAME), "avi"),
        (movi(b"LIST" + (28).to_bytes(4, "little") + b"rec " + FRAME * 2), "avi"),
        (movi(ODD + FRAME), "avi"),
        (movi(FRAME * 3, 0), "avi"),
        (movi(FRAME * 3, 0xFFFFFFFF), "avi"),
        (PROGRAM, "mpeg"),
        (PROGRAM + bytes(20) + PROGRAM + b"\0\0\1\xb9", "mpeg"),
        (PROGRAM + bytes(1) + PROGRAM + bytes(2), "mpeg"),
        (PROGRAM[5:] + bytes(9), "mpeg"),
        (b"RIFF" + bytes(40) + PROGRAM + bytes(20), "mpeg"),
        (PAGE * 3, "ogg"),
        (FLV + TAG * 3, "flv"),
        (asf(3, 3), "asf"),
        (asf(3, 0, flags=1), "asf"),
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
        (movi(FRAME + FRAME[5:] + FRAME), "avi"),
        (movi(FRAME + bytes(12) + FRAME), "avi"),
        (movi(FRAME * 3)[: -len(INDEX) - 9], "avi"),
        (movi(FRAME * 3, 0)[:-1], "avi"),
        (PROGRAM[:-1], "mpeg"),
        (PROGRAM + bytes(5000), "mpeg"),
        (PACK + PACKET_OF_PACK[3:] + PROGRAM, "mpeg"),
        ((PAGE * 3)[:-1], "ogg"),
        (PAGE + PAGE[4:] + PAGE, "ogg"),
        (PAGE * 3 + bytes(40), "ogg"),
        (FLV + (TAG * 3)[:-5], "flv"),
        (FLV + TAG + TAG[3:] + TAG, "flv"),
        (FLV + TAG + bytes(40), "flv"),
        (asf(2, 3), "asf"),
        (asf(3, 3)[:-1], "asf"),
        (asf(2, 3) + bytes(100), "asf"),
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
