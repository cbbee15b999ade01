"""The content of a file: every packet of every stream, read once, without decoding."""

from __future__ import annotations

import hashlib
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from vpo.probe.ebml import StructureError
from vpo.probe.media_input import MediaInput, open_container, open_input
from vpo.probe.structure_walk import StructureWalk

if TYPE_CHECKING:
    import av.container

PayloadForm = Literal["raw", "nal", "slices", "adts", "text", "mov_text", "stream", "vp9"]
"""What of a packet's payload is compared, where a tool changes the rest by design.

``nal``: the NAL units, whether a start code or a length precedes them (ISO/IEC 14496-15), without
parameter sets and delimiters, which muxers move between the packets and the header, and without
other units that the header of the source has (x265's message about itself).
``slices``: of the NAL units those of the frames themselves, which no muxer changes.
``adts``: AAC without the header that a transport stream has. ``text``: a subtitle without the
differences in line ends and trailing blanks; ``mov_text`` without the empty ones that fill gaps.
``stream``: the bytes, however they are cut into
packets, as of PCM. ``vp9``: the frames, however they are packed into superframes.
"""

_ERROR = 16
"""libavutil's AV_LOG_ERROR."""
_BEAT_SECONDS = 1.0
_ZEROS = 32
"""Bytes from which on a packet of nothing but zeros is no compressed audio or video."""
_ZERO_RUN = 4096
"""Zeros in a row that no packet of a codec with entropy coding has."""
_DENSE_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1"})
_PADDED = "mpegts"
"""The demuxer of a container in which packets are padded with zeros (ITU-T H.264, B.1)."""
_RAW_CODECS = ("pcm_", "rawvideo", "dvvideo", "adpcm_")
"""Codecs whose packets may be zeros: silence, black."""

_NONE: Mapping[int, frozenset[bytes]] = {}

Beat = Callable[[float], None]
"""Takes the part of the file that is read, from 0 to 1."""


@dataclass
class StreamContent:
    """What the packets of one stream are.

    ``times`` are the presentation times of the packets in units of ``time_base`` seconds (decoding
    times where the container has no others: ``by_decoding``), ``end`` that of the last one's end.
    ``before_key`` are the packets before the first key
    frame, ``hidden`` those that an edit list leaves out. ``header_units`` are NAL units of the
    header that are no parameter sets.
    """

    type: str
    codec: str
    time_base: Fraction
    packets: int = 0
    size: int = 0
    end: int | None = None
    by_decoding: bool = False
    before_key: int = 0
    hidden: int = 0
    has_key: bool = False
    times: array[int] = field(default_factory=lambda: array("q"))
    digest: Any = field(default_factory=hashlib.sha256)
    header_units: frozenset[bytes] = frozenset()

    @property
    def seconds(self) -> float | None:
        """When the last packet ends."""
        return None if self.end is None else float(self.end * self.time_base)

    @property
    def bit_rate(self) -> int | None:
        """All bytes by the time from the first packet to the end of the last one, as mkvmerge."""
        if self.end is None or self.end <= (start := min(self.times)):
            return None
        return round(self.size * 8 / ((self.end - start) * self.time_base))


@dataclass
class Content:
    """All streams of a file by index, and what the parser found wrong on the way.

    ``errors`` are (seconds, message) where the demuxer reported an error, ``corrupt`` and ``zeros``
    the times of packets that it marked as corrupt and of packets of nothing but zeros; ``None`` for
    an unknown time. ``start`` and ``duration`` are those that the container states, in seconds.
    """

    container: str
    start: float
    duration: float | None
    streams: dict[int, StreamContent] = field(default_factory=dict)
    errors: list[tuple[float | None, str]] = field(default_factory=list)
    corrupt: list[float | None] = field(default_factory=list)
    zeros: list[float | None] = field(default_factory=list)


def read_content(
    path: str,
    forms: Mapping[int, PayloadForm],
    beat: Beat,
    header_units: Mapping[int, frozenset[bytes]] = _NONE,
) -> Content:
    """Read every packet of a file; ``forms`` by stream index, ``raw`` for the others.

    ``header_units`` are those of the source of each stream; the stream's own if they are not given.
    ``ProbeError`` if it cannot be opened. What goes wrong later is in the content.
    """
    import av.logging

    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with (
            open_input(path) as file,
            av.logging.Capture() as messages,
            open_container(path, file.fd, decode=False) as source,
        ):
            return _Reader(file, source, forms, header_units, messages).read(beat)
    finally:
        av.logging.set_level(before)


class _Reader:
    """Reads the packets of one open file."""

    def __init__(
        self,
        file: MediaInput,
        source: av.container.InputContainer,
        forms: Mapping[int, PayloadForm],
        header_units: Mapping[int, frozenset[bytes]],
        messages: list[Any],
    ) -> None:
        self._file, self._source, self._messages = file, source, messages
        self._forms: dict[int, _Form] = {i: _FORMS[name] for i, name in forms.items()}
        self._header_units = header_units
        self._reported = 0
        self._walk: StructureWalk | None = StructureWalk(file.fd, source.format.name)
        duration = source.duration
        self.content = Content(
            source.format.name,
            (source.start_time or 0) / 1_000_000,
            duration / 1_000_000 if duration else None,
        )

    def read(self, beat: Beat) -> Content:
        """Read to the end; an error of the parser ends the reading, and is part of the content."""
        import av

        beaten, size = time.monotonic(), self._file.stat.st_size
        try:
            for packet in self._source.demux():
                if packet.size:
                    self._take(packet)
                if time.monotonic() - beaten > _BEAT_SECONDS:
                    beaten = time.monotonic()
                    self._follow(packet.pos or 0)
                    beat(min(1.0, (packet.pos or 0) / size))
        except av.FFmpegError as error:
            self.content.errors.append((self._now(), str(error.strerror or error)))
        self._take_messages()
        self._follow(size)
        return self.content

    def _follow(self, position: int) -> None:
        """Take an error of the structure up to a byte; what follows it cannot be followed."""
        if self._walk is None:
            return
        try:
            self._walk.follow(position)
        except StructureError as error:
            self.content.errors.append((self._now(), str(error)))
            self._walk = None

    def _take(self, packet: Any) -> None:
        stream = self.content.streams.get(packet.stream_index) or self._new(packet.stream)
        form = self._forms.get(packet.stream_index)
        payload = packet if form is None else form(bytes(packet), packet.stream)
        if form is not None and not payload:
            return
        stream.digest.update(payload)
        moment = packet.pts
        if moment is None:
            moment, stream.by_decoding = packet.dts, True
        if moment is not None:
            stream.times.append(moment)
            end = moment + (packet.duration or 0)
            if stream.end is None or end > stream.end:
                stream.end = end
        stream.packets += 1
        stream.size += packet.size
        if not stream.has_key:
            stream.has_key = packet.is_keyframe
            stream.before_key += not packet.is_keyframe
        stream.hidden += packet.is_discard
        if packet.is_corrupt:
            self.content.corrupt.append(_seconds(moment, stream))
        if self._is_zeros(packet, stream):
            self.content.zeros.append(_seconds(moment, stream))
        if len(self._messages) > self._reported:
            self._take_messages()

    def _new(self, stream: Any) -> StreamContent:
        codec = stream.codec_context.name if stream.codec_context is not None else ""
        base = stream.time_base or Fraction(1, 1_000_000)
        content = StreamContent(stream.type, codec, base)
        self.content.streams[stream.index] = content
        if self._forms.get(stream.index) is _nal_units:
            content.header_units = _header_units(stream)
            moved = self._header_units.get(stream.index, content.header_units)
            self._forms[stream.index] = partial(_nal_units, moved=moved)
        return content

    def _is_zeros(self, packet: Any, stream: StreamContent) -> bool:
        if packet.size < _ZEROS or stream.type not in ("audio", "video"):
            return False
        data = memoryview(packet)
        if stream.codec in _DENSE_CODECS and self.content.container != _PADDED:
            # A run has two of the bytes that are half of it apart.
            few = bytes(data[:: _ZERO_RUN // 2])
            return (b"\0\0" in few and bytes(_ZERO_RUN) in bytes(data)) or not any(data)
        if any(data[:_ZEROS]) or stream.codec.startswith(_RAW_CODECS):
            return False
        return not any(data)

    def _take_messages(self) -> None:
        """Take what the demuxer itself has reported as an error since the last time."""
        for level, name, message in self._messages[self._reported :]:
            if level <= _ERROR and name == self.content.container:
                self.content.errors.append((self._now(), message.strip()))
        self._reported = len(self._messages)

    def _now(self) -> float | None:
        """How far the reading has come, in seconds."""
        ends = [end for s in self.content.streams.values() if (end := s.seconds) is not None]
        return max(ends, default=None)


def _seconds(moment: int | None, stream: StreamContent) -> float | None:
    return None if moment is None else float(moment * stream.time_base)


_Form = Callable[[bytes, Any], bytes]


def _nal_units(data: bytes, stream: Any, moved: frozenset[bytes] = frozenset()) -> bytes:
    """Return the NAL units, each behind its length, without those that were ``moved``."""
    kind = _UNIT_TYPES.get(stream.codec_context.name, _h264_type)
    units = _units(data, stream)
    return _joined(u for u in units if u and kind(u[0]) not in _MOVED_UNITS and u not in moved)


def _slices(data: bytes, stream: Any) -> bytes:
    """Return the NAL units of frames, each behind its length."""
    kind = _UNIT_TYPES.get(stream.codec_context.name, _h264_type)
    return _joined(u for u in _units(data, stream) if u and kind(u[0]) in _FRAME_UNITS)


def _units(data: bytes, stream: Any) -> list[bytes]:
    size = _length_size(stream)
    return _units_by_length(data, size) if size else _units_by_start_code(data)


def _joined(units: Iterable[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def _header_units(stream: Any) -> frozenset[bytes]:
    """Return the NAL units of the header of HEVC that are no parameter sets, as messages."""
    data = stream.codec_context.extradata or b""
    if stream.codec_context.name != "hevc" or len(data) < _HVCC_ARRAYS or data[0] != 1:
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


_HVCC_ARRAYS = 23
"""Where the arrays of NAL units begin in the configuration of HEVC (ISO/IEC 14496-15, 8.3.3.1)."""


def _h264_type(head: int) -> str:
    return f"h264 {head & 31}"


def _hevc_type(head: int) -> str:
    return f"hevc {head >> 1 & 63}"


_UNIT_TYPES: Mapping[str, Callable[[int], str]] = {"h264": _h264_type, "hevc": _hevc_type}
_MOVED_UNITS = frozenset({"h264 7", "h264 8", "h264 9", "hevc 32", "hevc 33", "hevc 34", "hevc 35"})
"""Parameter sets and access unit delimiters (ITU-T H.264, table 7-1; H.265, table 7-1)."""
_FRAME_UNITS = frozenset(
    [*(f"h264 {kind}" for kind in range(1, 6)), *(f"hevc {kind}" for kind in range(32))]
)


def _length_size(stream: Any) -> int:
    """Return the bytes of a NAL unit's length, 0 where start codes separate them (Annex B)."""
    extradata = stream.codec_context.extradata or b""
    if len(extradata) < 7 or extradata[0] != 1:
        return 0
    at = 4 if stream.codec_context.name == "h264" else 21
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


def _vp9_frames(data: bytes, _stream: Any) -> bytes:
    """Return the frames without the index of a superframe (VP9 specification, annex B)."""
    last = data[-1]
    if last & 0xE0 != 0xC0:
        return data
    size = 2 + ((last >> 3 & 3) + 1) * ((last & 7) + 1)
    return data[:-size] if len(data) >= size and data[-size] == last else data


def _raw(data: bytes, _stream: Any) -> bytes:
    return data


_FORMS: Mapping[str, _Form] = {
    "raw": _raw,
    "stream": _raw,
    "nal": _nal_units,
    "slices": _slices,
    "adts": _without_adts,
    "text": _plain_text,
    "mov_text": _mov_text,
    "vp9": _vp9_frames,
}
