"""The top-level structure of a Matroska or WebM file, and its tracks, without its clusters.

mkvtoolnix and ffmpeg number tracks differently, and a header edit rewrites elements in place; both
require facts that no probing library reports: the TrackEntry elements in order, and the offsets of
all elements outside the clusters. Elements and ids are those of RFC 8794 (EBML) and RFC 9559
(Matroska).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from vpo.probe.ebml import Items, StructureError, items, read_float, read_text, read_uint
from vpo.probe.mp4 import dolby_vision, luminance_range

EBML = 0x1A45DFA3
DOCTYPE = 0x4282
SEGMENT = 0x18538067
SEEK_HEAD = 0x114D9B74
CLUSTER = 0x1F43B675
TRACKS = 0x1654AE6B

_INFO, _CUES, _ATTACHMENTS, _CHAPTERS = 0x1549A966, 0x1C53BB6B, 0x1941A469, 0x1043A770
_TAGS, _VOID, _CRC = 0x1254C367, 0xEC, 0xBF
_IN_SEGMENT = frozenset(
    {SEEK_HEAD, _INFO, TRACKS, CLUSTER, _CUES, _ATTACHMENTS, _CHAPTERS, _TAGS, _VOID, _CRC}
)
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TRACK_ENTRY, _TRACK_UID, _TRACK_TYPE, _CODEC_ID = 0xAE, 0x73C5, 0x83, 0x86
_NAME, _LANGUAGE, _LANGUAGE_BCP47 = 0x536E, 0x22B59C, 0x22B59D
_ENCODINGS, _ENCODING, _ENCRYPTION = 0x6D80, 0x6240, 0x5035
_LANGUAGE_IF_NONE = "eng"
"""The default of the Language element (RFC 9559, 5.1.4.1.19)."""
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

MAX_ELEMENTS = 4096
"""The most top-level elements to follow."""
_MAX_SIZE = 16 << 20
"""The most bytes of an element that is read as a whole, such as the list of tracks."""


_MOST_STRAY = 1 << 20
"""The most bytes that some other program may have put behind a film, in a file of any size."""


@dataclass(frozen=True, slots=True)
class Element:
    """An EBML element: its id, and the offsets of its start, of its data, and of the end of that.

    ``end`` is ``None`` for an element of unknown size (a live recording).
    """

    id: int
    start: int
    data: int
    end: int | None


@dataclass(frozen=True, slots=True)
class TrackEntry:
    """A TrackEntry; its position in the list is mkvmerge's track id.

    ``language`` is its Language element, whatever tags say. ``side_data`` is named as in
    ``vpo.media.model.SIDE_DATA``.
    """

    uid: int | None
    type: str | None
    codec_id: str
    language_ietf: str | None
    language: str = _LANGUAGE_IF_NONE
    name: str | None = None
    enabled: bool = True
    encrypted: bool = False
    side_data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """The elements before the first cluster, and those after it that the SeekHead lists.

    ``head`` are the segment's children before ``first_cluster`` (an offset; the file's length if
    there is no cluster); ``behind`` are the offsets of elements after it. ``stray`` are the bytes
    behind the end of the segment that are no part of any film.
    """

    doctype: str
    length: int
    segment: Element
    head: tuple[Element, ...]
    first_cluster: int
    behind: tuple[int, ...]
    tracks: Element | None
    stray: int = 0

    @property
    def end(self) -> int:
        """Where the film ends."""
        return self.length - self.stray

    @property
    def complete(self) -> bool:
        """Whether the segment ends where the film ends: false for a truncated file."""
        return self.segment.end is None or self.segment.end == self.end

    @property
    def misplaced(self) -> Element | None:
        """The first element before the clusters that has no place in a segment."""
        return next((item for item in self.head if item.id not in _IN_SEGMENT), None)


def read_structure(fd: int) -> Structure:
    """Return the structure of an open file; ``StructureError`` if it is not Matroska."""
    length = os.fstat(fd).st_size
    header = element(fd, 0, length)
    if header.id != EBML or header.end is None:
        raise StructureError("no EBML header")
    doctypes = [read_text(data) for identity, data in inside(fd, header) if identity == DOCTYPE]
    segment = element(fd, header.end, length)
    if segment.id != SEGMENT:
        raise StructureError("no segment after the EBML header")
    head, first_cluster = _head(fd, segment, length)
    sought = list(_seek_entries(fd, segment, head, length))
    return Structure(
        doctype=next(iter(doctypes), "matroska"),
        length=length,
        segment=segment,
        head=head,
        first_cluster=first_cluster,
        behind=tuple(sorted({item.start for item in sought if item.start > first_cluster})),
        tracks=next((item for item in (*head, *sought) if item.id == TRACKS), None),
        stray=_stray(fd, segment, length),
    )


def end_of_film(fd: int) -> int | None:
    """Return where the film in an open Matroska file ends, if something else is behind it."""
    try:
        structure = read_structure(fd)
    except StructureError:
        return None  # another container
    return structure.end if structure.stray else None


def _stray(fd: int, segment: Element, length: int) -> int:
    """Return the number of bytes behind a segment that states its end and is all there.

    None if they may belong to a film: if there are many, or an element that has packets.
    """
    size = 0 if segment.end is None else length - segment.end
    if not 0 < size <= _MOST_STRAY:
        return 0
    data = os.pread(fd, size, length - size)
    film = (identity.to_bytes(4, "big") for identity in (EBML, SEGMENT, CLUSTER))
    return 0 if any(identity in data for identity in film) else size


def element(fd: int, offset: int, limit: int) -> Element:
    """Return the element that starts at ``offset``; ``StructureError`` if none does."""
    raw = os.pread(fd, 12, offset) if offset < limit else b""
    if not raw or not raw[0]:
        raise StructureError(f"no element at byte {offset}")
    id_length = 9 - raw[0].bit_length()
    if id_length > 4 or len(raw) <= id_length or not raw[id_length]:
        raise StructureError(f"no element at byte {offset}")
    size_length = 9 - raw[id_length].bit_length()
    field = raw[id_length : id_length + size_length]
    if len(field) < size_length:
        raise StructureError(f"element truncated at byte {offset}")
    size = int.from_bytes(field, "big") & ((1 << (7 * size_length)) - 1)
    data = offset + id_length + size_length
    if size == (1 << (7 * size_length)) - 1:
        return Element(int.from_bytes(raw[:id_length], "big"), offset, data, None)
    identity = int.from_bytes(raw[:id_length], "big")
    if data + size > limit and identity != SEGMENT:
        raise StructureError(f"element at byte {offset} ends after the end of the file")
    return Element(identity, offset, data, data + size)


def _head(fd: int, segment: Element, length: int) -> tuple[tuple[Element, ...], int]:
    """Return the segment's children before the first cluster, and the offset of that."""
    head: list[Element] = []
    offset = segment.data
    while offset < length and len(head) < MAX_ELEMENTS:
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
) -> Iterator[Element]:
    """Yield the elements that the SeekHeads list and that really exist.

    A SeekHead may list another one after the clusters, which is followed once.
    """
    pending = [item for item in head if item.id == SEEK_HEAD]
    seen: set[int] = set()
    while pending and len(seen) < 16:
        seek_head = pending.pop()
        seen.add(seek_head.start)
        for identity, position in seeks(fd, seek_head):
            offset = segment.data + position
            try:
                item = element(fd, offset, length)
            except StructureError:
                continue
            if item.id != identity or identity == CLUSTER:
                continue
            yield item
            if identity == SEEK_HEAD and offset not in seen:
                pending.append(item)


def seeks(fd: int, seek_head: Element) -> Iterator[tuple[int, int]]:
    """Yield the id of each element that a SeekHead lists, and its position in the segment."""
    for identity, data in inside(fd, seek_head):
        if identity != _SEEK:
            continue
        fields = dict(items(data))
        if _SEEK_ID in fields and _SEEK_POSITION in fields:
            yield read_uint(fields[_SEEK_ID]), read_uint(fields[_SEEK_POSITION])


def inside(fd: int, parent: Element) -> Items:
    """Return an element's children; ``StructureError`` if it is too large to be read as a whole."""
    size = (parent.end or parent.data) - parent.data
    if size > _MAX_SIZE:
        raise StructureError(f"an element of {size:,} bytes at byte {parent.start}")
    return items(os.pread(fd, size, parent.data))


def track_entries(fd: int, structure: Structure) -> tuple[TrackEntry, ...]:
    """Return the tracks in order; none if they cannot be read."""
    if structure.tracks is None:
        return ()
    try:
        found = inside(fd, structure.tracks)
        return tuple(_entry(items(data)) for identity, data in found if identity == _TRACK_ENTRY)
    except StructureError:
        return ()


def _entry(entry: Items) -> TrackEntry:
    facts = dict(entry)
    return TrackEntry(
        uid=read_uint(facts[_TRACK_UID]) if _TRACK_UID in facts else None,
        type=_TYPES.get(read_uint(facts.get(_TRACK_TYPE, b""))),
        codec_id=read_text(facts.get(_CODEC_ID, b"")),
        language_ietf=read_text(facts[_LANGUAGE_BCP47]) if _LANGUAGE_BCP47 in facts else None,
        language=read_text(facts[_LANGUAGE]) if _LANGUAGE in facts else _LANGUAGE_IF_NONE,
        name=read_text(facts.get(_NAME, b"")) or None,
        enabled=_FLAG_ENABLED not in facts or read_uint(facts[_FLAG_ENABLED]) != 0,
        encrypted=_is_encrypted(facts.get(_ENCODINGS, b"")),
        side_data=tuple(sorted(_side_data(entry))),
    )


def _is_encrypted(encodings: bytes) -> bool:
    """Return whether a content encoding encrypts; most only compress."""
    each = (dict(items(data)) for identity, data in items(encodings) if identity == _ENCODING)
    return any(_ENCRYPTION in encoding for encoding in each)


def _side_data(entry: Items) -> Iterator[tuple[str, str]]:
    for identity, data in entry:
        if identity == _VIDEO:
            yield from _video(dict(items(data)))
        elif identity == _MAPPING:
            yield from _mapping(dict(items(data)))


def _video(video: dict[int, bytes]) -> Iterator[tuple[str, str]]:
    if stereo := _number(video, _STEREO_MODE):
        yield "stereo", _STEREO.get(stereo, f"mode {stereo}")
    if _number(video, _ALPHA_MODE):
        yield "alpha", "yes"
    crop = [_number(video, side) for side in _CROP]
    if any(crop):
        yield "crop", ",".join(map(str, crop))
    if _COLOUR in video:
        yield from _hdr_metadata(dict(items(video[_COLOUR])))
    if _PROJECTION in video:
        yield from _projection(dict(items(video[_PROJECTION])))


def _hdr_metadata(colour: dict[int, bytes]) -> Iterator[tuple[str, str]]:
    if _MAX_CLL in colour or _MAX_FALL in colour:
        levels = _number(colour, _MAX_CLL), _number(colour, _MAX_FALL)
        yield "light_levels", "/".join(map(str, levels))
    if _MASTERING in colour:
        display = dict(items(colour[_MASTERING]))
        most, least = (display.get(key, b"") for key in (_LUMINANCE_MAX, _LUMINANCE_MIN))
        yield "mastering", luminance_range(read_float(most), read_float(least))


def _projection(projection: dict[int, bytes]) -> Iterator[tuple[str, str]]:
    kind = _number(projection, _PROJECTION_TYPE)
    if kind:
        yield "projection", _PROJECTIONS.get(kind, f"type {kind}")
    elif turn := round(-read_float(projection.get(_POSE_ROLL, b""))) % 360:
        # The roll is counter-clockwise.
        yield "rotation", str(turn)


def _mapping(mapping: dict[int, bytes]) -> Iterator[tuple[str, str]]:
    kind = _number(mapping, _MAPPING_TYPE)
    record = mapping.get(_MAPPING_DATA, b"")
    if kind in _DOLBY_VISION and len(record) > 4:
        yield "dolby_vision", dolby_vision(record)
    elif kind in _SECOND_LAYER:
        yield "dolby_vision_layer", kind.to_bytes(4, "big").decode()


def _number(facts: dict[int, bytes], identity: int) -> int:
    return read_uint(facts.get(identity, b""))
