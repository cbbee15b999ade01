"""Made-up Matroska files: a tree of elements, and what an edit of it may not touch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vpo.execute.header_edits.ebml_element import (
    CRC,
    EbmlElement,
    joined,
    new_element,
    parse,
    size_width,
    uint,
    void,
)
from vpo.execute.header_edits.matroska_header import INFO, TAGS, TRACKS
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Change, Plan
from vpo.policy.change_kind import ChangeKind, Fact, FactValue
from vpo.policy.desired_state import Reason
from vpo.probe.ebml import items, read_uint
from vpo.probe.matroska import CLUSTER, SEEK_HEAD, read_structure

CUES, CHAPTERS = 0x1C53BB6B, 0x1043A770
SEGMENT, EBML_HEADER = 0x18538067, 0x1A45DFA3
BEFORE = {1: "before", 2: "subtitle"}


@dataclass(frozen=True)
class Shape:
    """Which elements stand before and after the clusters; a number is an empty one of that size."""

    head: tuple[int | str, ...]
    tail: tuple[int | str, ...]
    checksums: bool = False
    wide: bool = False


IDS = {"seek": SEEK_HEAD, "info": INFO, "tracks": TRACKS, "tags": TAGS, "cues": CUES}


def track_entry(number: int, title: str, flags: dict[int, int]) -> bytes:
    parts = [
        new_element(0xD7, uint(number)),
        new_element(0x73C5, uint(1000 + number)),
        new_element(0x83, uint(1 if number == 1 else 2)),
        *(new_element(key, uint(value)) for key, value in flags.items()),
        new_element(0x42EE, b"an element that nobody knows"),
        new_element(0x86, b"V_VP8" if number == 1 else b"A_OPUS"),
        *([new_element(0x536E, title.encode())] if title else []),
    ]
    return new_element(0xAE, joined(parts)).encoded()


def _content(name: str, entries: Sequence[bytes]) -> list[EbmlElement]:
    if name == "tracks":
        return parse(b"".join(entries))
    if name == "info":
        return [new_element(0x2AD7B1, uint(1_000_000)), new_element(0x4D80, b"made up")]
    if name == "tags":
        simple = new_element(0x45A3, b"ARTIST").encoded() + new_element(0x4487, b"Nobody").encoded()
        tag = new_element(0x63C0, b"").encoded() + new_element(0x67C8, simple).encoded()
        return [new_element(0x7373, tag)]
    return [new_element(0xBB, b"\x81\x00")]


def made(shape: Shape, entries: Sequence[bytes]) -> bytes:
    """The bytes of a file of this shape, with the tracks and some clusters."""
    clusters = [new_element(CLUSTER, bytes([n]) * 50).encoded() for n in (1, 2, 3)]
    places: dict[str, int] = {}
    for _ in range(3):  # at last, the SeekHead knows where everything is
        body, seen = b"", dict(places)
        for item in (*shape.head, *clusters, *shape.tail):
            if isinstance(item, bytes):
                body += item
            elif isinstance(item, int):
                body += void(item)
            else:
                places[item] = len(body)
                body += _element(item, shape, entries, seen)
    header = new_element(EBML_HEADER, new_element(0x4282, b"matroska").encoded()).encoded()
    return header + EbmlElement(SEGMENT, 8, body).encoded()


def _element(name: str, shape: Shape, entries: Sequence[bytes], places: dict[str, int]) -> bytes:
    content = _seeks(places) if name == "seek" else _content(name, entries)
    if shape.checksums:
        content = [new_element(CRC, bytes(4)), *content]
    data = joined(content)
    return EbmlElement(IDS[name], 8 if shape.wide else size_width(len(data)), data).encoded()


def _seeks(places: dict[str, int]) -> list[EbmlElement]:
    return [
        new_element(
            0x4DBB,
            new_element(0x53AB, uint(IDS[name])).encoded()
            + new_element(0x53AC, places.get(name, 0).to_bytes(2, "big")).encoded(),
        )
        for name in IDS
        if name != "seek" and (name in places or not places)
    ]


def plan(path: Path, wanted: Sequence[tuple[int | None, ChangeKind, str, FactValue]]) -> Plan:
    """A plan of changes (track, kind, name, new value) of a file with two tracks."""
    tracks = tuple(
        Track(index=n, type="video" if n == 0 else "audio", codec="vp8", matroska_id=n)
        for n in (0, 1)
    )
    media = MediaFile(path=str(path), container="mkv", size=path.stat().st_size, tracks=tracks)
    reason = Reason("", "", "")
    changes = [Change(Fact(kind, n, name), None, value, reason) for n, kind, name, value in wanted]
    return Plan(media, media, tuple(changes))


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR)


def elements(path: Path) -> list[tuple[int, int, bytes]]:
    """Id, offset and data of all that the segment holds, read from its beginning to its end."""
    content = path.read_bytes()
    fd = opened(path)
    try:
        start = read_structure(fd).segment.data
    finally:
        os.close(fd)
    found, at = [], start
    for element in parse(content[start:]):
        found.append((element.id, at, element.data))
        at += element.length
    assert at == len(content)
    return found


def sought(path: Path) -> dict[int, int]:
    """The offsets by id that the SeekHead says."""
    fd = opened(path)
    try:
        base = read_structure(fd).segment.data
    finally:
        os.close(fd)
    found = {}
    for identity, _, data in elements(path):
        if identity == SEEK_HEAD:
            for seek in (dict(items(part.data)) for part in parse(data) if part.id == 0x4DBB):
                found[read_uint(seek[0x53AB])] = base + read_uint(seek[0x53AC])
    return found
