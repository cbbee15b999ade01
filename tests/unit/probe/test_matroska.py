"""The outer structure of Matroska files, against mkvmerge and against files made byte by byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media import make
from tests.reading import identify

from vpo.probe import matroska
from vpo.probe.ebml import StructureError
from vpo.probe.undo_regions import undo_regions

FILES: dict[str, Any] = make.manifest()
MATROSKA = sorted(
    name
    for name, facts in FILES.items()
    if facts.get("container") in ("mkv", "webm") and not facts.get("broken")
)
CLUSTER, VOID, SEGMENT = b"\x1f\x43\xb6\x75", b"\xec", b"\x18\x53\x80\x67"
UNKNOWN = b"\x01" + b"\xff" * 7


def read(path: Path) -> matroska.Structure:
    fd = os.open(path, os.O_RDONLY)
    try:
        return matroska.read_structure(fd)
    finally:
        os.close(fd)


def tracks(path: Path) -> tuple[matroska.TrackEntry, ...]:
    fd = os.open(path, os.O_RDONLY)
    try:
        return matroska.track_entries(fd, matroska.read_structure(fd))
    finally:
        os.close(fd)


def outside(path: Path) -> list[tuple[int, int]] | None:
    fd = os.open(path, os.O_RDONLY)
    try:
        return undo_regions(fd, matroska.read_structure(fd))
    finally:
        os.close(fd)


def ebml(identity: bytes, data: bytes, size: bytes | None = None) -> bytes:
    return identity + (size or (len(data) | 1 << 56).to_bytes(8, "big")) + data


HEADER = ebml(b"\x1a\x45\xdf\xa3", ebml(b"\x42\x82", b"matroska"))
SEEK_HEAD = ebml(b"\x11\x4d\x9b\x74", b"")


@pytest.mark.parametrize("name", MATROSKA)
def test_track_entries_agree_with_mkvmerge(corpus: Path, name: str) -> None:
    entries = tracks(corpus / name)
    for track in identify(corpus / name)["tracks"]:
        entry, facts = entries[track["id"]], track["properties"]
        assert entry.uid == facts["uid"]
        assert entry.codec_id == facts["codec_id"]
        assert (entry.type or "").startswith(track["type"].removesuffix("s"))
        assert (entry.language_ietf or "und") == facts.get("language_ietf", "und")


@pytest.mark.parametrize("name", MATROSKA)
def test_every_corpus_file_is_complete(corpus: Path, name: str) -> None:
    structure = read(corpus / name)
    assert structure.complete
    assert structure.length == (corpus / name).stat().st_size
    assert structure.doctype == ("webm" if name.endswith(".webm") else "matroska")


def test_truncated_matroska_is_not_complete(corpus: Path) -> None:
    assert not read(corpus / "bad/truncated.mkv").complete


FILM = HEADER + ebml(SEGMENT, SEEK_HEAD + ebml(CLUSTER, b"x"))


@pytest.mark.parametrize("tail", [b"</html>", bytes(3000), b"\xec\x80TAG" * 99])
def test_what_lies_behind_a_film_that_states_its_end_is_no_part_of_it(
    tmp_path: Path, tail: bytes
) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(FILM + tail)
    found = read(path)
    assert found.complete
    assert (found.end, found.stray) == (len(FILM), len(tail))


@pytest.mark.parametrize(
    "data",
    [
        FILM + FILM,
        FILM + b"junk" + ebml(CLUSTER, b"y"),
        FILM + bytes((1 << 20) + 1),
        FILM[:-1],
        HEADER
        + ebml(SEGMENT, SEEK_HEAD + ebml(CLUSTER, b"x"), (1 << 56 | 4096).to_bytes(8, "big")),
    ],
    ids=["another film", "a cluster", "too much", "cut off", "a longer segment"],
)
def test_what_may_be_a_part_of_a_film_is_not_taken_for_stray(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(data)
    assert not read(path).complete


@pytest.mark.parametrize("name", MATROSKA)
def test_undo_regions_contain_no_cluster(corpus: Path, name: str) -> None:
    """What is left out is clusters and nothing but clusters."""
    ranges = outside(corpus / name)
    if ranges is None:
        assert name in ("live.webm", "no-seekhead.mkv")
        return
    data = (corpus / name).read_bytes()
    assert ranges == sorted(ranges)
    assert ranges[0] == (0, data.index(CLUSTER))
    ends = [*(start for start, _ in ranges[1:]), len(data)]
    for (start, length), until in zip(ranges, ends, strict=True):
        gap = data[start + length : until]
        assert not gap or gap.startswith(CLUSTER)
    for tail in (b"\x1c\x53\xbb\x6b", b"\x12\x54\xc3\x67"):  # Cues, Tags
        at = data.rfind(tail)
        assert at < 0 or any(start <= at < start + length for start, length in ranges)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"plain text, and not a little of it",
        HEADER,
        HEADER + b"\0" * 20,
        HEADER[:-3],
        b"\x1a\x45\xdf\xa3" + UNKNOWN,
        HEADER + ebml(b"\xec", b"x"),
    ],
)
def test_structure_refuses_other_files(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(StructureError):
        read(tmp_path / "x")


@pytest.mark.parametrize(
    ("inside", "size", "ranges"),
    [
        (SEEK_HEAD + ebml(CLUSTER, b"x"), None, "to the cluster"),
        (SEEK_HEAD, None, "all"),
        (ebml(CLUSTER, b"x"), None, None),
        (SEEK_HEAD + ebml(CLUSTER, b"x"), UNKNOWN, None),
        (SEEK_HEAD + ebml(CLUSTER, b"x", UNKNOWN), None, None),
        (SEEK_HEAD + b"\x1f\x43", None, None),
    ],
)
def test_undo_regions_is_none_if_an_edit_in_place_is_unsafe(
    tmp_path: Path, inside: bytes, size: bytes | None, ranges: str | None
) -> None:
    path = tmp_path / "x.mkv"
    path.write_bytes(HEADER + ebml(SEGMENT, inside, size))
    length = len(HEADER) + 12 + len(SEEK_HEAD)
    assert outside(path) == (None if ranges is None else [(0, length)])


def test_undo_regions_leaves_out_clusters_between_trailing_elements(tmp_path: Path) -> None:
    """Tags, a further cluster (an appended recording), then an element of no SeekHead."""
    tags, more = ebml(b"\x12\x54\xc3\x67", b"tags"), ebml(CLUSTER, b"y" * 50)
    first = ebml(CLUSTER, b"x" * 50)
    names = ebml(b"\x53\xab", b"\x12\x54\xc3\x67")
    length = len(ebml(b"\x11\x4d\x9b\x74", ebml(b"\x4d\xbb", names + ebml(b"\x53\xac", b"\0\0"))))
    seek = ebml(b"\x53\xac", (length + len(first)).to_bytes(2, "big"))
    seek_head = ebml(b"\x11\x4d\x9b\x74", ebml(b"\x4d\xbb", names + seek))
    path = tmp_path / "x.mkv"
    inside = seek_head + first + tags + more + ebml(VOID, b"v")
    path.write_bytes(HEADER + ebml(SEGMENT, inside))
    head = len(HEADER) + 12 + length
    at = head + len(first)
    end = path.stat().st_size
    assert outside(path) == [(0, head), (at, len(tags)), (end - 10, 10)]


def test_structure_ignores_wrong_seek_head_entries(tmp_path: Path) -> None:
    """It names a place where something else stands, and one behind the end."""
    seeks = b"".join(
        ebml(b"\x4d\xbb", ebml(b"\x53\xab", b"\x12\x54\xc3\x67") + ebml(b"\x53\xac", at))
        for at in (b"\x00\x05", b"\xff\xff\xff\xff\xff\xff\xff\xff")
    )
    path = tmp_path / "x.mkv"
    inside = ebml(b"\x11\x4d\x9b\x74", seeks) + ebml(CLUSTER, b"x")
    path.write_bytes(HEADER + ebml(SEGMENT, inside))
    assert read(path).behind == ()
    assert tracks(path) == ()


def test_structure_follows_seek_head_once(tmp_path: Path) -> None:
    seek = ebml(b"\x53\xab", b"\x11\x4d\x9b\x74") + ebml(b"\x53\xac", b"\0")
    path = tmp_path / "x.mkv"
    path.write_bytes(HEADER + ebml(SEGMENT, ebml(b"\x11\x4d\x9b\x74", ebml(b"\x4d\xbb", seek))))
    assert read(path).complete


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_structure_of_damaged_matroska_raises_structure_error_at_most(data: st.DataObject) -> None:
    """Bytes of a real head changed at random: a structure, or a ``StructureError``."""
    head = bytearray(HEADS[0])
    for _ in range(data.draw(st.integers(1, 6))):
        head[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    del head[data.draw(st.integers(1, len(head))) :]
    fd = os.memfd_create("x") if hasattr(os, "memfd_create") else -1
    if fd < 0:
        pytest.skip("no memory files here")
    try:
        os.write(fd, head)
        found = matroska.read_structure(fd)
        matroska.track_entries(fd, found)
        ranges = undo_regions(fd, found) or []
        assert all(at >= 0 and length >= 0 for at, length in ranges)
    except StructureError:
        pass
    finally:
        os.close(fd)


HEADS: list[bytes] = []


@pytest.fixture(autouse=True, scope="module")
def head(corpus: Path) -> None:
    HEADS.append((corpus / "attachments.mkv").read_bytes()[:6000])
