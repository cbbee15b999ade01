"""Which pixel formats the encoders take, and what the source's is called there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from vpo.errors import PlanError
from vpo.media.model import Track


class Samples(NamedTuple):
    """The chroma subsampling and the bits of a planar YUV format; ``alpha``: transparency."""

    chroma: str
    depth: int
    alpha: bool = False

    def __str__(self) -> str:
        kind = ":".join(self.chroma)
        return f"{kind} with {self.depth} bits{' and transparency' if self.alpha else ''}"


_YUV = re.compile(r"yuv(a?)j?(420|422|440|444)p(?:(9|10|12|14|16)(?:le|be))?")
_OTHERS = {
    "nv12": Samples("420", 8),
    "p010le": Samples("420", 10),
    "yuyv422": Samples("422", 8),
    "uyvy422": Samples("422", 8),
    "yuv411p": Samples("420", 8),
    "yuv410p": Samples("420", 8),
    "gray": Samples("420", 8),
    "gray10le": Samples("420", 10),
}
"""What can be had in planar YUV with nothing lost of the depth; the chroma of 4:1:1 moves."""


def _takes(*formats: str) -> frozenset[Samples]:
    return frozenset(
        Samples(chroma, int(depth))
        for text in formats
        for chroma, _, depths in [text.partition(":")]
        for depth in depths.split(",")
    )


_WIDE = _takes("420:8,10,12", "422:8,10,12", "444:8,10,12")
_FLAT = _takes("420:8,10")
_TAKES: Mapping[str, frozenset[Samples]] = {
    "libx264": _takes("420:8,10", "422:8,10", "444:8,10"),
    "libx265": _WIDE,
    "libvpx-vp9": _WIDE | _takes("440:8,10,12") | {Samples("420", 8, alpha=True)},
    "libsvtav1": _FLAT,
    "libaom-av1": _WIDE,
    "h264_nvenc": _takes("420:8", "444:8"),
    "hevc_nvenc": _takes("420:8,10", "444:8,10"),
    "av1_nvenc": _FLAT,
    "h264_qsv": _takes("420:8"),
    "hevc_qsv": _FLAT,
    "vp9_qsv": _FLAT,
    "av1_qsv": _FLAT,
    "h264_vaapi": _takes("420:8"),
    "hevc_vaapi": _FLAT,
    "vp9_vaapi": _FLAT,
    "av1_vaapi": _FLAT,
    "h264_videotoolbox": _takes("420:8"),
    "hevc_videotoolbox": _FLAT,
}
_IN_HARDWARE = {"yuv420p": "nv12", "yuv420p10le": "p010le", "yuv444p10le": "yuv444p16le"}


def of(track: Track) -> Samples | None:
    """The samples of a track; ``None`` if its format is not known, or is not YUV."""
    name = track.pixel_format or ""
    found = _YUV.fullmatch(name)
    if found is None:
        return _OTHERS.get(name)
    return Samples(found[2], int(found[3] or 8), bool(found[1]))


def pixel_format(encoder: str, track: Track) -> str | None:
    """The format that an encoder gets; 10 bits stay 10 bits.

    ``None`` for a source whose format is not known: ffmpeg chooses. ``PlanError`` where the encoder
    cannot take the samples.
    """
    if track.pixel_format is None:
        return None
    samples = of(track)
    if samples is None or samples not in _TAKES[encoder]:
        what = samples or track.pixel_format
        raise PlanError(f"{encoder} cannot encode {what}, which {track} has")
    depth = f"{samples.depth}le" if samples.depth > 8 else ""
    name = f"yuv{'a' if samples.alpha else ''}{samples.chroma}p{depth}"
    return name if encoder.startswith("lib") else _IN_HARDWARE.get(name, name)
