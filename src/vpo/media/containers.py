"""What each container can hold, and how the tools write it.

Measured with ffmpeg 5.1 and mkvtoolnix 74 by writing each fact and reading it back, not taken from
the containers' standards: what the tools do not write is lost.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from vpo.media.model import TEXT_SUBTITLES, MediaFile, Track

MOST_STREAMS = 10_000
"""The most tracks and attachments that are read; ffmpeg would leave out what comes after 1000."""
FLAGS_KEPT = frozenset(
    {"default", "forced", "comment", "original", "dub", "hearing_impaired", "visual_impaired"}
)


@dataclass(frozen=True, slots=True)
class Container:
    """What one container can hold, and how the tools have to be asked for it.

    ``muxer`` is ffmpeg's name for writing it, with ``muxer_options``, ``demuxer`` that for reading
    it where it is another; ``mkvmerge_options`` are those of mkvmerge. Three structures have
    readers of their own: ``matroska`` (which mkvtoolnix edits), ``mp4_family``, the boxes of MP4
    and QuickTime, and ``transport_stream``.

    ``codecs`` is what a conversion puts into it (``None``: all that ``can_mux``), ``encodes`` the
    codecs vpo encodes to that it takes, where ``codecs`` does not say it. ``text_codecs`` are the
    text subtitles that are converted, and to what, ``audio_fallback`` the codec that audio which it
    does not take is converted to; ``hevc_tag`` the name of HEVC that players want.

    ``flags`` are the dispositions that survive a rewrite; ``one_default``: a type with no default
    track is given one by the muxer (the first), because players read "no enabled track" as none.
    ``track_order``: its tracks have an order, other than that of their first packets.
    ``side_data`` is what ffmpeg carries into it, ``encoded_hdr`` whether also HDR10's metadata of a
    track that it encodes. ``tags`` are those that it holds as players look for them (``None``:
    any), ``apple_tags`` whether Apple's too, ``track_tags`` whether each track has tags,
    ``statistics_tags`` whether these may be mkvtoolnix's statistics.
    ``three_letter_languages``: it holds languages as ISO 639-2 codes only. ``data_tracks``: ffmpeg
    carries timecode and telemetry.

    ``lacks_timestamps``: it does not store every presentation time; ``constant_frame_rate``: it
    stores none but the number of the frame; ``decoding_times``: it stores when a frame is decoded,
    not when it is shown. mkvmerge loses nothing of it (``kept_by_mkvmerge``),
    and reads the text subtitles that ffmpeg writes into it (``mkvmerge_subtitles``).
    """

    name: str
    muxer: str
    extensions: tuple[str, ...]
    muxer_options: tuple[str, ...] = ()
    demuxer: str = ""
    mkvmerge_options: tuple[str, ...] = ()
    matroska: bool = False
    mp4_family: bool = False
    transport_stream: bool = False
    codecs: frozenset[str] | None = None
    encodes: frozenset[str] | None = None
    text_codecs: tuple[tuple[str, str], ...] = ()
    audio_fallback: str = "aac"
    hevc_tag: str | None = None
    flags: frozenset[str] = frozenset()
    one_default: bool = False
    track_order: bool = True
    titles: bool = False
    languages: bool = False
    three_letter_languages: bool = False
    attachments: bool = False
    chapters: bool = False
    data_tracks: bool = False
    side_data: frozenset[str] = frozenset()
    encoded_hdr: bool = False
    tags: frozenset[str] | None = frozenset()
    apple_tags: bool = False
    track_tags: bool = False
    statistics_tags: bool = False
    lacks_timestamps: bool = False
    constant_frame_rate: bool = False
    decoding_times: bool = False
    kept_by_mkvmerge: bool = False
    mkvmerge_subtitles: bool = False


_TOOLS = (
    "major_brand minor_version compatible_brands encoder encoding_tool software handler_name"
    " vendor_id"
)
_STATISTICS = (
    "bps duration number_of_frames number_of_bytes"
    " _statistics_writing_app _statistics_writing_date_utc _statistics_tags"
)
TOOL_TAGS = frozenset([*_TOOLS.split(), *_STATISTICS.split()])
"""Tags that a tool writes about its own work or its own format: in another file they are false."""
_DERIVED = frozenset("creation_time rotate stereo_mode alpha_mode".split())  # noqa: SIM905
"""What ffmpeg shows as tags and containers keep elsewhere."""

_MP4_TAGS = (
    "title artist album_artist composer album date comment genre copyright grouping lyrics"
    " description synopsis show episode_id network keywords episode_sort season_number media_type"
    " hd_video gapless_playback compilation track disc location location-eng"
)
_MOV_TAGS = "title artist album date comment genre copyright make model location location-eng"
_AVI_TAGS = "title artist comment copyright date encoded_by genre language track"
_MATROSKA_SIDE = frozenset(
    {"alpha", "dolby_vision", "light_levels", "mastering", "projection", "stereo"}
)
_MP4_CODECS = frozenset(
    "h264 hevc av1 vp9 mpeg4 aac ac3 eac3 mp3 flac alac opus mov_text".split()  # noqa: SIM905
)
_TS_ENCODES = frozenset({"aac", "ac3", "eac3", "opus", "mp3", "h264", "hevc"})
_APPLES_HEVC = "hvc1"
"""Players of Apple play no other."""
_WEBM_CODECS = frozenset({"vp8", "vp9", "av1", "opus", "vorbis", "webvtt"})

_NO_TRACK_DEFAULTS = ("-default_mode", "passthrough")
"""Otherwise ffmpeg's Matroska muxer marks a default track of each type by itself."""

_ALL = (
    Container(
        "mkv",
        "matroska",
        (".mkv", ".mka", ".mk3d", ".mks"),
        muxer_options=_NO_TRACK_DEFAULTS,
        matroska=True,
        text_codecs=(("mov_text", "subrip"), ("text", "subrip")),
        audio_fallback="flac",
        flags=FLAGS_KEPT,
        titles=True,
        languages=True,
        attachments=True,
        chapters=True,
        side_data=_MATROSKA_SIDE,
        encoded_hdr=True,
        tags=None,
        track_tags=True,
        statistics_tags=True,
        kept_by_mkvmerge=True,
        mkvmerge_subtitles=True,
    ),
    Container(
        "webm",
        "webm",
        (".webm",),
        demuxer="matroska",
        muxer_options=_NO_TRACK_DEFAULTS,
        mkvmerge_options=("--webm",),
        matroska=True,
        codecs=_WEBM_CODECS,
        flags=FLAGS_KEPT,
        titles=True,
        languages=True,
        chapters=True,
        side_data=_MATROSKA_SIDE - {"dolby_vision"},
        encoded_hdr=True,
        tags=None,
        track_tags=True,
    ),
    Container(
        "mp4",
        "mp4",
        (".mp4", ".m4v", ".m4a"),
        demuxer="mov",
        mp4_family=True,
        codecs=_MP4_CODECS,
        text_codecs=tuple((codec, "mov_text") for codec in sorted(TEXT_SUBTITLES)),
        hevc_tag=_APPLES_HEVC,
        flags=FLAGS_KEPT - {"original"},
        one_default=True,
        titles=True,
        languages=True,
        three_letter_languages=True,
        chapters=True,
        data_tracks=True,
        side_data=_MATROSKA_SIDE - {"alpha"} | {"rotation"},
        encoded_hdr=True,
        tags=frozenset(_MP4_TAGS.split()),
    ),
    Container(
        "mov",
        "mov",
        (".mov",),
        mp4_family=True,
        encodes=frozenset({"aac", "ac3", "eac3", "mp3", "h264", "hevc"}),
        hevc_tag=_APPLES_HEVC,
        flags=frozenset({"default"}),
        one_default=True,
        titles=True,
        languages=True,
        chapters=True,
        data_tracks=True,
        side_data=frozenset({"light_levels", "mastering", "rotation"}),
        tags=frozenset(_MOV_TAGS.split()),
        apple_tags=True,
    ),
    Container(
        "avi",
        "avi",
        (".avi",),
        encodes=frozenset({"aac", "ac3", "eac3", "flac", "mp3", "h264", "vp9", "av1"}),
        tags=frozenset(_AVI_TAGS.split()),
        lacks_timestamps=True,
        constant_frame_rate=True,
    ),
    Container("ts", "mpegts", (".ts",), transport_stream=True, encodes=_TS_ENCODES),
    Container(
        "m2ts",
        "mpegts",
        (".m2ts", ".mts"),
        muxer_options=("-mpegts_m2ts_mode", "1"),
        transport_stream=True,
        encodes=_TS_ENCODES,
    ),
    Container(
        "flv",
        "flv",
        (".flv",),
        encodes=frozenset({"aac", "mp3", "h264"}),
        track_order=False,
        tags=None,
    ),
    Container(
        "wmv",
        "asf",
        (".wmv", ".asf"),
        encodes=frozenset({"aac", "ac3", "eac3", "mp3", "h264", "vp9", "av1"}),
        tags=None,
        decoding_times=True,
    ),
    Container("ogg", "ogg", (".ogv", ".ogg", ".ogm"), encodes=frozenset({"flac", "opus"})),
)
CONTAINERS = {container.name: container for container in _ALL}
_READ_ONLY = {
    "mpg": Container("mpg", "", (".mpg", ".mpeg", ".vob"), demuxer="mpeg", lacks_timestamps=True),
    "rm": Container("rm", "", (".rm", ".rmvb"), demuxer="rm", lacks_timestamps=True),
    "mxf": Container("mxf", "", (".mxf",), demuxer="mxf", lacks_timestamps=True),
    "wtv": Container("wtv", "", (".wtv",), demuxer="wtv"),
    "dv": Container("dv", "", (".dv",), demuxer="dv"),
}
"""Containers that vpo knows something of and does not write."""


def container(name: str) -> Container:
    """Return the container of that name; one that vpo cannot write has no muxer, holds nothing."""
    return CONTAINERS.get(name) or _READ_ONLY.get(name) or Container(name, "", ())


FAR_AHEAD = {"probesize": str(64 << 20), "analyzeduration": "3600000000"}
"""Options with which ffmpeg reads so far into a file to learn about its streams, if it has to, in
bytes and microseconds. What it reads stays in memory, and is not read twice."""


def is_untimed(name: str) -> bool:
    """Whether nothing in the container says when a frame is shown that is not stored in order."""
    kind = container(name)
    return kind.constant_frame_rate or kind.decoding_times


def without_header(name: str) -> bool:
    """Whether the format of a stream is known only once its first packets have come."""
    kind = container(name)
    return kind.transport_stream or kind.demuxer == "mpeg"


def container_of_name(path: str) -> Container | None:
    """Return the container that the extension of a file name stands for; ``None`` if unknown."""
    extension = os.path.splitext(path)[1].lower()
    kinds = (*CONTAINERS.values(), *_READ_ONLY.values())
    return next((kind for kind in kinds if extension in kind.extensions), None)


def container_names() -> tuple[str, ...]:
    """Return the names of all containers that vpo knows."""
    return (*CONTAINERS, *_READ_ONLY)


def text_codec(kind: Container, codec: str) -> str:
    """Return the codec that text subtitles get in a container."""
    known = dict(kind.text_codecs).get(codec, codec)
    if kind.codecs is None or known in kind.codecs:
        return known
    return next((one for one in sorted(TEXT_SUBTITLES) if one in kind.codecs), known)


def misnamed_as(media: MediaFile) -> str | None:
    """Return the container that the name of a file promises wrongly; ``None`` if it promises none.

    WebM is Matroska, and both kinds of transport streams go by both names.
    """
    extension = os.path.splitext(media.path)[1].lower()
    own = container(media.container)
    if extension in own.extensions:
        return None
    named = container_of_name(media.path)
    if named is None or (own.transport_stream and named.transport_stream):
        return None
    return None if (own.name, named.name) == ("webm", "mkv") else named.name


def unsupported_side_data(track: Track, name: str) -> tuple[str, ...]:
    """Return the side data of a track that ffmpeg does not carry into the container of that name.

    Of stereo modes MP4 has two, of projections ffmpeg writes two.
    """
    kind = container(name)
    plain = {
        "stereo": ("side by side", "top and bottom"),
        "projection": ("equirectangular", "cubemap"),
    }
    return tuple(
        fact
        for fact, value in track.side_data
        if fact not in kind.side_data
        or (value not in plain.get(fact, (value,)) and not (fact == "stereo" and kind.matroska))
    )


TIMECODE = "tmcd"
"""The codec of a camera's data track with the time of the clock or tape at the first frame."""


def can_copy_data(media: MediaFile, track: Track, name: str) -> bool:
    """Whether ffmpeg carries a data track of the media into the container of that name.

    It writes a new timecode track from the tag that the video track has of it; copied, one that
    drops frame numbers would count wrongly, and belong to whatever track comes first.
    """
    if not container(name).data_tracks:
        return False
    if track.codec != TIMECODE:
        return track.codec == "gpmd"
    alike = [other for other in media.tracks if other.codec == TIMECODE]
    return len(alike) == 1 and len(with_timecode(media)) == 1


def with_timecode(media: MediaFile) -> tuple[Track, ...]:
    """Return the video tracks with a timecode in their tags."""
    return tuple(track for track in media.of("video") if "timecode" in dict(track.tags))


APPLE_TAG_PREFIX = "com.apple.quicktime."
"""The prefix of the tags that only QuickTime files of phones and cameras have."""


def holds_tag(name: str, tag: str) -> bool:
    """Whether ffmpeg carries a tag of the file into the container of that name."""
    kind = container(name)
    return (
        kind.tags is None
        or tag in kind.tags
        or (kind.apple_tags and tag.startswith(APPLE_TAG_PREFIX))
    )


def user_tags(tags: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the tags that somebody wrote about the film, not a tool about its work."""
    return {name: value for name, value in tags if not is_tool_tag(name) and name not in _DERIVED}


def is_tool_tag(name: str) -> bool:
    """Whether a tag is a tool's own, also with a language (``bps-eng``)."""
    return name.partition("-")[0] in TOOL_TAGS


def as_stored(media: MediaFile) -> MediaFile:
    """Return the media as a probe will find it in its container once it is written anew.

    ffmpeg writes a timecode track behind all others.
    """
    media = with_defaults(media)
    if not container(media.container).one_default:
        return media
    return replace(media, tracks=tuple(sorted(media.tracks, key=lambda t: t.codec == TIMECODE)))


def with_defaults(media: MediaFile) -> MediaFile:
    """Return the media with the default tracks that its container has to have.

    ffmpeg's MP4 muxer enables the first track of a type that has no default track
    (``enable_tracks`` in movenc.c); players take none that is not enabled.
    """
    if not container(media.container).one_default:
        return media
    lacking = {"video", "audio", "subtitle"} - {t.type for t in media.tracks if t.default}
    tracks: list[Track] = []
    for track in media.tracks:
        if track.type in lacking:
            track = track.with_flag("default", True)
            lacking.discard(track.type)
        tracks.append(track)
    return replace(media, tracks=tuple(tracks))
