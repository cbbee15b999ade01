"""What a Matroska file says besides its tracks: written by mkvpropedit, or byte by byte."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vpo.probe import matroska, matroska_tags


def ebml(identity: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    size = (len(data) | 1 << 56).to_bytes(8, "big")
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big") + size + data


def said(path: Path) -> matroska_tags.MatroskaTags | None:
    fd = os.open(path, os.O_RDONLY)
    try:
        return matroska_tags.read_tags(fd, matroska.read_structure(fd))
    finally:
        os.close(fd)


@pytest.fixture
def film(corpus: Path, tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes((corpus / "chapters.mkv").read_bytes())
    return path


def edit(path: Path, option: str, name: str, body: str) -> None:
    xml = path.with_suffix(".xml")
    xml.write_text(f'<?xml version="1.0"?>\n<{name}>{body}</{name}>', encoding="utf-8")
    which = "all:" if name == "Tags" else ""
    subprocess.run(["mkvpropedit", "-q", path, option, f"{which}{xml}"], check=True)


def atom(inner: str = "", names: tuple[str, ...] = ("A",)) -> str:
    shown = "".join(
        f"<ChapterDisplay><ChapterString>{name}</ChapterString></ChapterDisplay>" for name in names
    )
    start = "<ChapterTimeStart>00:00:00.000</ChapterTimeStart>"
    return f"<ChapterAtom>{start}{shown}{inner}</ChapterAtom>"


def edition(*parts: str) -> str:
    return f"<EditionEntry>{''.join(parts)}</EditionEntry>"


CHAPTERS = [
    (edition(atom()), ()),
    (edition(atom()) * 2, ("2 editions of chapters",)),
    (
        edition(
            "<EditionFlagOrdered>1</EditionFlagOrdered>",
            atom("<ChapterTimeEnd>00:00:01.000</ChapterTimeEnd>"),
        ),
        ("ordered chapters",),
    ),
    (edition(atom(atom())), ("chapters inside chapters",)),
    (edition(atom(names=("A", "B"))), ("chapters with several names",)),
    (
        edition(atom("<ChapterFlagHidden>1</ChapterFlagHidden>")),
        ("chapters that are hidden, disabled, linked or scripted",),
    ),
    (
        edition(atom("<ChapterFlagEnabled>0</ChapterFlagEnabled>")),
        ("chapters that are hidden, disabled, linked or scripted",),
    ),
]


@pytest.mark.parametrize(("body", "fragile"), CHAPTERS)
def test_chapters_that_ffmpeg_loses_are_fragile(
    film: Path, body: str, fragile: tuple[str, ...]
) -> None:
    edit(film, "--chapters", "Chapters", body)
    assert said(film) == matroska_tags.MatroskaTags("A Film with Chapters", fragile)


def simple(name: str, inner: str = "") -> str:
    return f"<Simple><Name>{name}</Name><String>x</String>{inner}</Simple>"


def tag(*parts: str, targets: str = "") -> str:
    return f"<Tag><Targets>{targets}</Targets>{''.join(parts)}</Tag>"


SEASON = "<TargetTypeValue>60</TargetTypeValue>"
TAGS = [
    (tag(simple("DIRECTOR")), ()),
    (tag(simple("ACTOR"), simple("ACTOR")), ("several tags of one name",)),
    (
        tag(simple("ACTOR", simple("CHARACTER"))),
        ("tags inside tags, or with binary data",),
    ),
    (
        tag(simple("TITLE"), targets=SEASON),
        ("tags of something larger or smaller than the file, as a season",),
    ),
    (
        tag(simple("DIRECTOR"), targets="<ChapterUID>5</ChapterUID>"),
        ("tags of a chapter, an edition or an attachment",),
    ),
]


@pytest.mark.parametrize(("body", "fragile"), TAGS)
def test_tags_that_ffmpeg_loses_are_fragile(
    film: Path, body: str, fragile: tuple[str, ...]
) -> None:
    edit(film, "--tags", "Tags", body)
    assert said(film) == matroska_tags.MatroskaTags("A Film with Chapters", fragile)


def segment(*parts: bytes) -> bytes:
    return ebml(0x1A45DFA3, ebml(0x4282, b"matroska")) + ebml(0x18538067, *parts)


TITLE = ebml(0x7373, ebml(0x67C8, ebml(0x45A3, b"TITLE"), ebml(0x4487, b"From a tag")))


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ((ebml(0x1549A966, ebml(0x7BA9, b"It\0\0")),), "It"),
        ((ebml(0x1549A966), ebml(0x1254C367, TITLE)), "From a tag"),
        ((ebml(0x1549A966),), None),
        ((), None),
    ],
)
def test_title_is_read_from_info(
    tmp_path: Path, parts: tuple[bytes, ...], title: str | None
) -> None:
    path = tmp_path / "x.mkv"
    path.write_bytes(segment(*parts))
    assert said(path) == matroska_tags.MatroskaTags(title)


@pytest.mark.parametrize("data", [b"\0\0", b"\x7b\xa9\x85It", b"\x7b"])
def test_read_tags_of_damaged_file_is_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.mkv"
    path.write_bytes(segment(ebml(0x1549A966, data)))
    assert said(path) is None
