"""What of a packet's payload is compared, where a tool changes the rest by design."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

PayloadForm = Literal["raw", "nal", "slices", "adts", "text", "mov_text", "words", "stream", "vp9"]
"""What of a packet's payload is compared, where a tool changes the rest by design.

``nal``: the NAL units, whether a start code or a length precedes them (ISO/IEC 14496-15), without
parameter sets and delimiters, which muxers move between the packets and the header, and without
other units that the header of the source has (x265's message about itself).
``slices``: of the NAL units those of the frames themselves, which no muxer changes.
``adts``: AAC without the header that a transport stream has. ``text``: a subtitle without the
differences in line ends and trailing blanks; ``mov_text`` without the empty ones that fill gaps;
``words`` its letters and digits, of one that was converted to another codec of text subtitles.
``stream``: the bytes, however they are cut into packets, as of PCM. ``vp9``: the frames, however
they are packed into superframes.
"""

_ASS_FIELDS = 8
"""Fields before the text of a styled subtitle in a packet."""
_ASS_SPACE = re.compile(r"\\[Nnh]")
_MARKUP = re.compile(r"<[^<>]*>|\{[^{}]*\}")


def nal_units(data: bytes, stream: Any, moved: frozenset[bytes] = frozenset()) -> bytes:
    """Return the NAL units, each behind its length, without those that were ``moved``."""
    kind = _UNIT_TYPES.get(_codec(stream), _h264_type)
    units = _units(data, stream)
    return _joined(u for u in units if u and kind(u[0]) not in _MOVED_UNITS and u not in moved)


def _slices(data: bytes, stream: Any) -> bytes:
    """Return the NAL units of frames, each behind its length."""
    kind = _UNIT_TYPES.get(_codec(stream), _h264_type)
    return _joined(u for u in _units(data, stream) if u and kind(u[0]) in _FRAME_UNITS)


def header_units(stream: Any) -> frozenset[bytes]:
    """Return the NAL units of the header of HEVC that are no parameter sets, as messages."""
    data = stream.codec_context.extradata or b""
    if _codec(stream) != "hevc" or len(data) < _HVCC_ARRAYS or data[0] != 1:
        return frozenset()
    found, at = set(), _HVCC_ARRAYS
    for _ in range(data[_HVCC_ARRAYS - 1]):
        count, at = int.from_bytes(data[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data):
                return frozenset()
            found.add(data[at + 2 : end])
            at = end
    return frozenset(unit for unit in found if unit and _hevc_type(unit[0]) not in _MOVED_UNITS)


def sequence_parameters(head: bytes, stream: Any) -> bytes:
    """Return the part of the start of a key frame that states its size; empty if there is none.

    Of some codecs it is a little more.
    """
    codec = _codec(stream)
    if codec in _UNIT_TYPES:
        kind = _UNIT_TYPES[codec]
        return _joined(u for u in _units(head, stream) if u and kind(u[0]) in _SEQUENCE_UNITS)
    if codec in ("mpeg1video", "mpeg2video"):
        return head[:8] if head.startswith(b"\0\0\1\xb3") else b""
    if codec == "av1":
        head = head.removeprefix(b"\x12\0")
        return head[2 : 2 + head[1]] if head[:1] == b"\x0a" and len(head) > 1 else b""
    return {"vp8": head[6:10], "vp9": head[:9]}.get(codec, b"")


_HVCC_ARRAYS = 23
"""Where the arrays of NAL units begin in the configuration of HEVC (ISO/IEC 14496-15, 8.3.3.1)."""


def _codec(stream: Any) -> str:
    context = stream.codec_context
    return str(context.codec.canonical_name) if context is not None else ""


def _units(data: bytes, stream: Any) -> list[bytes]:
    size = length_size(stream)
    return _units_by_length(data, size) if size else _units_by_start_code(data)


def _joined(units: Iterable[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def _h264_type(head: int) -> str:
    return f"h264 {head & 31}"


def _hevc_type(head: int) -> str:
    return f"hevc {head >> 1 & 63}"


_UNIT_TYPES: Mapping[str, Callable[[int], str]] = {"h264": _h264_type, "hevc": _hevc_type}
_MOVED_UNITS = frozenset({"h264 7", "h264 8", "h264 9", "hevc 32", "hevc 33", "hevc 34", "hevc 35"})
"""Parameter sets and access unit delimiters (ITU-T H.264, table 7-1; H.265, table 7-1)."""
_SEQUENCE_UNITS = frozenset({"h264 7", "hevc 33"})
_FRAME_UNITS = frozenset(
    [*(f"h264 {kind}" for kind in range(1, 6)), *(f"hevc {kind}" for kind in range(32))]
)


def length_size(stream: Any) -> int:
    """Return the bytes of a NAL unit's length, 0 where start codes separate them (Annex B).

    0, too, for a codec without NAL units.
    """
    codec = _codec(stream)
    extradata = stream.codec_context.extradata or b""
    if codec not in _UNIT_TYPES or len(extradata) < 7 or extradata[0] != 1:
        return 0
    at = 4 if codec == "h264" else 21
    return (extradata[at] & 3) + 1 if len(extradata) > at else 0


def _units_by_length(data: bytes, size: int) -> list[bytes]:
    units, at = [], 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size], "big")
        units.append(data[at + size : at + size + length])
        at += size + length
    return units


def _units_by_start_code(data: bytes) -> list[bytes]:
    """Return what is between start codes; zeros before one belong to none (ITU-T H.264, B.1)."""
    return [unit for part in data.split(b"\0\0\1") if (unit := part.rstrip(b"\0"))]


def _without_adts(data: bytes, _stream: Any) -> bytes:
    """Return AAC without the header of ADTS (ISO/IEC 13818-7, 6.2)."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return data
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return data[7 if data[1] & 1 else 9 :] if length == len(data) else data


def _plain_text(data: bytes, _stream: Any) -> bytes:
    return data.replace(b"\r\n", b"\n").rstrip(b"\r\n \0") + b"\n"


def _mov_text(data: bytes, _stream: Any) -> bytes:
    """Return a sample of timed text; empty for one without text (3GPP TS 26.245, 5.17)."""
    return data if int.from_bytes(data[:2], "big") else b""


def subtitle_text(data: bytes, codec: str) -> str:
    """Return the text of a packet in any codec of text subtitles, with its markup."""
    if codec == "mov_text":
        data = data[2 : 2 + int.from_bytes(data[:2], "big")]
    text = data.decode("utf-8", "replace")
    return text.split(",", _ASS_FIELDS)[-1] if codec == "ass" else text


def words_of(text: str) -> str:
    """Return the letters and digits of a text, without markup, which converters change."""
    # Some versions of ffmpeg keep the code of a hard space as it is.
    return "".join(filter(str.isalnum, html.unescape(_MARKUP.sub("", _ASS_SPACE.sub(" ", text)))))


def _words(data: bytes, stream: Any) -> bytes:
    """Return the letters and digits of a subtitle; empty for one without text."""
    text = subtitle_text(data, _codec(stream))
    shown = html.unescape(_MARKUP.sub("", _ASS_SPACE.sub(" ", text))).strip("\0 \r\n\t")
    return f"{words_of(text)}\n".encode("utf-8", "replace") if shown else b""


def _vp9_frames(data: bytes, _stream: Any) -> bytes:
    """Return the frames without the index of a superframe (VP9 specification, annex B)."""
    last = data[-1]
    if last & 0xE0 != 0xC0:
        return data
    size = 2 + ((last >> 3 & 3) + 1) * ((last & 7) + 1)
    return data[:-size] if len(data) >= size and data[-size] == last else data


def _raw(data: bytes, _stream: Any) -> bytes:
    return data


FORMS: Mapping[str, Callable[[bytes, Any], bytes]] = {
    "raw": _raw,
    "stream": _raw,
    "nal": nal_units,
    "slices": _slices,
    "adts": _without_adts,
    "text": _plain_text,
    "mov_text": _mov_text,
    "words": _words,
    "vp9": _vp9_frames,
}
