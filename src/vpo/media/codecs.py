"""Names and aliases of codecs, and which tracks they match.

A track has ffmpeg's name of its codec, and a profile for what the codec alone does not say:
``dts-hd ma`` is a ``dts`` track with that profile.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vpo.errors import PlanError
from vpo.media.containers import container
from vpo.media.model import Track


@lru_cache(maxsize=1024)
def _squash(name: str) -> str:
    """Return a name without case and punctuation: ``E-AC-3`` is ``eac3``."""
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("+", "plus"))


_NAMES = {
    "hevc": ("h265", "x265", "hev1", "hvc1"),
    "h264": ("x264", "avc", "avc1", "avc3"),
    "av1": ("av01", "aom", "libaom", "svtav1"),
    "vp9": ("vp09", "libvpxvp9"),
    "mpeg4": ("xvid", "divx", "mp4v", "mpeg4part2"),
    "mpeg2video": ("mpeg2", "mp2v", "h262"),
    "mpeg1video": ("mpeg1",),
    "vc1": ("wvc1",),
    "ac3": ("dd", "a52", "dolbydigital"),
    "eac3": ("ddp", "ddplus", "ec3", "dolbydigitalplus"),
    "dts": ("dca",),
    "truehd": ("dolbytruehd", "mlpfba"),
    "aac": ("mp4a", "fdkaac"),
    "mp3": ("mpegaudiolayer3", "lame"),
    "vorbis": ("oggvorbis",),
    "opus": ("libopus",),
    "subrip": ("srt",),
    "ass": ("ssa",),
    "webvtt": ("vtt",),
    "mov_text": ("tx3g", "timedtext"),
    "hdmv_pgs_subtitle": ("pgs", "sup", "pgssub", "hdmvpgs"),
    "dvd_subtitle": ("vobsub", "dvdsub"),
    "dvb_subtitle": ("dvbsub",),
}
_ALIASES = {
    alias: codec for codec, aliases in _NAMES.items() for alias in (_squash(codec), *aliases)
}

_PROFILES: dict[str, tuple[frozenset[str], str]] = {
    "dtshd": (frozenset({"dts"}), "dtshd"),
    "dtshdma": (frozenset({"dts"}), "dtshdma"),
    "dtshdhra": (frozenset({"dts"}), "dtshdhra"),
    "dtsx": (frozenset({"dts"}), "dtsx"),
    "atmos": (frozenset({"truehd", "eac3"}), "atmos"),
    "truehdatmos": (frozenset({"truehd"}), "atmos"),
    "eac3atmos": (frozenset({"eac3"}), "atmos"),
    "heaac": (frozenset({"aac"}), "heaac"),
}


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """Return ffmpeg's name of a codec; an unknown name in lower case."""
    return _ALIASES.get(_squash(name), name.strip().lower())


def matches(track: Track, wanted: str) -> bool:
    """Return whether a track has the codec that a policy names."""
    return is_any_codec(track.codec, track.profile, (wanted,))


@lru_cache(maxsize=4096)
def is_any_codec(codec: str | None, profile: str | None, names: tuple[str, ...]) -> bool:
    """Return whether a codec is one of those that a policy names.

    ``pcm`` is every PCM format. A name that stands for a profile needs a profile that is known.
    """
    return any(_is_codec(codec or "", profile or "", name) for name in names)


def _is_codec(codec: str, profile: str, wanted: str) -> bool:
    key = _squash(wanted)
    if key in _PROFILES:
        codecs, part = _PROFILES[key]
        return canonical(codec) in codecs and part in _squash(profile)
    if key == "pcm":
        return codec.startswith("pcm_")
    return canonical(codec) == canonical(wanted)


_LOSSLESS = frozenset(
    [
        "alac",
        "ape",
        "ffv1",
        "ffvhuff",
        "flac",
        "huffyuv",
        "magicyuv",
        "mlp",
        "shorten",
        "tak",
        "tta",
        "truehd",
        "utvideo",
        "rawvideo",
    ]
)


def is_lossless(track: Track) -> bool:
    """Return whether the codec of a track loses nothing; one with both ways counts as lossy."""
    name = canonical(track.codec)
    lossless_dts = name == "dts" and _squash(track.profile or "").startswith("dtshdma")
    return name in _LOSSLESS or name.startswith("pcm_") or lossless_dts


_DISPLAY_NAMES = {
    "aac": "AAC", "ac3": "AC-3", "eac3": "E-AC-3", "dts": "DTS", "truehd": "TrueHD",
    "flac": "FLAC", "alac": "ALAC", "opus": "Opus", "vorbis": "Vorbis", "mp3": "MP3",
    "hevc": "HEVC", "h264": "H.264", "av1": "AV1", "vp9": "VP9", "mpeg2video": "MPEG-2",
    "subrip": "SRT", "ass": "ASS", "webvtt": "WebVTT", "mov_text": "Timed Text",
    "hdmv_pgs_subtitle": "PGS", "dvd_subtitle": "VobSub", "dvb_subtitle": "DVB",
}  # fmt: skip


def display_name(track: Track) -> str:
    """Return the name of a track's codec as people write it: ``DTS-HD MA``, ``E-AC-3``."""
    name = canonical(track.codec)
    if name == "dts" and (track.profile or "").startswith("DTS-HD"):
        return (track.profile or "").split(" +")[0]
    if name.startswith("pcm_"):
        return "PCM"
    return _DISPLAY_NAMES.get(name, name.upper())


def require_container_holds(name: str, codec: str) -> None:
    """Raise ``PlanError`` if the container cannot hold what vpo encodes to this codec."""
    kind = container(name)
    held = kind.codecs if kind.encodes is None else kind.encodes
    if held is not None and codec not in held:
        raise PlanError(
            f"{name} cannot hold {codec}; choose another codec, or a container that can"
        )
