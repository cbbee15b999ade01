"""What each container can hold, and by which name the tools know it.

Read off ffmpeg 5.1 and mkvtoolnix 74 by writing each fact and reading it back, not off the
containers' standards: what the tools do not write back is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vpo.media import MediaFile, Track

FLAGS_KEPT = frozenset(
    {"default", "forced", "comment", "original", "dub", "hearing_impaired", "visual_impaired"}
)


@dataclass(frozen=True, slots=True)
class Container:
    """One container's abilities.

    ``muxer`` is ffmpeg's name for writing it; ``flags`` the dispositions that survive a rewrite;
    ``codecs`` what it takes (``None``: nearly everything); ``one_default``: a type with no default
    track is given one by the muxer (the first), because players read "no enabled track" as none.
    """

    name: str
    muxer: str
    suffixes: tuple[str, ...]
    flags: frozenset[str] = frozenset()
    titles: bool = False
    languages: bool = False
    attachments: bool = False
    chapters: bool = False
    one_default: bool = False
    codecs: frozenset[str] | None = None


_MP4_CODECS = frozenset(
    "h264 hevc av1 vp9 mpeg4 aac ac3 eac3 mp3 flac alac opus mov_text".split()  # noqa: SIM905
)
_WEBM_CODECS = frozenset({"vp8", "vp9", "av1", "opus", "vorbis", "webvtt"})

_ALL = (
    Container(
        "mkv",
        "matroska",
        (".mkv", ".mka", ".mk3d", ".mks"),
        flags=FLAGS_KEPT,
        titles=True,
        languages=True,
        attachments=True,
        chapters=True,
    ),
    Container(
        "webm",
        "webm",
        (".webm",),
        flags=FLAGS_KEPT,
        titles=True,
        languages=True,
        chapters=True,
        codecs=_WEBM_CODECS,
    ),
    Container(
        "mp4",
        "mp4",
        (".mp4", ".m4v", ".m4a"),
        flags=FLAGS_KEPT - {"original"},
        titles=True,
        languages=True,
        chapters=True,
        one_default=True,
        codecs=_MP4_CODECS,
    ),
    Container(
        "mov",
        "mov",
        (".mov",),
        flags=frozenset({"default"}),
        titles=True,
        languages=True,
        chapters=True,
        one_default=True,
    ),
    Container("avi", "avi", (".avi",)),
    Container("ts", "mpegts", (".ts", ".m2ts", ".mts")),
    Container("flv", "flv", (".flv",)),
    Container("wmv", "asf", (".wmv", ".asf")),
    Container("ogg", "ogg", (".ogv", ".ogg", ".ogm")),
)
CONTAINERS = {container.name: container for container in _ALL}
MATROSKA = frozenset({"mkv", "webm"})


def container(name: str) -> Container:
    """The container of that name; one that vpo cannot write has no muxer and holds nothing."""
    return CONTAINERS.get(name) or Container(name, "", ())


def as_stored(media: MediaFile) -> MediaFile:
    """The media as its container will give it back.

    ffmpeg's MP4 muxer enables the first track of a type that has no default track
    (``enable_tracks`` in movenc.c).
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
