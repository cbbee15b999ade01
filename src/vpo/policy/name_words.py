"""Words of file names that say how a video is encoded, and what they are for another encode.

Releases are named by the convention of the scene: ``Film.2019.1080p.BluRay.x264-GROUP``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

from vpo.media import pixel_formats, units
from vpo.media.codecs import canonical
from vpo.media.model import Track

NameFact = Literal["video_codec", "resolution", "bit_depth", "dynamic_range"]

_ENCODERS = {"h264": "x264", "hevc": "x265"}
_DOTTED = {"h264": "h.264", "hevc": "h.265"}
_FORMATS = {"h264": "h264", "hevc": "hevc", "av1": "av1", "vp9": "vp9"}
_CODEC_WORDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "x264": ("h264", _ENCODERS),
    "x265": ("hevc", _ENCODERS),
    "h.264": ("h264", _DOTTED),
    "h.265": ("hevc", _DOTTED),
    "h264": ("h264", _FORMATS),
    "avc": ("h264", _FORMATS),
    "h265": ("hevc", _FORMATS),
    "hevc": ("hevc", _FORMATS),
    "av1": ("av1", _FORMATS),
    "vp9": ("vp9", _FORMATS),
    "mpeg2": ("mpeg2video", _FORMATS),
    "mpeg-2": ("mpeg2video", _FORMATS),
    "vc1": ("vc1", _FORMATS),
    "vc-1": ("vc1", _FORMATS),
    "xvid": ("mpeg4", _FORMATS),
    "divx": ("mpeg4", _FORMATS),
}
"""Each word with the codec that it names, and the words of its kind by codec."""
_LINES = {
    **{f"{lines}{scan}": "480p" for lines in (360, 480, 540, 576) for scan in "ip"},
    **{f"{name[:-1]}{scan}": name for name in units.RESOLUTIONS for scan in "ip"},
    "4k": "2160p",
    "uhd": "2160p",
    "8k": "4320p",
}
"""The resolution class that each word names."""
_DEPTHS = {"8bit": 8, "8-bit": 8, "10bit": 10, "10-bit": 10, "hi10p": 10, "12bit": 12}
_RANGES = {"hdr": "HDR10", "hdr10": "HDR10", "hdr10+": "HDR10", "hdr10plus": "HDR10", "hlg": "HLG"}


def corrected(stem: str, track: Track, facts: tuple[NameFact, ...]) -> str:
    """Return a name with those words corrected that say something else than a video is."""
    for fact in facts:
        words, word_for = _WORDS[fact]
        pattern = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
        whole = re.compile(rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z+])", re.IGNORECASE)

        def put(found: re.Match[str], word_for: Callable[[str, Track], str] = word_for) -> str:
            return _in_case_of(found[0], word_for(found[0].lower(), track))

        stem = whole.sub(put, stem)
    return stem


def _in_case_of(old: str, new: str) -> str:
    """Return the new word in capitals, or without any, as the old one is."""
    if old.lower() == new.lower():
        return old
    if old.isupper() and not new[:-1].isdigit():
        return new.upper()
    return new.lower() if old.islower() else new


def _codec(word: str, track: Track) -> str:
    named, alike = _CODEC_WORDS[word]
    codec = canonical(track.codec)
    return word if codec == named else alike.get(codec) or _FORMATS.get(codec) or word


def _resolution(word: str, track: Track) -> str:
    found = units.resolution_of(track.width, track.height)
    return word if found in (None, _LINES[word]) else found or word


def _depth(word: str, track: Track) -> str:
    depth = pixel_formats.depth(track.pixel_format)
    return word if depth in (None, _DEPTHS[word]) else f"{depth}bit"


def _range(word: str, track: Track) -> str:
    found = track.dynamic_range
    return word if found == _RANGES[word] else found or "SDR"


_WORDS: Mapping[NameFact, tuple[tuple[str, ...], Callable[[str, Track], str]]] = {
    "video_codec": (tuple(_CODEC_WORDS), _codec),
    "resolution": (tuple(_LINES), _resolution),
    "bit_depth": (tuple(_DEPTHS), _depth),
    "dynamic_range": (tuple(_RANGES), _range),
}
