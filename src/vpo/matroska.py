"""The outer structure of a Matroska or WebM file, read without touching its clusters.

mkvtoolnix and ffmpeg number tracks differently, and a header edit rewrites elements in place; both
need facts that no probing library gives: the TrackEntry elements in order, and where everything
outside the clusters lies. Elements and ids are those of RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vpo.boxes import dolby_vision, luminance

EBML = 0x1A45DFA3
DOCTYPE = 0x4282
SEGMENT = 0x18538067
SEEK_HEAD = 0x114D9B74
CLUSTER = 0x1F43B675
TRACKS = 0x1654AE6B

_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TRACK_ENTRY, _TRACK_UID, _TRACK_TYPE, _CODEC_ID = 0xAE, 0x73C5, 0x83, 0x86
_LANGUAGE_BCP47 = 0x22B59D
_FLAG_ENABLED, _VIDEO, _COLOUR, _PROJECTION = 0xB9, 0xE0, 0x55B0, 0x7670
_STEREO_MODE, _ALPHA_MODE, _MASTERING = 0x53B8, 0x53C0, 0x55D0
_CROP = {0x54CC: "left", 0x54BB: "top", 0x54DD: "right", 0x54AA: "bottom"}
_MAX_CLL, _MAX_FALL, _LUMINANCE_MAX, _LUMINANCE_MIN = 0x55BC, 0x55BD, 0x55D9, 0x55DA
_PROJECTION_TYPE, _POSE_ROLL = 0x7671, 0x7675
_MAPPING, _MAPPING_TYPE, _MAPPING_DATA = 0x41E4, 0x41E7, 0x41ED
_STEREO = {1: "side by side", 3: "top and bottom"}
_PROJECTIONS = {1: "equirectangular", 2: "cubemap", 3: "mesh"}
_DOLBY_VISION = frozenset(int.from_bytes(name, "big") for name in (b"dvcC", b"dvvC", b"dvwC"))
_SECOND_LAYER = frozenset(int.from_bytes(name, "big") for name in (b"hvcE", b"avcE"))
_TYPES = {1: "video", 2: "audio", 0x11: "subtitle"}

_MAX_ELEMENTS = 4096
"""More top-level elements than this outside the known clusters: not worth walking."""
_MAX_TRACKS_SIZE = 16 << 20


class StructureError(ValueError):
    """The bytes are not the structure that Matroska prescribes."""


@dataclass(frozen=True, slots=True)
class Element:
    """An EBML element: its id, where it starts, where its data starts, and where that ends.

    ``end`` is ``None`` for an element of unknown size (a live recording).
    """

    id: int
    start: int
    data: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A TrackEntry; its place in the list is mkvmerge's track id.

    ``side_data`` is named as in ``vpo.media.SIDE_DATA``.
    """

    uid: int | None
    type: str | None
    codec_id: str
    language_ietf: str | None
    enabled: bool = True
    side_data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """What stands before the first cluster, and what the SeekHead says stands behind it.

    ``head`` holds the segment's children before ``first_cluster`` (an offset; the file's length if
    there is no cluster); ``behind`` the offsets of elements behind it.
    """

    doctype: str
    length: int
    segment: Element
    head: tuple[Element, ...]
    first_cluster: int
    behind: tuple[int, ...]
    entries: tuple[Entry, ...] | None

    @property
    def complete(self) -> bool:
        """Whether the segment ends where the file ends: false for a truncated file."""
        return self.segment.end is None or self.segment.end == self.length


def read(fd: int) -> Structure:
    """The structure of the open file; ``StructureError`` if it is not Matroska."""
    length = os.fstat(fd).st_size
    header = element(fd, 0, length)
    if header.id != EBML or header.end is None:
        raise StructureError("no EBML header")
    doctype = next(
        (text(fd, item) for item in children(fd, header) if item.id == DOCTYPE), "matroska"
    )
    segment = element(fd, header.end, length)
    if segment.id != SEGMENT:
        raise StructureError("no segment behind the EBML header")
    head, first_cluster = _head(fd, segment, length)
    sought = dict(_seek_entries(fd, segment, head, length))
    return Structure(
        doctype=doctype,
        length=length,
        segment=segment,
        head=head,
        first_cluster=first_cluster,
        behind=tuple(sorted(at for at, name in sought.items() if at > first_cluster)),
        entries=_entries(fd, head, sought, length),
    )


def outside_clusters(fd: int, structure: Structure) -> list[tuple[int, int]] | None:
    """The byte ranges (offset, length) of everything that is not a cluster.

    Ranges behind the first cluster are found from the SeekHead and walked to the end of the file,
    so that the clusters of a large file are not visited. ``None`` where that cannot be done, or
    where a tool that edits the header would touch more: without a SeekHead mkvpropedit looks at
    every element, and uses a Void behind the clusters; and a size that was left unknown (a live
    recording) it fills in, be it a cluster's.
    """
    if not any(item.id == SEEK_HEAD for item in structure.head) or _unknown_sizes(fd, structure):
        return None
    ranges = [(0, structure.first_cluster)]
    if not structure.behind:
        return ranges
    offset = structure.behind[0]
    for _ in range(_MAX_ELEMENTS):
        if offset >= structure.length:
            return ranges
        try:
            item = element(fd, offset, structure.length)
        except StructureError:
            return None
        if item.end is None:
            return None
        if item.id != CLUSTER:
            ranges.append((item.start, item.end - item.start))
        offset = item.end
    return None


def _unknown_sizes(fd: int, structure: Structure) -> bool:
    if structure.segment.end is None:
        return True
    if structure.first_cluster >= structure.length:
        return False
    try:
        return element(fd, structure.first_cluster, structure.length).end is None
    except StructureError:
        return True


def element(fd: int, offset: int, limit: int) -> Element:
    """The element that starts at ``offset``; ``StructureError`` if none does."""
    raw = os.pread(fd, 12, offset) if offset < limit else b""
    if not raw or not raw[0]:
        raise StructureError(f"no element at byte {offset}")
    id_length = 9 - raw[0].bit_length()
    if id_length > 4 or len(raw) <= id_length or not raw[id_length]:
        raise StructureError(f"no element at byte {offset}")
    size_length = 9 - raw[id_length].bit_length()
    field = raw[id_length : id_length + size_length]
    if len(field) < size_length:
        raise StructureError(f"element cut off at byte {offset}")
    size = int.from_bytes(field, "big") & ((1 << (7 * size_length)) - 1)
    data = offset + id_length + size_length
    if size == (1 << (7 * size_length)) - 1:
        return Element(int.from_bytes(raw[:id_length], "big"), offset, data, None)
    identity = int.from_bytes(raw[:id_length], "big")
    if data + size > limit and identity != SEGMENT:
        raise StructureError(f"element at byte {offset} ends behind the end of the file")
    return Element(identity, offset, data, data + size)


def _head(fd: int, segment: Element, length: int) -> tuple[tuple[Element, ...], int]:
    """The segment's children before the first cluster, and where that starts."""
    head: list[Element] = []
    offset = segment.data
    while offset < length and len(head) < _MAX_ELEMENTS:
        try:
            item = element(fd, offset, length)
        except StructureError:
            return tuple(head), offset
        if item.id == CLUSTER or item.end is None:
            return tuple(head), offset
        head.append(item)
        offset = item.end
    return tuple(head), offset


def _seek_entries(
    fd: int, segment: Element, head: tuple[Element, ...], length: int
) -> Iterator[tuple[int, int]]:
    """(offset, id) of what the SeekHeads name and what is really there.

    A SeekHead may name a further one behind the clusters; that is followed once.
    """
    pending = [item for item in head if item.id == SEEK_HEAD]
    seen: set[int] = set()
    while pending and len(seen) < 16:
        seek_head = pending.pop()
        seen.add(seek_head.start)
        for identity, position in _seeks(fd, seek_head):
            offset = segment.data + position
            try:
                item = element(fd, offset, length)
            except StructureError:
                continue
            if item.id != identity or identity == CLUSTER:
                continue
            yield offset, identity
            if identity == SEEK_HEAD and offset not in seen:
                pending.append(item)


def _seeks(fd: int, seek_head: Element) -> Iterator[tuple[int, int]]:
    for seek in children(fd, seek_head):
        if seek.id != _SEEK:
            continue
        fields = {item.id: uint(fd, item) for item in children(fd, seek)}
        if _SEEK_ID in fields and _SEEK_POSITION in fields:
            yield fields[_SEEK_ID], fields[_SEEK_POSITION]


def _entries(
    fd: int, head: tuple[Element, ...], sought: dict[int, int], length: int
) -> tuple[Entry, ...] | None:
    tracks = next((item for item in head if item.id == TRACKS), None)
    if tracks is None:
        offset = next((at for at, name in sought.items() if name == TRACKS), None)
        tracks = element(fd, offset, length) if offset is not None else None
    if tracks is None or tracks.end is None or tracks.end - tracks.data > _MAX_TRACKS_SIZE:
        return None
    try:
        return tuple(_entry(fd, item) for item in children(fd, tracks) if item.id == _TRACK_ENTRY)
    except StructureError:
        return None


def _entry(fd: int, entry: Element) -> Entry:
    items = {item.id: item for item in children(fd, entry)}

    def number(identity: int) -> int | None:
        return uint(fd, items[identity]) if identity in items else None

    def words(identity: int) -> str | None:
        return text(fd, items[identity]) if identity in items else None

    return Entry(
        uid=number(_TRACK_UID),
        type=_TYPES.get(number(_TRACK_TYPE) or 0),
        codec_id=words(_CODEC_ID) or "",
        language_ietf=words(_LANGUAGE_BCP47),
        enabled=number(_FLAG_ENABLED) != 0,
        side_data=tuple(sorted(_side_data(fd, entry))),
    )


def _side_data(fd: int, entry: Element) -> Iterator[tuple[str, str]]:
    for item in children(fd, entry):
        if item.id == _VIDEO:
            yield from _picture(fd, item)
        elif item.id == _MAPPING:
            yield from _mapping(fd, item)


def _picture(fd: int, video: Element) -> Iterator[tuple[str, str]]:
    items = {item.id: item for item in children(fd, video)}
    if stereo := _number(fd, items, _STEREO_MODE):
        yield "stereo", _STEREO.get(stereo, f"mode {stereo}")
    if _number(fd, items, _ALPHA_MODE):
        yield "alpha", "yes"
    crop = [_number(fd, items, side) for side in _CROP]
    if any(crop):
        yield "crop", ",".join(map(str, crop))
    if _COLOUR in items:
        yield from _light(fd, {item.id: item for item in children(fd, items[_COLOUR])})
    if _PROJECTION in items:
        yield from _pose(fd, {item.id: item for item in children(fd, items[_PROJECTION])})


def _light(fd: int, colour: dict[int, Element]) -> Iterator[tuple[str, str]]:
    if _MAX_CLL in colour or _MAX_FALL in colour:
        levels = _number(fd, colour, _MAX_CLL), _number(fd, colour, _MAX_FALL)
        yield "light_levels", "/".join(map(str, levels))
    if _MASTERING in colour:
        items = {item.id: item for item in children(fd, colour[_MASTERING])}
        most, least = _real(fd, items, _LUMINANCE_MAX), _real(fd, items, _LUMINANCE_MIN)
        yield "mastering", luminance(most, least)


def _pose(fd: int, projection: dict[int, Element]) -> Iterator[tuple[str, str]]:
    kind = _number(fd, projection, _PROJECTION_TYPE)
    if kind:
        yield "projection", _PROJECTIONS.get(kind, f"type {kind}")
    elif turn := round(-_real(fd, projection, _POSE_ROLL)) % 360:
        # The roll is counter-clockwise.
        yield "rotation", str(turn)


def _mapping(fd: int, mapping: Element) -> Iterator[tuple[str, str]]:
    items = {item.id: item for item in children(fd, mapping)}
    kind = _number(fd, items, _MAPPING_TYPE)
    if kind in _DOLBY_VISION and _MAPPING_DATA in items:
        record = _bytes(fd, items[_MAPPING_DATA])
        if len(record) > 4:
            yield "dolby_vision", dolby_vision(record)
    elif kind in _SECOND_LAYER:
        yield "dolby_vision_layer", kind.to_bytes(4, "big").decode()


def _number(fd: int, items: dict[int, Element], identity: int) -> int:
    return uint(fd, items[identity]) if identity in items else 0


def _real(fd: int, items: dict[int, Element], identity: int) -> float:
    data = _bytes(fd, items[identity]) if identity in items else b""
    if len(data) not in (4, 8):
        return 0.0
    value: float = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    return value if abs(value) < 1e9 else 0.0


def children(fd: int, parent: Element) -> Iterator[Element]:
    """The elements in one; ``StructureError`` where they are not one behind the other."""
    if parent.end is None:
        return
    offset = parent.data
    while offset < parent.end:
        item = element(fd, offset, parent.end)
        if item.end is None:
            raise StructureError(f"element of unknown size at byte {offset}")
        yield item
        offset = item.end


def _bytes(fd: int, item: Element) -> bytes:
    size = (item.end or item.data) - item.data
    return os.pread(fd, min(size, 4096), item.data)


def uint(fd: int, item: Element) -> int:
    """The value of an element that holds an unsigned number."""
    return int.from_bytes(_bytes(fd, item)[:8], "big")


def text(fd: int, item: Element) -> str:
    """The value of an element that holds text."""
    return _bytes(fd, item).split(b"\0")[0].decode("utf-8", "replace")
