"""Conversion of PyAV's streams to tracks and attachments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from vpo.media.containers import container, is_untimed
from vpo.media.languages import same
from vpo.media.model import Attachment, Color, Track, TrackType
from vpo.probe import h264, matroska, mp4
from vpo.probe.container_facts import ContainerFacts
from vpo.probe.media_input import DEMUXERS, REORDERING

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
_COMPRESSION = 1.02
"""How much more than the file all packets may be, as Matroska can compress them."""
_FIELD_ORDERS = {2: "tt", 3: "bb", 4: "tb", 5: "bt"}
"""AVFieldOrder of interlaced video; PyAV reports it from version 15 on."""
_CHAPTER_TITLES = frozenset({"text", "tx3g"})
_FIELDS_OF_THEIR_OWN = frozenset({"title", "name", "language", "filename", "mimetype"})
"""Tags of a stream that have a field of their own in the model."""
_UNKNOWN_SUBTITLES = {"S_TEXT/WEBVTT": "webvtt", "S_HDMV/TEXTST": "hdmv_text_subtitle"}
"""Matroska codec ids that ffmpeg's demuxer does not name."""


def is_track(stream: Any, facts: ContainerFacts) -> bool:
    """Return whether a stream is a track: no attachment, and not the text of chapters."""
    if stream.type == "attachment" or stream.disposition & stream.disposition.attached_pic:
        return False
    if container(facts.container).transport_stream and _is_repeated(stream):
        return False
    if stream.type != "data" or int(stream.discard) != _DISCARD_ALL:
        return True
    entry = facts.mp4_tracks.get(stream.id)
    return entry is not None and entry.tag not in _CHAPTER_TITLES


def _is_repeated(stream: Any) -> bool:
    """Return whether a stream only repeats the PID of another, without anything in it.

    So ffmpeg announces the AC-3 that may be beside TrueHD, and sections that it cannot read.
    """
    first = next(other for other in stream.container.streams if other.id == stream.id)
    silent = stream.type == "audio" and not stream.codec_context.sample_rate
    return first.index != stream.index and (silent or stream.codec_context is None)


def to_tracks(streams: list[Any], facts: ContainerFacts) -> tuple[Track, ...]:
    """Convert streams to tracks, with mkvtoolnix's track ids if both see the same tracks.

    ffmpeg ignores tracks of a type that it does not know; mkvtoolnix counts them.
    """
    known = [(number, entry) for number, entry in enumerate(facts.entries) if entry.type]
    if [s.type for s in streams] != [entry.type for _, entry in known]:
        tracks = (_track(s, None, facts.mp4_tracks.get(s.id)) for s in streams)
        kinds = (facts.stream_kinds.get(s.id, _by_packets(s, facts)) for s in streams)
        return tuple(
            replace(track, codec=kind) if track.codec == "unknown" else track
            for track, kind in zip(tracks, kinds, strict=True)
        )
    return tuple(
        _track(stream, number, entry)
        for stream, (number, entry) in zip(streams, known, strict=True)
    )


def _by_packets(stream: Any, facts: ContainerFacts) -> str:
    """Return the name of a stream that no table names: ffmpeg knows only teletext by its packets.

    It knows DVB's subtitles, too, which it can decode.
    """
    recorded = container(facts.container).transport_stream and stream.type == "subtitle"
    return "dvb_teletext" if recorded else "unknown"


def _track(
    stream: Any, number: int | None, entry: matroska.TrackEntry | mp4.Mp4Track | None
) -> Track:
    context = stream.codec_context
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    own = entry if isinstance(entry, matroska.TrackEntry) else None
    ietf = own.language_ietf if own else None
    kind: TrackType = stream.type if stream.type in ("video", "audio", "subtitle") else "data"
    return Track(
        index=stream.index,
        type=kind,
        codec=_codec(context, entry),
        profile=stream.profile or None,
        language=_language(own.language if own else stream.language, ietf),
        title=own.name if own else tags.get("title") or tags.get("name"),
        dispositions=_dispositions(stream),
        bit_rate=getattr(context, "bit_rate", None) or _tagged_rate(tags.items()),
        duration=_duration(stream),
        codec_tag=_codec_tag(context, entry),
        matroska_id=number,
        matroska_uid=own.uid if own else None,
        language_ietf=ietf,
        tags=tuple(sorted(_other_tags(tags, own))),
        side_data=entry.side_data if entry else (),
        encrypted=entry is not None and entry.encrypted,
        **(_video_facts(stream, context) if kind == "video" and context else {}),
        **(_audio_facts(context) if kind == "audio" and context else {}),
    )


def _other_tags(tags: dict[str, str], own: matroska.TrackEntry | None) -> Iterator[tuple[str, str]]:
    """Yield the tags without a field of their own; in Matroska, a TITLE tag is not the name."""
    for name, value in tags.items():
        is_name = own is None or value == own.name
        if name not in _FIELDS_OF_THEIR_OWN or (name == "title" and not is_name):
            yield name, value


def without_false_rates(
    tracks: tuple[Track, ...], size: int, duration: float | None
) -> tuple[Track, ...]:
    """Return the tracks without the bit rates of statistics tags that promise more than the file.

    Programs that encode a track often keep the tags of its source.
    """
    rates = [_tagged_rate(track.tags) or 0 for track in tracks]
    if sum(rates) * (duration or 0) / 8 <= size * _COMPRESSION:
        return tracks
    return tuple(
        replace(track, bit_rate=None) if rate and track.bit_rate == rate else track
        for track, rate in zip(tracks, rates, strict=True)
    )


def _tagged_rate(tags: Iterable[tuple[str, str]]) -> int | None:
    """Return the bit rate of a statistics tag, which may have a language (``bps-eng``)."""
    rates = (_number(value) for name, value in tags if name.partition("-")[0] == "bps")
    return next(rates, None)


def _language(written: str | None, ietf: str | None) -> str | None:
    if ietf and ("-" in ietf or not same(written, ietf)):
        return ietf
    return written if written and written != "und" else None


def _codec(context: Any, entry: matroska.TrackEntry | mp4.Mp4Track | None) -> str:
    """Return the name of the codec; that of its box in MP4 if ffmpeg has no name for it."""
    if context is not None:
        return str(context.codec.canonical_name)
    if isinstance(entry, matroska.TrackEntry):
        return _UNKNOWN_SUBTITLES.get(entry.codec_id, "unknown")
    return (entry.tag if entry else "") or "unknown"


def _codec_tag(context: Any, entry: matroska.TrackEntry | mp4.Mp4Track | None) -> str | None:
    """Return the container's own codec name; in Matroska only if ffmpeg does not know it."""
    if isinstance(entry, matroska.TrackEntry):
        return entry.codec_id if context is None else None
    tag = _text_of_tag(context) or (entry.tag if entry else None)
    return tag if tag and tag.isprintable() and tag.strip("\0 ") else None


def _text_of_tag(context: Any) -> str | None:
    """Return the codec tag; ``None`` for a number, which PyAV cannot read if it is above 127.

    Such are the stream types of transport streams and the audio formats of AVI.
    """
    try:
        return getattr(context, "codec_tag", None)
    except UnicodeDecodeError:
        return None


def _video_facts(stream: Any, context: Any) -> dict[str, Any]:
    # Of DV, the average is that of the units of time.
    rate = stream.base_rate if context.name == "dvvideo" else stream.average_rate
    # Not ``pix_fmt``: reading that where it is unknown crashes PyAV before 18.
    pixels = context.format.name if context.format else None
    header = h264.frame_format(context.extradata) if pixels is None else None
    return {
        "width": context.width or None,
        "height": context.height or None,
        "pixel_format": header.pixel_format(context.color_range) if header else pixels,
        "color": _color(context, header),
        "frame_rate": str(rate) if rate else None,
        "field_order": _FIELD_ORDERS.get(getattr(context, "field_order", 0)),
        "reordered": _is_reordered(stream, context),
    }


def _is_reordered(stream: Any, context: Any) -> bool:
    """Return whether frames are stored out of order in a container without times."""
    timeless = is_untimed(DEMUXERS.get(stream.container.format.name, ""))
    return timeless and context.name in REORDERING and bool(context.has_b_frames)


def _audio_facts(context: Any) -> dict[str, Any]:
    return {
        "channels": context.channels or None,
        "layout": context.layout.name if context.channels else None,
        "sample_rate": context.sample_rate or None,
    }


def _color(context: Any, header: h264.FrameFormat | None) -> Color | None:
    """Return the colour description, from the stream's header before the container's."""
    from vpo.media.color import PRIMARIES, RANGES, SPACES, TRANSFERS

    own = header or h264.FrameFormat("")
    color = Color(
        space=SPACES.get(_first(own.space, context.colorspace)),
        primaries=PRIMARIES.get(_first(own.primaries, context.color_primaries)),
        transfer=TRANSFERS.get(_first(own.transfer, context.color_trc)),
        range=RANGES.get(_first(own.range, context.color_range)),
    )
    return color if color != Color() else None


def _first(value: int | None, fallback: int) -> int:
    return fallback if value is None else value


def _dispositions(stream: Any) -> frozenset[str]:
    flags = stream.disposition
    return frozenset(name for name in _FLAGS if flags & getattr(type(flags), name))


def _duration(stream: Any) -> float | None:
    if not stream.duration or not stream.time_base:
        return None
    return float(stream.duration * stream.time_base)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def to_attachments(streams: list[Any]) -> tuple[Attachment, ...]:
    """Convert the attachments and cover images among the streams."""
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
