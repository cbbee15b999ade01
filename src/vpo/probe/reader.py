"""path -> MediaFile, with PyAV, in process: a few milliseconds a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from vpo.errors import ProbeError
from vpo.media.containers import CONTAINERS, container
from vpo.media.languages import same
from vpo.media.model import Attachment, Chapter, Color, MediaFile, Track, TrackType
from vpo.probe import h264, hdr, matroska, mp4, mpegts
from vpo.probe import matroska_tags as notes
from vpo.probe.ebml import StructureError

if TYPE_CHECKING:
    import av.container

_FORMATS = {
    "matroska,webm": "mkv",
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "mpegts": "ts",
    "asf": "wmv",
    "mpeg": "mpg",
    **{name: name for name in CONTAINERS},
}
_DOCTYPES = {"webm": "webm"}
_FLAGS = (
    "default",
    "dub",
    "original",
    "comment",
    "lyrics",
    "karaoke",
    "forced",
    "hearing_impaired",
    "visual_impaired",
    "clean_effects",
    "captions",
    "descriptions",
    "dependent",
)
_DISCARD_ALL = 48
"""AVDISCARD_ALL: how ffmpeg's MOV demuxer marks the text track that only holds chapter titles, and
data whose samples have no duration."""
_FIELD_ORDERS = {2: "tt", 3: "bb", 4: "tb", 5: "bt"}
"""AVFieldOrder, of interlaced pictures; before PyAV 15 it is not told."""
_SKIP_FRAMES = {"skip_frame": "all", "analyzeduration": "500000"}
"""The decoders that find out more about streams decode nothing (ffmpeg-codecs(1)). As they then
never know all, the search ends after half a second of the film (ffmpeg-formats(1)), not after five:
they may be far apart in the file."""
_HEAD = 8
_CHAPTER_TITLES = frozenset({"text", "tx3g"})
_TOLD_ELSEWHERE = frozenset({"title", "name", "language", "filename", "mimetype"})
"""Tags of a stream that are facts of their own."""
_UNKNOWN_SUBTITLES = {"S_TEXT/WEBVTT": "webvtt", "S_HDMV/TEXTST": "hdmv_text_subtitle"}
"""Matroska codec ids that ffmpeg's demuxer does not name."""


def probe(path: str, frames: bool = False, decode: bool = True) -> MediaFile:
    """What the file is; ``ProbeError`` if it cannot be read as a video container.

    With ``frames``, the first picture is decoded of every video track that may be more than SDR:
    some milliseconds more. Without ``decode``, ffmpeg decodes nothing to find out what the headers
    do not say, such as the pixel format of H.264: tens of milliseconds less for large pictures.
    """
    with _opened(path) as (fd, stat):
        known = _matroska(fd)
        if decode and _may_tell_all(fd, known):
            with _open(path, fd, decode=False) as source:
                if _tells_all(source):
                    return _looked_at(path, fd, stat, source, known, frames)
        with _open(path, fd, decode) as source:
            return _looked_at(path, fd, stat, source, known, frames)


def headers_and_ends(path: str) -> tuple[MediaFile, dict[int, float]]:
    """``probe`` without decoding, and the ``last_times`` of all video and audio; the file is
    opened once."""
    with _opened(path) as (fd, stat), _open(path, fd, decode=False) as source:
        media = _looked_at(path, fd, stat, source, _matroska(fd))
        return media, _last_times(source, media.duration, media.timed)


@contextmanager
def _opened(path: str) -> Iterator[tuple[int, os.stat_result]]:
    """The file, for as long as it is looked at; what the parser raises becomes ``ProbeError``."""
    import av

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ProbeError(f"cannot be opened: {error.strerror}") from None
    try:
        stat = os.fstat(fd)
        if not S_ISREG(stat.st_mode):
            raise ProbeError("not a regular file")
        if stat.st_size == 0:
            raise ProbeError("the file is empty; get it again, or remove it")
        yield fd, stat
    except (av.FFmpegError, UnicodeError) as error:
        raise ProbeError(
            f"cannot be read as a video file: {_reason(error)}; "
            "it is damaged, not whole, or no video"
        ) from None
    finally:
        os.close(fd)


def _open(path: str, fd: int, decode: bool) -> av.container.InputContainer:
    import av

    options = {} if decode else _SKIP_FRAMES
    return av.open(openable(path, fd), options=options, metadata_errors="replace")


def _looked_at(
    path: str,
    fd: int,
    stat: os.stat_result,
    source: av.container.InputContainer,
    known: _Structure | None,
    frames: bool = False,
) -> MediaFile:
    name = _FORMATS.get(source.format.name)
    if name is None:
        raise ProbeError(f"not a video container that vpo knows ({source.format.name})")
    structure = known if known and container(name).matroska else _structure(fd, name)
    media = _media(path, stat, structure, source)
    return hdr.read(media, source) if frames else media


def _may_tell_all(fd: int, known: _Structure | None) -> bool:
    """Whether the file has H.264 whose parameters are in the container's header."""
    if known is not None:
        return any(entry.codec_id == "V_MPEG4/ISO/AVC" for entry in known.entries)
    try:
        is_mp4 = os.pread(fd, _HEAD, 0)[4:] == b"ftyp"
        return is_mp4 and any(entry.tag == "avc1" for entry in mp4.entries(fd))
    except OSError:
        return False


def _tells_all(source: av.container.InputContainer) -> bool:
    """Whether nothing has to be decoded to know what all pictures are, and by which profiles."""
    media = [stream for stream in source.streams if stream.type in ("video", "audio")]
    profiles = all(stream.profile or not stream.profiles for stream in media)
    return profiles and all(
        stream.codec_context is not None
        and stream.codec_context.name == "h264"
        and h264.pictures(stream.codec_context.extradata) is not None
        for stream in source.streams.video
    )


def openable(path: str, fd: int) -> str:
    """A name of the open file that PyAV can encode; it takes none that is not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{fd}"
    return path


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).lower()


def _media(
    path: str, stat: os.stat_result, structure: _Structure, source: av.container.InputContainer
) -> MediaFile:
    tags = {key.lower(): value for key, value in source.metadata.items()}
    mp4_family = container(structure.container).mp4_family
    if mp4_family and tags.get("major_brand", "").startswith("qt"):
        structure.container = "mov"
    if structure.titled:
        tags["title"] = structure.title or ""
    streams = list(source.streams)
    real = [s for s in streams if _is_track(s, structure)]
    if not any(s.type in ("video", "audio", "subtitle") for s in real):
        raise ProbeError(
            "there is no video, audio or subtitle track in it; get it again, or remove it"
        )
    return MediaFile(
        path=path,
        container=structure.container,
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        duration=source.duration / 1_000_000 if source.duration else None,
        tracks=_identified(real, structure),
        attachments=_attachments(streams),
        chapters=tuple(_chapter(item) for item in source.chapters()),
        tags=tuple(sorted((key, value) for key, value in tags.items() if value)),
        fragile=structure.fragile,
    )


@dataclass
class _Structure:
    """What vpo reads of a container by itself; ``titled`` if its title is known, or known to lack.

    ``boxes`` are MP4's tracks by their id, which is the stream's.
    """

    container: str
    entries: tuple[matroska.Entry, ...] = ()
    boxes: dict[int, mp4.Entry] = field(default_factory=dict)
    titled: bool = False
    title: str | None = None
    fragile: tuple[str, ...] = ()


def _structure(fd: int, name: str) -> _Structure:
    if container(name).mp4_family:
        return _Structure(name, boxes={entry.id: entry for entry in mp4.entries(fd)})
    if container(name).transport_stream:
        programs = mpegts.programs(fd)
        return _Structure(
            "m2ts" if mpegts.packet_size(fd) > mpegts.PLAIN else "ts",
            fragile=(f"{programs} programs",) if programs > 1 else (),
        )
    return _Structure(name)


def _matroska(fd: int) -> _Structure | None:
    """As ``_structure``, of Matroska; ``None`` for what is none, or cannot be read as such."""
    try:
        structure = matroska.read(fd)
    except (StructureError, OSError):
        return None
    said = notes.read(fd, structure)
    entries = matroska.entries(fd, structure)
    return _Structure(
        _DOCTYPES.get(structure.doctype, "mkv"),
        entries,
        titled=said is not None,
        title=said.title if said else None,
        fragile=(*(said.fragile if said else ()), *_odd_tracks(entries)),
    )


def _odd_tracks(entries: tuple[matroska.Entry, ...]) -> Iterator[str]:
    if any(not entry.enabled for entry in entries):
        yield "tracks that are disabled"
    if any(not entry.type for entry in entries):
        yield "tracks of a type that ffmpeg does not know"


def _is_track(stream: Any, structure: _Structure) -> bool:
    if stream.type == "attachment" or stream.disposition & stream.disposition.attached_pic:
        return False
    if stream.type != "data" or int(stream.discard) != _DISCARD_ALL:
        return True
    entry = structure.boxes.get(stream.id)
    return entry is not None and entry.tag not in _CHAPTER_TITLES


def _identified(streams: list[Any], structure: _Structure) -> tuple[Track, ...]:
    """The tracks, with mkvtoolnix's identity where both readers see the same tracks.

    Tracks of a type that ffmpeg does not know it passes over; mkvtoolnix counts them.
    """
    known = [(number, entry) for number, entry in enumerate(structure.entries) if entry.type]
    if [s.type for s in streams] != [entry.type for _, entry in known]:
        return tuple(_track(s, None, structure.boxes.get(s.id)) for s in streams)
    return tuple(
        _track(stream, number, entry)
        for stream, (number, entry) in zip(streams, known, strict=True)
    )


def _track(stream: Any, number: int | None, entry: matroska.Entry | mp4.Entry | None) -> Track:
    context = stream.codec_context
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    own = entry if isinstance(entry, matroska.Entry) else None
    ietf = own.language_ietf if own else None
    kind: TrackType = stream.type if stream.type in ("video", "audio", "subtitle") else "data"
    return Track(
        index=stream.index,
        type=kind,
        codec=_codec(context, entry),
        profile=stream.profile or None,
        language=_language(stream.language, ietf),
        title=tags.get("title") or tags.get("name"),
        dispositions=_dispositions(stream),
        bit_rate=getattr(context, "bit_rate", None) or _number(tags.get("bps")),
        duration=_duration(stream),
        codec_tag=_codec_tag(context, entry),
        matroska_id=number,
        matroska_uid=own.uid if own else None,
        language_ietf=ietf,
        tags=tuple(sorted((k, v) for k, v in tags.items() if k not in _TOLD_ELSEWHERE)),
        side_data=entry.side_data if entry else (),
        **(_picture(stream, context) if kind == "video" and context else {}),
        **(_sound(context) if kind == "audio" and context else {}),
    )


def _language(written: str | None, ietf: str | None) -> str | None:
    if ietf and ("-" in ietf or not same(written, ietf)):
        return ietf
    return written or None


def _codec(context: Any, entry: matroska.Entry | mp4.Entry | None) -> str:
    """The name of the codec; of data in MP4 that ffmpeg has no name for, the box that says it."""
    if context is not None:
        return str(context.codec.canonical_name)
    if isinstance(entry, matroska.Entry):
        return _UNKNOWN_SUBTITLES.get(entry.codec_id, "unknown")
    return (entry.tag if entry else "") or "unknown"


def _codec_tag(context: Any, entry: matroska.Entry | mp4.Entry | None) -> str | None:
    """The container's own name; in Matroska only where ffmpeg does not know what it means."""
    if isinstance(entry, matroska.Entry):
        return entry.codec_id if context is None else None
    tag = getattr(context, "codec_tag", None) or (entry.tag if entry else None)
    return tag if tag and tag.isprintable() and tag.strip("\0 ") else None


def _picture(stream: Any, context: Any) -> dict[str, Any]:
    rate = stream.average_rate
    # Not ``pix_fmt``: reading that where it is unknown crashes PyAV before 18.
    pixels = context.format.name if context.format else None
    told = h264.pictures(context.extradata) if pixels is None else None
    return {
        "width": context.width or None,
        "height": context.height or None,
        "pixel_format": told.pixel_format(context.color_range) if told else pixels,
        "color": _color(context, told),
        "frame_rate": str(rate) if rate else None,
        "field_order": _FIELD_ORDERS.get(getattr(context, "field_order", 0)),
    }


def _sound(context: Any) -> dict[str, Any]:
    return {
        "channels": context.channels or None,
        "layout": context.layout.name if context.channels else None,
        "sample_rate": context.sample_rate or None,
    }


def _color(context: Any, told: h264.Pictures | None) -> Color | None:
    """What the stream says of its colours goes before what the container says."""
    from vpo.media.color import PRIMARIES, RANGES, SPACES, TRANSFERS

    said = told or h264.Pictures("")
    color = Color(
        space=SPACES.get(_first(said.space, context.colorspace)),
        primaries=PRIMARIES.get(_first(said.primaries, context.color_primaries)),
        transfer=TRANSFERS.get(_first(said.transfer, context.color_trc)),
        range=RANGES.get(_first(said.range, context.color_range)),
    )
    return color if color != Color() else None


def _first(told: int | None, otherwise: int) -> int:
    return otherwise if told is None else told


def _dispositions(stream: Any) -> frozenset[str]:
    flags = stream.disposition
    return frozenset(name for name in _FLAGS if flags & getattr(type(flags), name))


def _duration(stream: Any) -> float | None:
    if not stream.duration or not stream.time_base:
        return None
    return float(stream.duration * stream.time_base)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _attachments(streams: list[Any]) -> tuple[Attachment, ...]:
    carried = [
        s for s in streams if s.type == "attachment" or s.disposition & s.disposition.attached_pic
    ]
    return tuple(_attachment(stream, number) for number, stream in enumerate(carried, 1))


def _attachment(stream: Any, number: int) -> Attachment:
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    cover = stream.type != "attachment"
    codec = stream.codec_context.codec.canonical_name if cover and stream.codec_context else None
    mime = getattr(stream, "mimetype", None) or tags.get("mimetype")
    return Attachment(
        index=stream.index,
        filename=tags.get("filename"),
        mime_type=mime or (f"image/{'jpeg' if codec == 'mjpeg' else codec}" if cover else None),
        description=tags.get("title"),
        size=None if cover else len(stream.data),
        cover=cover,
        codec=codec,
        matroska_id=number,
    )


def _chapter(item: Any) -> Chapter:
    base = float(item["time_base"])
    return Chapter(
        start=round(item["start"] * base, 3),
        end=round(item["end"] * base, 3),
        title=item["metadata"].get("title"),
    )


_TAIL_SECONDS = 5.0


def last_times(path: str, duration: float | None, indexes: frozenset[int]) -> dict[int, float]:
    """When the last packet of each of these streams ends, in seconds from the file's start; streams
    without one left out. (A transport stream begins its count anywhere.)

    Only the last seconds are read, which tells a file that was cut short from a whole one.
    Nothing is known (an empty result) of a file without a duration, where seeking is not possible.
    """
    import av

    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with _open(path, fd, decode=False) as source:
            return _last_times(source, duration, indexes)
    except (av.FFmpegError, OSError) as error:
        raise ProbeError(f"its end cannot be read: {_reason(error)}") from None
    finally:
        os.close(fd)


def _last_times(
    source: av.container.InputContainer, duration: float | None, indexes: frozenset[int]
) -> dict[int, float]:
    if not duration:
        return {}
    first = (source.start_time or 0) / 1_000_000
    if duration > _TAIL_SECONDS:
        start = first + duration - _TAIL_SECONDS
        source.seek(int(start * 1_000_000), backward=True, any_frame=False)
    return {index: end - first for index, end in _packet_ends(source, indexes).items()}


def _packet_ends(source: av.container.InputContainer, indexes: frozenset[int]) -> dict[int, float]:
    bases = {s.index: s.time_base for s in source.streams if s.index in indexes and s.time_base}
    ends: dict[int, int] = {}
    for packet in source.demux([source.streams[index] for index in bases]):
        # In the stream's own units: a fraction for each packet would take twice the time.
        if packet.pts is not None:
            index, end = packet.stream_index, packet.pts + (packet.duration or 0)
            ends[index] = max(end, ends.get(index, 0))
    return {index: float(end * bases[index]) for index, end in ends.items()}


def keyframes(path: str, index: int, times: Sequence[float]) -> list[float]:
    """For each of these times, where the last keyframe of the stream before it begins; seconds from
    the file's start."""
    import av

    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with av.open(openable(path, fd), metadata_errors="replace") as source:
            first = (source.start_time or 0) / 1_000_000
            return [_keyframe(source, index, first + time) - first for time in times]
    except (av.FFmpegError, IndexError) as error:
        raise ProbeError(f"its keyframes cannot be found: {_reason(error)}") from None
    finally:
        os.close(fd)


def _keyframe(source: av.container.InputContainer, index: int, time: float) -> float:
    stream = source.streams[index]
    base = stream.time_base
    if base is None:
        return time
    source.seek(int(time / base), backward=True, any_frame=False, stream=stream)
    begins = (packet.pts for packet in source.demux(stream) if packet.is_keyframe)
    pts = next(begins, None)
    return float(pts * base) if pts is not None else time


def picture(path: str, index: int) -> bytes:
    """The data of a cover picture."""
    import av

    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with av.open(openable(path, fd), metadata_errors="replace") as source:
            stream = source.streams[index]
            return next(bytes(packet) for packet in source.demux(stream) if packet.size)
    except (av.FFmpegError, StopIteration, IndexError) as error:
        raise ProbeError(f"the cover picture cannot be read: {_reason(error)}") from None
    finally:
        os.close(fd)
