"""The model of a media file: frozen facts, shared by all layers.

Codec names are ffmpeg's canonical ones (``hevc``, ``subrip``, ``hdmv_pgs_subtitle``), dispositions
are ffmpeg's (``default``, ``forced``, ``comment``, ``original``, ``dub``, ``hearing_impaired``,
``visual_impaired``, ``descriptions``, ...), languages are spelled as in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

TrackType = Literal["video", "audio", "subtitle", "data"]

TEXT_SUBTITLES = frozenset({"subrip", "ass", "webvtt", "mov_text", "text"})


SIDE_DATA = {
    "alpha": "its transparency",
    "crop": "its cropping",
    "dolby_vision": "its Dolby Vision record",
    "dolby_vision_layer": "the configuration of its second Dolby Vision layer",
    "light_levels": "its HDR light levels",
    "mastering": "its HDR mastering data",
    "projection": "its projection",
    "rotation": "its rotation",
    "spatial": "its second view",
    "stereo": "its stereo mode",
    "trim": "its trimming (frames that the edit list leaves out)",
}
"""The kinds of side data: what a container stores about video besides its stream, with their names
in messages."""


@dataclass(frozen=True, slots=True)
class Color:
    """The colour description of a video track, in ffmpeg's names; ``None`` if not stated."""

    space: str | None = None
    primaries: str | None = None
    transfer: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True)
class Mastering:
    """The mastering display of a video (SMPTE ST 2086), in the units of HEVC's SEI message.

    ``primaries`` are (x, y) of red, green, blue and white in 0.00002, ``luminance`` is the lowest
    and the highest in 0.0001 candela a square metre; each is ``None`` if not stated.
    """

    primaries: tuple[tuple[int, int], ...] | None = None
    luminance: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Hdr:
    """The HDR metadata in the first frame of a track.

    ``light`` is (MaxCLL, MaxFALL) in candela a square metre; ``dynamic`` is whether there are
    HDR10+ metadata, ``dolby_vision`` whether there are those of Dolby Vision.
    """

    mastering: Mastering | None = None
    light: tuple[int, int] | None = None
    dynamic: bool = False
    dolby_vision: bool = False


HDR_TRANSFERS = {"smpte2084": "HDR10", "arib-std-b67": "HLG"}
"""The transfer functions of high dynamic range (ITU-R BT.2100), and their usual names."""


@dataclass(frozen=True, slots=True)
class Track:
    """One video, audio, subtitle or data track.

    ``index`` is ffmpeg's stream index in the file that was probed. mkvmerge and mkvpropedit count
    differently: ``matroska_id`` is mkvmerge's track id (the position among the TrackEntry elements)
    and ``matroska_uid`` the TrackUID; both are ``None`` outside Matroska. Matroska can state the
    language twice: ``language_ietf`` is its LanguageBCP47 element, and ``language`` is the same
    only if that says more (``pt-BR``) or something else than the three letters.
    ``bit_rate`` is in bits a second, ``duration`` in seconds; unknown facts are ``None``.
    ``field_order`` is set for interlaced video: which field is coded, and which shown, first
    (``tt``, ``bb``, ``tb``, ``bt``).
    ``reordered``: its frames are not stored in the order in which they are shown, and the container
    does not state when each is.
    ``mixed``: its frames change their size or shape midway, as was found out to encode it;
    ``width`` and ``height`` are then those of the largest part, and this the shape of its pixels.
    ``picture`` is the part of its frames that is not black, as was found out to crop them
    (``WIDTH:HEIGHT:LEFT:TOP`` in pixels). ``telecined``: it is film whose frames were spread over
    fields, as was found out to restore them. ``captions``: its frames have closed captions, as was
    found out where that decides something.
    ``codec_tag`` is the container's own name of the codec, if that says more than ``codec``.
    ``tags`` are those of the track without language and title (in Matroska, whose tracks have a
    name, with a TITLE tag that is not that name), names in lower case; ``side_data``
    is what the container stores about the video (see ``SIDE_DATA``). ``encrypted``: its packets
    are, and the container has what is needed besides the key. ``hdr`` is only known if the
    first frames were read and the track has HDR metadata.
    """

    index: int
    type: TrackType
    codec: str
    profile: str | None = None
    language: str | None = None
    title: str | None = None
    dispositions: frozenset[str] = frozenset()
    channels: int | None = None
    layout: str | None = None
    sample_rate: int | None = None
    width: int | None = None
    height: int | None = None
    pixel_format: str | None = None
    color: Color | None = None
    frame_rate: str | None = None
    field_order: str | None = None
    reordered: bool = False
    mixed: str | None = None
    picture: str | None = None
    telecined: bool = False
    captions: bool = False
    bit_rate: int | None = None
    duration: float | None = None
    codec_tag: str | None = None
    matroska_id: int | None = None
    matroska_uid: int | None = None
    language_ietf: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    side_data: tuple[tuple[str, str], ...] = ()
    encrypted: bool = False
    hdr: Hdr | None = None

    def __str__(self) -> str:
        """Return the track's name in messages: ``audio 2 (aac stereo, ger, "Title")``."""
        codec = f"{self.codec} {self.layout}" if self.layout else self.codec
        if self.width and self.height:
            codec += f" {self.width}x{self.height}"
        parts = [codec, self.language or "und"]
        if self.title:
            parts.append(f'"{self.title[:60]}{"…" if len(self.title) > 60 else ""}"')
        return f"{self.type} {self.index} ({', '.join(parts)})"

    @property
    def default(self) -> bool:
        return "default" in self.dispositions

    @property
    def forced(self) -> bool:
        return "forced" in self.dispositions

    @property
    def dynamic_range(self) -> str | None:
        """``HDR10`` or ``HLG``; ``None`` for SDR, which is assumed if nothing is stated."""
        transfer = self.color.transfer if self.color else None
        return HDR_TRANSFERS.get(transfer or "")

    @property
    def dolby_vision(self) -> bool:
        """Whether it has Dolby Vision, by its container or its frames."""
        return "dolby_vision" in dict(self.side_data) or bool(self.hdr and self.hdr.dolby_vision)

    def with_flag(self, flag: str, value: bool) -> Track:
        """Return the track with one disposition set or cleared."""
        flags = self.dispositions | {flag} if value else self.dispositions - {flag}
        return replace(self, dispositions=flags)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the container: a font, a text, or (``cover``) a cover image.

    ``index`` is ffmpeg's stream index, ``matroska_id`` mkvmerge's attachment id (from 1).
    A cover image in MP4 is one of these too, without a file name. ``size`` is in bytes.
    """

    index: int
    filename: str | None = None
    mime_type: str | None = None
    description: str | None = None
    size: int | None = None
    cover: bool = False
    codec: str | None = None
    matroska_id: int | None = None

    def __str__(self) -> str:
        kind = "cover" if self.cover else "attachment"
        return f"{kind} {self.index} ({self.filename or self.mime_type or 'unnamed'})"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter; times in seconds."""

    start: float
    end: float
    title: str | None = None


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file, as it was probed or as it should become.

    ``container`` is one of ``vpo.media.containers``' names (``mkv``, ``webm``, ``mp4``, ``mov``,
    ``avi``, ...). ``path`` may hold surrogate escapes for bytes that are not UTF-8. ``size`` is in
    bytes, ``duration`` in seconds (``None`` if unknown), ``mtime_ns`` in nanoseconds since 1970,
    UTC. ``tags`` are the container's own, names in lower case, sorted. ``fragile`` are features
    that ffmpeg silently drops or flattens on remux, as display text; ``outside`` is what lies
    outside the parts of the file that ffmpeg reads.
    """

    path: str
    container: str
    size: int
    mtime_ns: int = 0
    duration: float | None = None
    tracks: tuple[Track, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    fragile: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[Track | Attachment, ...]:
        """Everything that has a stream index: the tracks, then the attachments."""
        return (*self.tracks, *self.attachments)

    def with_bit_rates(self, bit_rates: Mapping[int, int]) -> MediaFile:
        """Return the file with these bit rates, by track index, where it states none."""
        tracks = (replace(t, bit_rate=t.bit_rate or bit_rates.get(t.index)) for t in self.tracks)
        return replace(self, tracks=tuple(tracks))

    def of(self, kind: str) -> tuple[Track, ...]:
        """Return the tracks of one type, in order."""
        return tuple(track for track in self.tracks if track.type == kind)

    @property
    def audio_video_indexes(self) -> frozenset[int]:
        """The stream indexes of audio and video, which have no gaps before their end."""
        return frozenset(t.index for t in self.tracks if t.type in ("video", "audio"))


def media_to_json(media: MediaFile) -> dict[str, Any]:
    """Return the media as plain data, which ``media_from_json`` reads back."""
    return _plain(media)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """Convert like ``dataclasses.asdict``, in a third of its time: frozen values need no copy."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__slots__"):
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    return value


def media_from_json(data: dict[str, Any]) -> MediaFile:
    """Return the media from the plain data of ``media_to_json``."""
    return MediaFile(
        **{
            **data,
            "tracks": tuple(_track(item) for item in data["tracks"]),
            "attachments": tuple(Attachment(**item) for item in data["attachments"]),
            "chapters": tuple(Chapter(**item) for item in data["chapters"]),
            "tags": _pairs(data["tags"]),
            "fragile": tuple(data.get("fragile", ())),
            "outside": tuple(data.get("outside", ())),
        }
    )


def _pairs(items: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in items)


def _track(item: dict[str, Any]) -> Track:
    color = item["color"]
    return Track(
        **{
            **item,
            "dispositions": frozenset(item["dispositions"]),
            "color": Color(**color) if color else None,
            "tags": _pairs(item.get("tags", [])),
            "side_data": _pairs(item.get("side_data", [])),
            "hdr": _hdr(item["hdr"]) if item.get("hdr") else None,
        }
    )


def _hdr(item: dict[str, Any]) -> Hdr:
    mastering = item["mastering"]
    return Hdr(
        **{
            **item,
            "mastering": _mastering(**mastering) if mastering else None,
            "light": tuple(item["light"]) if item["light"] else None,
        }
    )


def _mastering(primaries: list[list[int]] | None, luminance: list[int] | None) -> Mastering:
    points = tuple((x, y) for x, y in primaries) if primaries else None
    return Mastering(points, (luminance[0], luminance[1]) if luminance else None)
