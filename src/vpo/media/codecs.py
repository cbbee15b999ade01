"""The names people give to codecs, and which tracks they mean.

A track carries ffmpeg's name and, where the codec alone does not say it, a profile:
``dts-hd ma`` is a ``dts`` track whose profile says so.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vpo.errors import PlanError
from vpo.media.containers import container
from vpo.media.model import Track


@lru_cache(maxsize=1024)
def _squash(name: str) -> str:
    """The name without what people write differently: ``E-AC-3`` is ``eac3``."""
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("+", "plus"))


_NAMES = {
    "hevc": "h265 x265 hev1 hvc1",
    "h264": "x264 avc avc1 avc3",
    "av1": "av01 aom libaom svtav1",
    "vp9": "vp09 libvpxvp9",
    "mpeg4": "xvid divx mp4v mpeg4part2",
    "mpeg2video": "mpeg2 mp2v h262",
    "mpeg1video": "mpeg1",
    "vc1": "wvc1",
    "ac3": "dd a52 dolbydigital",
    "eac3": "ddp ddplus ec3 dolbydigitalplus",
    "dts": "dca",
    "truehd": "dolbytruehd mlpfba",
    "aac": "mp4a fdkaac",
    "mp3": "mpegaudiolayer3 lame",
    "vorbis": "oggvorbis",
    "opus": "libopus",
    "subrip": "srt",
    "ass": "ssa",
    "webvtt": "vtt",
    "mov_text": "tx3g timedtext",
    "hdmv_pgs_subtitle": "pgs sup pgssub hdmvpgs",
    "dvd_subtitle": "vobsub dvdsub",
    "dvb_subtitle": "dvbsub",
}
_ALIASES = {
    alias: codec
    for codec, aliases in _NAMES.items()
    for alias in (_squash(codec), *aliases.split())
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
    """ffmpeg's name for a codec; a name that is not known, in lower case."""
    return _ALIASES.get(_squash(name), name.strip().lower())


def matches(track: Track, wanted: str) -> bool:
    """Whether the track is in the codec that a policy names.

    ``pcm`` is every PCM format. A name that stands for a profile matches only where the
    profile is known.
    """
    key = _squash(wanted)
    if key in _PROFILES:
        codecs, profile = _PROFILES[key]
        return canonical(track.codec) in codecs and profile in _squash(track.profile or "")
    if key == "pcm":
        return track.codec.startswith("pcm_")
    return canonical(track.codec) == canonical(wanted)


def require_container_holds(name: str, codec: str) -> None:
    """``PlanError`` where the container of that name cannot hold what is encoded to a codec."""
    kind = container(name)
    held = kind.codecs if kind.encodes is None else kind.encodes
    if held is not None and codec not in held:
        raise PlanError(
            f"{name} cannot hold {codec}; choose another codec, or a container that can"
        )
