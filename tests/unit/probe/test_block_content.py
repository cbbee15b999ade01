"""Matroska files that are read block by block have the content that a demuxer finds."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from vpo.probe import content as packet_reading
from vpo.probe.content import Content, read_content
from vpo.probe.ebml import StructureError
from vpo.probe.matroska import read_structure
from vpo.probe.matroska_blocks import FrameBlock, read_block_tracks, read_blocks
from vpo.probe.stream_content import StreamContent

EBML, SEGMENT, TRACKS, ENTRY = (
    b"\x1a\x45\xdf\xa3",
    b"\x18\x53\x80\x67",
    b"\x16\x54\xae\x6b",
    b"\xae",
)
CLUSTER, TIME, SIMPLE_BLOCK = b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3"
GROUP, BLOCK, DURATION, REFERENCE = b"\xa0", b"\xa1", b"\x9b", b"\xfb"
AT_TEN = b"\xe7\x81\x0a"
FRAMES = (b"a" * 300, b"b" * 255, b"c")


def ignore(part: float) -> None:
    """Nobody waits for it."""


def element(identity: bytes, data: bytes) -> bytes:
    return identity + (len(data) | 1 << 56).to_bytes(8, "big") + data


def block(flags: int, payload: bytes, identity: bytes = SIMPLE_BLOCK) -> bytes:
    """A block of track 1, five units after its cluster begins."""
    return element(identity, b"\x81\0\5" + bytes([flags]) + payload)


def read(folder: Path, inside: bytes, behind: bytes = b"", entry: bytes = b"") -> list[FrameBlock]:
    """Return the blocks of a file with one cluster."""
    path = folder / "film.mkv"
    tracks = element(TRACKS, element(ENTRY, b"\xd7\x81\1\x83\x81\2" + entry))
    path.write_bytes(
        element(EBML, b"\x42\x82\x84webm")
        + element(SEGMENT, tracks + element(CLUSTER, inside) + behind)
    )
    with path.open("rb") as file:
        structure = read_structure(file.fileno())
        read_block_tracks(file.fileno(), structure)
        return list(read_blocks(file.fileno(), structure, ignore))


def facts(stream: StreamContent) -> tuple[object, ...]:
    compared = (stream.times, stream.lengths, stream.digest.hexdigest())
    return (stream.type, stream.codec, stream.time_base, stream.packets, stream.size, *compared)


COMMON = ("attachments.mkv", "bitmap-subtitles.mkv", "hdr10.mkv", "late-subtitle.mkv")


def demuxed(path: Path) -> Content:
    """Return the content of a file as the demuxer has it."""

    def refuse(*_arguments: object) -> None:
        raise StructureError("not to be read block by block")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packet_reading, "BlockContent", refuse)
        return read_content(str(path), {}, ignore, copied=True)


def test_the_content_is_what_a_demuxer_finds(corpus: Path) -> None:
    for path in (corpus / name for name in (*COMMON, "home-cinema.mkv", "webvtt.mkv")):
        expected, found = demuxed(path), read_content(str(path), {}, ignore, copied=True)
        assert found.streams.keys() == expected.streams.keys(), path.name
        for index, stream in expected.streams.items():
            assert facts(found.streams[index]) == facts(stream), f"{path.name}, stream {index}"
            assert found.streams[index].seconds == pytest.approx(stream.seconds, abs=0.05)
        assert (found.files, found.zeros, found.errors) == (expected.files, [], [])


@pytest.mark.parametrize("name", COMMON)
def test_common_files_need_no_demuxer(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def demux(_reader: object, _beat: object) -> Content:
        raise AssertionError("a demuxer was asked")

    monkeypatch.setattr(packet_reading._Reader, "read", demux)
    assert read_content(str(corpus / name), {}, ignore, copied=True).streams


def test_a_demuxer_judges_what_is_damaged(corpus: Path, tmp_path: Path) -> None:
    data = bytearray((corpus / "multi-audio.mkv").read_bytes())
    at = data.index(CLUSTER) + len(data) // 3
    data[at : at + 2000] = bytes(2000)
    path = tmp_path / "film.mkv"
    path.write_bytes(data)
    expected, found = demuxed(path), read_content(str(path), {}, ignore, copied=True)
    assert expected.errors or expected.zeros
    assert (found.errors, found.zeros) == (expected.errors, expected.zeros)


@pytest.mark.parametrize(
    ("flags", "head", "frames"),
    [
        (0, b"", FRAMES[:1]),
        (2, b"\2\xff\x2d\xff\0", FRAMES),
        (6, b"\2" + b"\x41\x2c" + b"\x5f\xd2", FRAMES),
        (4, b"\2", (b"aa", b"bb", b"cc")),
        (2, b"\0", FRAMES[:1]),
        (4, b"\0", FRAMES[:1]),
        (6, b"\0", FRAMES[:1]),
    ],
)
def test_the_frames_of_a_block_have_their_sizes(
    tmp_path: Path, flags: int, head: bytes, frames: tuple[bytes, ...]
) -> None:
    (found,) = read(tmp_path, AT_TEN + block(flags, head + b"".join(frames)))
    assert (found.track, found.time, found.duration) == (1, 15, None)
    assert found.sizes == [len(frame) for frame in frames]
    assert found.data[found.start : found.start + sum(found.sizes)] == b"".join(frames)


def test_a_group_has_the_duration_beside_its_block(tmp_path: Path) -> None:
    inside = block(0, b"text", BLOCK) + DURATION + b"\x82\1\0" + REFERENCE + b"\x81\xfb"
    (found,) = read(tmp_path, AT_TEN + element(GROUP, inside), element(b"\xec", bytes(9)))
    assert (found.time, found.duration, found.sizes) == (15, 256, [4])


@pytest.mark.parametrize(
    ("inside", "behind", "entry"),
    [
        (block(0, b"no time before it"), b"", b""),
        (AT_TEN + block(0, b"cut off")[:-1], b"", b""),
        (AT_TEN + SIMPLE_BLOCK + b"\xff" + bytes(200), b"", b""),
        (AT_TEN + element(SIMPLE_BLOCK, b"\x81\0"), b"", b""),
        (AT_TEN + element(SIMPLE_BLOCK, b"\x81\x80\0\0before the start"), b"", b""),
        (AT_TEN + block(2, b"\xff" * 300), b"", b""),
        (AT_TEN + block(2, b"\2\5\5few"), b"", b""),
        (AT_TEN + block(4, b"\1odd"), b"", b""),
        (AT_TEN + block(6, b"\3\x81"), b"", b""),
        (AT_TEN + block(6, b"\2\x81\x80"), b"", b""),
        (AT_TEN + element(GROUP, DURATION + b"\x81\1"), b"", b""),
        (AT_TEN + element(GROUP, block(0, b"", BLOCK) + block(0, b"", BLOCK)), b"", b""),
        (AT_TEN + element(b"\xaf", b"encrypted"), b"", b""),
        (AT_TEN + bytes(9), b"", b""),
        (AT_TEN, element(b"\x1c\x53\xbb\x6b", element(b"\xbb", b"\xb3\x88no time")), b""),
        (AT_TEN, element(b"\x18\x53\x80\x68", b"unknown"), b""),
        (AT_TEN, b"", element(b"\x23\x31\x4f", b"\x3f\0\0\0")),
        (AT_TEN, b"", element(b"\x6d\x80", element(b"\x62\x40", b"\x50\x35\x80"))),
    ],
)
def test_what_is_unusual_is_refused(
    tmp_path: Path, inside: bytes, behind: bytes, entry: bytes
) -> None:
    with pytest.raises(StructureError):
        read(tmp_path, inside, behind, entry)


@pytest.mark.parametrize(
    ("compression", "stored"),
    [
        (b"\x42\x54\x81\0", zlib.compress(b"frame")),
        (b"\x42\x54\x81\3\x42\x55\x82fr", b"ame"),
    ],
)
def test_a_compression_of_frames_is_undone(
    tmp_path: Path, compression: bytes, stored: bytes
) -> None:
    encodings = element(b"\x6d\x80", element(b"\x62\x40", element(b"\x50\x34", compression)))
    read(tmp_path, AT_TEN, entry=encodings)
    with (tmp_path / "film.mkv").open("rb") as file:
        (track,) = read_block_tracks(file.fileno(), read_structure(file.fileno()))
    assert track.decode is not None
    assert track.decode(stored) == b"frame"
