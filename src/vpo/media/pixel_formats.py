"""Pixel formats by what they hold, and ffmpeg's names for them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from vpo.media.color import is_rgb


class PixelFormat(NamedTuple):
    """A planar YUV format: chroma subsampling, bits of a sample, transparency (``alpha``)."""

    chroma: str
    depth: int
    alpha: bool = False

    def __str__(self) -> str:
        kind = ":".join(self.chroma)
        return f"{kind} with {self.depth} bits{' and transparency' if self.alpha else ''}"

    @property
    def name(self) -> str:
        """ffmpeg's name: ``yuv420p10le``."""
        depth = f"{self.depth}le" if self.depth > 8 else ""
        return f"yuv{'a' if self.alpha else ''}{self.chroma}p{depth}"


_YUV = re.compile(r"yuv(a?)j?(420|422|440|444)p(?:(9|10|12|14|16)(?:le|be))?")
_OTHERS = {
    "nv12": PixelFormat("420", 8),
    "p010le": PixelFormat("420", 10),
    "yuyv422": PixelFormat("422", 8),
    "uyvy422": PixelFormat("422", 8),
    "yuv411p": PixelFormat("420", 8),
    "yuv410p": PixelFormat("420", 8),
    "gray": PixelFormat("420", 8),
    "gray10le": PixelFormat("420", 10),
}
"""Formats that convert to planar YUV without loss of depth; the chroma of 4:1:1 moves."""
_RGB_BITS = re.compile(r"(9|10|12|14|16|48|f32)(?:le|be)$")
_TRANSPARENT = re.compile(r"rgba|bgra|argb|abgr|gbrap|pal8")


def planar(name: str) -> PixelFormat | None:
    """Return the planar YUV format for ffmpeg's name of one; ``None`` for what is not YUV."""
    found = _YUV.fullmatch(name)
    if found is None:
        return _OTHERS.get(name)
    return PixelFormat(found[2], int(found[3] or 8), bool(found[1]))


def depth(name: str | None) -> int | None:
    """Return the bits of a sample for ffmpeg's name of a format; ``None`` if not known."""
    if name is None:
        return None
    found = planar(name)
    if found is not None:
        return found.depth
    return _rgb_depth(name) if is_rgb(name) else None


def _rgb_depth(name: str) -> int:
    stated = _RGB_BITS.search(name)
    return {"48": 16, "f32": 32}.get(stated[1], 0) or int(stated[1]) if stated else 8


def nearest(name: str, formats: Collection[PixelFormat]) -> PixelFormat | None:
    """Return the one of the formats that loses least of RGB; ``None`` for what is not RGB.

    That has its colours in full, which 4:4:4 keeps. ``None`` also where bits would be lost, or
    transparency.
    """
    if not is_rgb(name) or _TRANSPARENT.match(name):
        return None
    least = _rgb_depth(name)
    fitting = [f for f in formats if not f.alpha and f.depth >= least]
    return min(fitting, key=lambda f: (-int(f.chroma), f.depth), default=None)


def without_range(name: str) -> str | None:
    """Return ``yuv420p`` for ``yuvj420p``, ffmpeg's old name for a full range; else ``None``."""
    return f"yuv{name.removeprefix('yuvj')}" if name.startswith("yuvj") else None
