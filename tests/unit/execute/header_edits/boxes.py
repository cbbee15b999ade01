"""Made-up MP4 and QuickTime files: a tree of boxes, and what an edit of it may not touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vpo.media.model import MediaFile, Track
from vpo.plan.model import Change, Plan
from vpo.policy.change_kind import ChangeKind, Fact, FactValue
from vpo.policy.desired_state import Reason

PARENTS = ("moov", "trak", "mdia", "minf", "stbl", "udta", "ilst", "meta", "\xa9nam", "\xa9ART")
EMPTY = ("free", "skip", "wide")
ROLE = b"urn:mpeg:dash:role:2011\0"
HANDLERS = ("vide", "soun", "soun")
BEFORE = {0: (True, "und"), 1: (True, "eng"), 2: (False, "deu")}
"""Whether the made-up tracks are enabled, and their languages."""


@dataclass(frozen=True)
class Shape:
    """Where the boxes are; a number is an empty box of that many bytes, 0 is none."""

    front: bool = True
    behind: tuple[int, ...] = ()
    in_movie: int = 0
    in_track: int = 0
    in_user_data: int = 0
    title: str | None = None
    roles: tuple[str, ...] = ()
    tag: str | None = None
    elng: str | None = None
    wide: bool = False
    quicktime: bool = False
    zeros: bool = False
    more: tuple[bytes, ...] = ()
    in_table: bytes = b""


def box(kind: str, *parts: bytes, wide: bool = False) -> bytes:
    data, name = b"".join(parts), kind.encode("latin-1")
    if wide:
        return b"\0\0\0\1" + name + (16 + len(data)).to_bytes(8, "big") + data
    return (8 + len(data)).to_bytes(4, "big") + name + data


def room(length: int, kind: str = "free") -> bytes:
    return box(kind, bytes(length - 8)) if length else b""


def packed(code: str) -> bytes:
    one, two, three = (ord(letter) - 0x60 for letter in code)
    return (one << 10 | two << 5 | three).to_bytes(2, "big")


def _track(number: int, shape: Shape, chunk: int) -> bytes:
    enabled, language = BEFORE[number]
    header = bytes([0, 0, 0, 2 | enabled]) + bytes(8) + bytes([0, 0, 0, number + 1]) + bytes(68)
    user = [box("name", shape.title.encode())] if shape.title is not None and number == 1 else []
    user += [box("kind", bytes(4), ROLE, r.encode(), b"\0") for r in shape.roles if number == 1]
    user += [room(shape.in_user_data)]
    chunks = box("stco", bytes(7), b"\1", chunk.to_bytes(4, "big"))
    table = box("stbl", box("stsd", bytes(60)), chunks, shape.in_table)
    return box(
        "trak",
        box("tkhd", header),
        room(shape.in_track),
        box(
            "mdia",
            box("mdhd", bytes(20), packed(language), bytes(2)),
            *([box("elng", bytes(4), shape.elng.encode(), b"\0")] if shape.elng else []),
            box("hdlr", bytes(8), HANDLERS[number].encode(), bytes(12), b"Handler\0"),
            box("minf", table),
        ),
        box("uuid", b"a vendor's own box %d" % number),
        *([box("udta", *user, bytes(4 * shape.zeros))] if any(user) else []),
    )


def made(shape: Shape) -> bytes:
    """The bytes of a file of this shape, with three tracks and one chunk of samples each."""
    brand = box("ftyp", b"qt  " if shape.quicktime else b"isom", bytes(4))
    samples = box("mdat", *(bytes([n]) * 100 for n in (1, 2, 3)))
    first = 0
    for _ in range(2):  # at last, the tables know where the samples are
        parts = [box("mvhd", bytes(100)), *(_track(n, shape, first + 100 * n) for n in range(3))]
        parts.append(room(shape.in_movie))
        if shape.tag is not None:
            item = box("\xa9nam", box("data", b"\0\0\0\1\0\0\0\0", shape.tag.encode()))
            meta = box(
                "meta", bytes(4), box("hdlr", bytes(8), b"mdir", bytes(13)), box("ilst", item)
            )
            parts.append(box("udta", meta))
        movie = box("moov", *parts, *shape.more, wide=shape.wide)
        rooms = b"".join(room(length, "skip" if length > 9 else "free") for length in shape.behind)
        head = brand + movie + rooms if shape.front else brand
        first = len(head) + 8
    return head + samples + (box("uuid", b"last") if shape.front else movie + rooms)


def walked(data: bytes, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Path and data of every box that has no children, in order; they have to fill the file."""
    at = 0
    while at < len(data):
        if path.endswith("/udta") and not any(data[at:]):
            return
        size = int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8].decode("latin-1")
        start = at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        assert start <= at + size <= len(data), (path, name, at, size)
        inner = data[start + 4 * (name == "meta") : at + size]
        if name in PARENTS:
            yield from walked(inner, f"{path}/{name}")
        else:
            yield f"{path}/{name}", inner
        at += size


def kept(data: bytes) -> list[tuple[str, bytes]]:
    """All that no edit may change, with the place of the samples."""
    found = [(path, value) for path, value in walked(data) if _is_kept(path)]
    return [*found, ("place", str(data.index(box("mdat", b"\1" * 100)[4:])).encode())]


def _is_kept(path: str) -> bool:
    name = path.rpartition("/")[2]
    edited = ("tkhd", "mdhd", "elng", "name", "kind")
    return name not in (*EMPTY, *edited) and not path.startswith("/moov/udta")


class Facts:
    """What a made-up file says, read without the code that edits it."""

    def __init__(self, data: bytes) -> None:
        self.defaults: list[bool] = []
        self.languages: list[str] = []
        self.titles: dict[int, str] = {}
        self.roles: dict[int, set[str]] = {0: set(), 1: set(), 2: set()}
        self.tags: dict[str, str] = {}
        self.extended: list[str] = []
        for path, value in walked(data):
            self._add(path, value)

    def _add(self, path: str, value: bytes) -> None:
        name = path.rpartition("/")[2]
        number = len(self.defaults) - 1
        if name == "tkhd":
            self.defaults.append(bool(value[3] & 1))
        elif name == "mdhd":
            bits = int.from_bytes(value[20:22], "big")
            self.languages.append("".join(chr(0x60 + (bits >> n & 31)) for n in (10, 5, 0)))
        elif name == "elng":
            self.extended.append(value[4:].rstrip(b"\0").decode())
        elif path == "/moov/trak/udta/name":
            self.titles[number] = value.rstrip(b"\0").decode()
        elif name == "kind":
            self.roles[number].add(value[4 + len(ROLE) : -1].decode())
        elif name == "data":
            self.tags[path.split("/")[-2]] = value[8:].decode()


def plan(path: Path, wanted: Sequence[tuple[int | None, ChangeKind, str, FactValue]]) -> Plan:
    """A plan of changes (track, kind, name, new value) of a made-up file."""
    types = {"vide": "video", "soun": "audio"}
    data = Facts(path.read_bytes())
    tracks = tuple(
        Track(index=n, type=types[handler], codec="made").with_flag("default", data.defaults[n])  # type: ignore[arg-type]
        for n, handler in enumerate(HANDLERS)
    )
    media = MediaFile(path=str(path), container="mp4", size=path.stat().st_size, tracks=tracks)
    reason = Reason("", "", "")
    changes = [Change(Fact(kind, n, name), None, value, reason) for n, kind, name, value in wanted]
    return Plan(media, media, tuple(changes))
