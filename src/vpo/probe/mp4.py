"""Facts of tracks from the boxes of MP4 and QuickTime files that no probing library reports.

Boxes are those of ISO/IEC 14496-12 (``ftyp``, ``tkhd``, ``hdlr``, ``stsd``, ``clap``, ``mdcv``,
``clli``), of
"Dolby Vision Streams within the ISO Base Media File Format" (``dvcC``, ``dvvC``, ``dvwC``,
``hvcE``), of VP9's binding (``SmDm``, ``CoLL``) and of Google's Spherical Video V2 (``st3d``,
``sv3d``). Only headers and those small boxes are read, so that long sample tables cost nothing;
but ``sample_bytes`` adds up ``stsz``.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from vpo.probe import mp4_edits
from vpo.probe.mp4_edits import time_scale

_MAX_BOXES = 4096
_MAX_SMALL = 4096
_HEADER = 8
_VISUAL = 78
"""Bytes of a visual sample entry before the boxes in it."""
_PARENTS = (b"edts", b"mdia", b"minf", b"stbl")
_ENCRYPTED = (b"encv", b"enca", b"enct", b"encs", b"drmi", b"drms", b"drmt")
"""Sample entries of protected streams (ISO/IEC 14496-12, 8.12), and those of Apple's."""
_KNOWN = frozenset(
    b"ftyp styp moov mdat free skip wide moof mfra sidx ssix prft emsg pdin pnot".split()
)
"""The outermost boxes without anything that ffmpeg would not write, or write anew."""
_VENDORS = {
    b"sefd": " in which Samsung's telephones keep where slow motion and other effects are",
    b"uuid": " of one program or maker",
    b"meta": " of tags outside the film",
    b"udta": " of tags outside the film",
}
"""What is in boxes that no standard defines, as the end of a parenthesis."""
_LARGEST_TRAILER = 1 << 28
"""Bytes of a box that a maker appends, at most; four letters are a larger number."""
_STEREO = {1: "top and bottom", 2: "side by side"}
_PROJECTIONS = {b"equi": "equirectangular", b"cbmp": "cubemap", b"mshp": "mesh"}


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its type, and the offsets of the start and the end of its data."""

    kind: bytes
    data: int
    end: int


@dataclass(frozen=True, slots=True)
class Mp4Track:
    """A track: its id, the type of its first sample entry (``hvc1``, ``tmcd``), and side data.

    It is ``encrypted`` if any of its sample entries is.
    """

    id: int
    tag: str
    side_data: tuple[tuple[str, str], ...] = ()
    encrypted: bool = False


def read_tracks(fd: int) -> tuple[Mp4Track, ...]:
    """Return the tracks of an open file; malformed ones are left out."""
    boxes = list(_movie_boxes(fd))
    scale = next((time_scale(_read(fd, box))[0] for box in boxes if box.kind == b"mvhd"), 0)
    found = (_entry(fd, box, scale) for box in boxes if box.kind == b"trak")
    return tuple(entry for entry in found if entry is not None)


def chapter_pictures(fd: int) -> frozenset[int]:
    """Return the ids of the tracks with the pictures of chapters, as Apple's tools write them."""
    named: set[int] = set()
    video: set[int] = set()
    for track in tracks(fd):
        boxes = boxes_of(fd, track)
        if b"tref" in boxes:
            named.update(_chapter_tracks(fd, boxes[b"tref"]))
        if b"tkhd" in boxes and _is_video(fd, boxes):
            video.add(_track_id(_read(fd, boxes[b"tkhd"])))
    return frozenset(named & video)


def _chapter_tracks(fd: int, references: Box) -> Iterator[int]:
    for reference in children(fd, references.data, references.end):
        if reference.kind == b"chap":
            ids = _read(fd, reference)
            yield from (number for (number,) in struct.iter_unpack(">I", ids[: len(ids) // 4 * 4]))


def outside(fd: int) -> Iterator[str]:
    """Yield, as display text, what lies outside the boxes that ffmpeg reads and writes again."""
    end, length = 0, os.fstat(fd).st_size
    for box in children(fd, 0, length):
        if box.kind not in _KNOWN:
            what = _VENDORS.get(box.kind, "")
            yield f"the box {box.kind.decode('latin-1')!r} ({box.end - box.data:,} bytes{what})"
        end = box.end
    if end < length:
        yield f"the {length - end:,} bytes behind its last box"


def sample_bytes(fd: int) -> tuple[int, ...]:
    """Return the bytes of the samples of each track, in order; fragments are not counted."""
    return tuple(_sample_bytes_in(fd, track) for track in tracks(fd))


def tracks(fd: int) -> Iterator[Box]:
    """Return the boxes of the tracks, in order."""
    return (box for box in _movie_boxes(fd) if box.kind == b"trak")


def _sample_bytes_in(fd: int, parent: Box) -> int:
    total = 0
    for box in children(fd, parent.data, parent.end):
        if box.kind in _PARENTS:
            total += _sample_bytes_in(fd, box)
        elif box.kind == b"stsz":
            _, size, count = struct.unpack(">3I", os.pread(fd, 12, box.data).ljust(12, b"\0"))
            total += size * count
            if not size:
                table = os.pread(fd, min(4 * count, box.end - box.data - 12), box.data + 12)
                total += sum(struct.unpack(f">{len(table) // 4}I", table))
    return total


def fills_file(fd: int) -> bool:
    """Return whether the top-level boxes fill the file exactly (ISO/IEC 14496-12, 4.2)."""
    offset, length = 0, os.fstat(fd).st_size
    while offset < length:
        header = os.pread(fd, 16, offset)
        if len(header) < _HEADER:
            return False
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            return header[4:8] != bytes(4)  # it goes to the end, unless there are zeros
        if size < _HEADER:
            return False
        offset += size
    return offset == length


def is_whole(fd: int) -> bool:
    """Return whether nothing of the film is cut off: what follows its boxes is no part of a box.

    Cameras and programs append data of their own, and downloads may end in zeros. Of a fragmented
    film, more could follow.
    """
    if fills_file(fd):
        return True
    boxes = list(children(fd, 0, os.fstat(fd).st_size))
    kinds = {box.kind for box in boxes}
    if not {b"moov", b"mdat"} <= kinds or b"moof" in kinds:
        return False
    rest = os.pread(fd, _HEADER, boxes[-1].end)
    size, kind = int.from_bytes(rest[:4], "big"), rest[4:]
    is_box = kind in _KNOWN or (kind.isalnum() and size < _LARGEST_TRAILER)
    return not is_box


def children(fd: int, start: int, end: int) -> Iterator[Box]:
    """Yield the consecutive boxes from ``start``, until one does not fit."""
    for _ in range(_MAX_BOXES):
        header = os.pread(fd, 16, start)
        if start + 8 > end or len(header) < 8:
            return
        size, data = int.from_bytes(header[:4], "big"), start + 8
        if size == 1:
            size, data = int.from_bytes(header[8:16], "big"), start + 16
        elif header[:8] == bytes(8):
            return  # zeros, not a box that goes to the end
        stop = end if size == 0 else start + size
        if stop < data or stop > end:
            return
        yield Box(header[4:8], data, stop)
        start = stop


def _movie_boxes(fd: int) -> Iterator[Box]:
    """Yield the boxes in ``moov``, of which there should be one."""
    for box in children(fd, 0, os.fstat(fd).st_size):
        if box.kind == b"moov":
            yield from children(fd, box.data, box.end)


def _entry(fd: int, trak: Box, movie_scale: int) -> Mp4Track | None:
    boxes = boxes_of(fd, trak)
    header = _read(fd, boxes[b"tkhd"]) if b"tkhd" in boxes else b""
    if len(header) < 84:
        return None
    described = boxes.get(b"stsd")
    samples = list(children(fd, described.data + 8, described.end)) if described else []
    if not samples:
        return Mp4Track(_track_id(header), "")
    facts: dict[str, str] = {}
    if _is_video(fd, boxes):
        facts = dict(_visual_side_data(fd, samples[0]))
        matrix = 52 if header[0] else 40  # version 1 has longer times
        if turn := _rotation(header[matrix : matrix + 36]):
            facts["rotation"] = turn
        timing = {kind: _read(fd, boxes[kind]) for kind in mp4_edits.BOXES if kind in boxes}
        if mp4_edits.hides_frames(timing, movie_scale):
            facts["trim"] = "edit list"
    tag = samples[0].kind.decode("latin-1").strip("\0 ")
    encrypted = any(item.kind in _ENCRYPTED for item in samples)
    return Mp4Track(_track_id(header), tag, tuple(sorted(facts.items())), encrypted)


def boxes_of(fd: int, trak: Box) -> dict[bytes, Box]:
    """Return the boxes in a track, at any depth, by type; the handler is that of its media."""
    found: dict[bytes, Box] = {}
    pending = [trak]
    while pending:
        parent = pending.pop()
        for box in children(fd, parent.data, parent.end):
            if box.kind in _PARENTS:
                pending.append(box)
            elif box.kind != b"hdlr" or parent.kind == b"mdia":
                found[box.kind] = box
    return found


def _track_id(header: bytes) -> int:
    at = 20 if header[:1] == b"\1" else 12
    return int.from_bytes(header[at : at + 4], "big")


def _is_video(fd: int, boxes: dict[bytes, Box]) -> bool:
    return b"hdlr" in boxes and _read(fd, boxes[b"hdlr"])[8:12] == b"vide"


def _read(fd: int, box: Box) -> bytes:
    return os.pread(fd, min(box.end - box.data, _MAX_SMALL), box.data)


def _rotation(matrix: bytes) -> str | None:
    """Return the rotation of the video, in degrees clockwise; ``None`` without one."""
    a, b, _, c, d = struct.unpack(">5i", matrix[:20])
    degrees = round(math.degrees(math.atan2(b, a))) % 360
    if a * d - b * c < 0:
        return f"mirrored {degrees}"
    return str(degrees) if degrees else None


def _visual_side_data(fd: int, sample: Box) -> Iterator[tuple[str, str]]:
    """Yield the side data in a visual sample entry."""
    for box in children(fd, sample.data + _VISUAL, sample.end):
        if box.kind in _READERS:
            name, reader = _READERS[box.kind]
            try:
                value = reader(_read(fd, box))
            except (struct.error, IndexError):
                continue
            if value:
                yield name, value
        elif box.kind == b"clap" and (value := _crop(fd, sample, box)):
            yield "crop", value


def dolby_vision(record: bytes) -> str:
    """Return profile and compatibility of a Dolby Vision configuration record: ``8.1``."""
    return f"{record[2] >> 1}.{record[4] >> 4}"


def luminance_range(most: float, least: float) -> str:
    """Return a display's luminance range as text, in candela a square metre: ``0.005-1000``."""
    return f"{least:.4g}-{most:.4g}"


def _mastering(data: bytes) -> str:
    most, least = struct.unpack(">2I", data[16:24])
    return luminance_range(most / 10_000, least / 10_000)


def _mastering_vp9(data: bytes) -> str:
    most, least = struct.unpack(">2I", data[20:28])
    return luminance_range(most / 256, least / 16_384)


def _light(data: bytes) -> str:
    return "/".join(str(value) for value in struct.unpack(">2H", data[:4]))


def _light_vp9(data: bytes) -> str:
    return _light(data[4:])


def _stereo(data: bytes) -> str | None:
    return _STEREO.get(data[4], f"mode {data[4]}") if data[4] else None


def _constant(value: str, _data: bytes) -> str:
    return value


def _projection(data: bytes) -> str | None:
    """Return the kind of box in ``proj`` in ``sv3d``, after the name of the writer."""
    return next((name for kind, name in _PROJECTIONS.items() if kind in data), "unknown")


_READERS: dict[bytes, tuple[str, Callable[[bytes], str | None]]] = {
    b"dvcC": ("dolby_vision", dolby_vision),
    b"dvvC": ("dolby_vision", dolby_vision),
    b"dvwC": ("dolby_vision", dolby_vision),
    b"hvcE": ("dolby_vision_layer", partial(_constant, "hvcE")),
    b"avcE": ("dolby_vision_layer", partial(_constant, "avcE")),
    b"mdcv": ("mastering", _mastering),
    b"SmDm": ("mastering", _mastering_vp9),
    b"clli": ("light_levels", _light),
    b"CoLL": ("light_levels", _light_vp9),
    b"st3d": ("stereo", _stereo),
    b"sv3d": ("projection", _projection),
    b"lhvC": ("spatial", partial(_constant, "MV-HEVC")),
}


def _crop(fd: int, sample: Box, box: Box) -> str | None:
    """Return the clean aperture, if it is not the whole frame."""
    whole = os.pread(fd, 4, sample.data + 24)
    values = _read(fd, box)[:16]
    if len(whole) < 4 or len(values) < 16:
        return None
    width, height = struct.unpack(">2H", whole)
    across, by, down, per = struct.unpack(">4I", values)
    if (across, down) == (width * by, height * per):
        return None
    return f"{across / (by or 1):g}x{down / (per or 1):g}"
