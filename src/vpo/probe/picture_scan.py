"""What the packets of a video hold beyond its pictures' first size: captions, another size.

Captions (CEA-608 and 708) stand beside the pictures, as messages of ATSC A/53. A recording may
change its size or its shape where one programme ends and another begins.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice, pairwise
from statistics import median
from typing import Any, NamedTuple

from vpo.probe.media_input import open_container, open_input
from vpo.probe.payload_forms import sequence_parameters

_CAPTIONS = b"GA94\x03"
"""How captions begin, in the user data of MPEG-2 and in messages of the codecs after it."""
_HEAD = 4096
"""Bytes in which captions stand, before the picture itself."""
_PACKETS = 150
_PARTS = (0.1, 0.3, 0.5, 0.7, 0.9)
_PLACE_PACKETS = 100
_LOOKED_AT = 60
"""Frames of all places together that are searched for combs."""
_SHORT = 10_000_000
"""Microseconds that need only be looked at from the start."""
_MOST = 100
"""Kinds of parts whose shapes are looked at."""
_MOST_LINES = 1088
"""Lines of the largest interlaced format (ITU-R BT.709)."""
_PROGRESSIVE_LINES = 720
"""Lines of the one format that is never interlaced (SMPTE ST 296)."""
_LEAST_COMBED = 8
_ENOUGH = 20
_SURE = 10
_IDET = "intl_thres=1.5"
"""Above the default, with which sharp patterns that move look like combs."""
_FIELD_KEY = "lavfi.idet.multiple.current_frame"
_FRAMES = 8
_REORDERED = 16
"""The frames that H.264 and HEVC reorder at most."""
_ROUNDING = 0.0015
"""Seconds by which Matroska, AVI and others round the steps from frame to frame."""
WEAVING = frozenset({"h264", "mpeg2video", "mpeg4", "vc1", "wmv3", "dvvideo", "ffv1", "hevc"})
"""Codecs with interlaced frames; the container does not always say it."""


class Shape(NamedTuple):
    """The size of a picture in pixels, and the shape of these (``4:3``), empty if not stated."""

    width: int
    height: int
    pixels: str = ""

    def __str__(self) -> str:
        return f"{self.width}x{self.height}{f' (pixels {self.pixels})' if self.pixels else ''}"


class PictureScan:
    """Looks at the packets of one video stream, in order.

    ``captions`` is the number of packets with captions; ``change`` the time of the first key frame
    of another shape than the first one, in units of the stream, and both shapes.
    """

    def __init__(self) -> None:
        self._first: tuple[bytes, bytes] | None = None
        self._shapes: dict[bytes, Shape | None] = {}
        self._parts: Counter[bytes] = Counter()
        self._part = b""
        self.captions = 0
        self.change: tuple[int, Shape, Shape] | None = None

    def take(self, packet: Any) -> None:
        """Look at the next packet. Only a key frame with new parameters is decoded."""
        head = bytes(memoryview(packet)[:_HEAD])
        self.captions += _CAPTIONS in head
        if packet.is_keyframe:
            self._begin_part(sequence_parameters(head, packet.stream), packet)
        self._parts[self._part] += 1

    def measure_anew(self) -> None:
        """Forget how many packets each part has."""
        self._parts.clear()

    @property
    def largest(self) -> Shape | None:
        """The shape of most packets; ``None`` where all have one."""
        sizes: Counter[Shape] = Counter()
        for part, count in self._parts.items():
            if (shape := self._shapes.get(part)) is not None:
                sizes[shape] += count
        return sizes.most_common(1)[0][0] if self.change and sizes else None

    def _begin_part(self, parameters: bytes, packet: Any) -> None:
        if not parameters:
            return
        self._part = parameters
        if self._first is None:
            self._first = parameters, bytes(packet)
        if parameters in self._shapes or parameters == self._first[0] or len(self._shapes) > _MOST:
            return
        first, key = self._first
        before = self._shapes.setdefault(first, _shape(key, packet.stream))
        after = self._shapes[parameters] = _shape(bytes(packet), packet.stream)
        if before is not None and after is not None and _differ(before, after) and not self.change:
            self.change = packet.dts if packet.pts is None else packet.pts, before, after


def _differ(before: Shape, after: Shape) -> bool:
    pixels = before.pixels and after.pixels and before.pixels != after.pixels
    return before[:2] != after[:2] or bool(pixels)


def _shape(data: bytes, stream: Any) -> Shape | None:
    """Decode a key frame; ``None`` if that is not possible."""
    import av

    context = av.CodecContext.create(stream.codec_context.codec.name, "r")
    context.extradata = stream.codec_context.extradata
    frames: list[Any] = []
    with contextlib.suppress(av.FFmpegError, ValueError):
        frames += context.decode(av.Packet(data))
        frames += context.decode(None)
    if not frames:
        return None
    ratio = context.sample_aspect_ratio
    pixels = f"{ratio.numerator}:{ratio.denominator}" if ratio else ""
    return Shape(frames[0].width, frames[0].height, pixels)


class VideoSample(NamedTuple):
    """What the start of a video and a few places in it have shown.

    ``change`` says which shape follows which, as text, and ``largest`` is that of the largest part;
    ``interlaced`` is whether frames say that they are two fields each, ``fields`` which field comes
    first (``tff``, ``bff``) where only their pictures show it; ``uneven`` is whether the first
    frames are shown for times that differ.
    """

    captions: bool = False
    change: str | None = None
    interlaced: bool = False
    fields: str | None = None
    largest: Shape | None = None
    uneven: bool = False


def read_video_sample(path: str, index: int) -> VideoSample:
    """Return what the start of a video stream and a few places in it show.

    Raises ``ProbeError``.
    """
    with open_input(path) as file, open_container(path, file.fd, decode=False) as source:
        stream = source.streams[index]
        codec = stream.codec_context.codec.canonical_name
        scan, packets = PictureScan(), []
        for packet in islice(source.demux(stream), _PACKETS):
            if packet.size:
                scan.take(packet)
                packets.append(packet)
        uneven = _uneven([p.pts for p in packets if p.pts is not None], stream.time_base)
        woven = codec in WEAVING and _interlaced(packets)
        combing = None
        if codec in WEAVING and not woven and may_be_fields(stream.codec_context.height or 0):
            combing = FieldSearch()
        places = places_in(source)
        if len(places) > 1:
            scan.measure_anew()
        for start in places:
            packets = list(packets_at(source, stream, start, _PLACE_PACKETS // len(places)))
            for packet in packets:
                scan.take(packet)
            if combing is not None and not combing.is_progressive:
                combing.take(packets, _LOOKED_AT // len(places))
        change = f"{scan.change[1]} to {scan.change[2]}" if scan.change else None
        return VideoSample(
            scan.captions > 0,
            change,
            woven,
            combing.order if combing else None,
            scan.largest,
            uneven,
        )


def places_in(source: Any) -> list[int]:
    """Return the times to look at, in microseconds; none in what the start has shown."""
    first, length = source.start_time or 0, source.duration or 0
    return [first + int(length * part) for part in _PARTS] if length > _SHORT else [first]


def packets_at(source: Any, stream: Any, start: int, count: int) -> Iterator[Any]:
    import av

    with contextlib.suppress(av.FFmpegError, ValueError):
        source.seek(start, backward=True, any_frame=False)
        stream.codec_context.flush_buffers()
        yield from (packet for packet in islice(source.demux(stream), count) if packet.size)


class FieldSearch:
    """Looks for the combs of interlaced pictures in frames that do not say that they are (idet)."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._graph: Any = None

    def take(self, packets: Iterable[Any], count: int) -> None:
        """Look at so many frames of these packets; those of another size are passed over."""
        import av

        for frame in islice(frames_of(packets), count):
            if self._graph is None:
                self._graph = _idet(frame)
            with contextlib.suppress(av.FFmpegError, ValueError):
                self._graph.push(frame)
                while True:
                    self._found[self._graph.pull().metadata.get(_FIELD_KEY, "")] += 1

    @property
    def is_progressive(self) -> bool:
        """Whether what was looked at is clearly no fields, so that no more need be looked at."""
        combed = self._found["tff"] + self._found["bff"]
        return self._found["progressive"] >= _ENOUGH > _SURE * combed

    @property
    def order(self) -> str | None:
        """Which field comes first; ``None`` where the frames are not clearly interlaced."""
        best, other = sorted(("tff", "bff"), key=lambda name: -self._found[name])
        clear = self._found[best] >= max(_LEAST_COMBED, _SURE * self._found[other])
        return best if clear and self._found[best] > self._found["progressive"] else None


def may_be_fields(lines: int) -> bool:
    return lines <= _MOST_LINES and lines != _PROGRESSIVE_LINES


def _idet(frame: Any) -> Any:
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    for one, other in pairwise([source, graph.add("idet", _IDET), graph.add("buffersink")]):
        one.link_to(other)
    graph.configure()
    return graph


def _uneven(times: list[int], time_base: Fraction) -> bool:
    """Return whether frames follow each other in steps that differ by more than rounding."""
    known = sorted(times)
    if len(known) > _PACKETS - _REORDERED:  # frames are missing that are stored later
        known = known[:-_REORDERED]
    steps = [float((b - a) * time_base) for a, b in pairwise(known)]
    if not steps:
        return False
    usual = median(steps)
    return sum(abs(step - usual) > _ROUNDING + usual / 5 for step in steps) > len(steps) / 20


def _interlaced(packets: list[Any]) -> bool:
    """Return whether the first frames say that they are two fields each."""
    frames = islice(frames_of(packets), _FRAMES)
    return any(getattr(frame, "interlaced_frame", False) for frame in frames)


def frames_of(packets: Iterable[Any]) -> Iterator[Any]:
    import av

    for packet in packets:
        with contextlib.suppress(av.FFmpegError, ValueError):
            yield from packet.decode()
