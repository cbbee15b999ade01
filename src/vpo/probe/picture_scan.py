"""What the packets of a video hold beyond its pictures' first size: captions, another size.

Captions (CEA-608 and 708) stand beside the pictures, as messages of ATSC A/53. A recording may
change its size or its shape where one programme ends and another begins.
"""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import Any, NamedTuple

from vpo.probe.media_input import open_container, open_input
from vpo.probe.payload_forms import sequence_parameters

_CAPTIONS = b"GA94\x03"
"""How captions begin, in the user data of MPEG-2 and in messages of the codecs after it."""
_HEAD = 4096
"""Bytes in which captions stand, before the picture itself."""
_PACKETS = 150
_FRAMES = 8
_WEAVING = frozenset({"h264", "mpeg2video", "mpeg4", "vc1", "wmv3", "dvvideo", "ffv1", "hevc"})
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
        self._known: set[bytes] = set()
        self.captions = 0
        self.change: tuple[int, Shape, Shape] | None = None

    def take(self, packet: Any) -> None:
        """Look at the next packet. Only a key frame with new parameters is decoded."""
        head = bytes(memoryview(packet)[:_HEAD])
        self.captions += _CAPTIONS in head
        if not packet.is_keyframe or self.change is not None:
            return
        parameters = sequence_parameters(head, packet.stream)
        if not parameters or parameters in self._known:
            return
        self._known.add(parameters)
        if self._first is None:
            self._first = parameters, bytes(packet)
            return
        before, after = _shape(self._first[1], packet.stream), _shape(bytes(packet), packet.stream)
        if before is not None and after is not None and _differ(before, after):
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


class VideoHead(NamedTuple):
    """What the first packets of a video have shown.

    ``change`` says which shape follows which, as text; ``interlaced`` what the frames say.
    """

    captions: bool = False
    change: str | None = None
    interlaced: bool = False


def read_video_head(path: str, index: int) -> VideoHead:
    """Return what the first packets of a video stream show. Raises ``ProbeError``."""
    with open_input(path) as file, open_container(path, file.fd, decode=False) as source:
        stream = source.streams[index]
        codec = stream.codec_context.codec.canonical_name
        scan, packets = PictureScan(), []
        for packet in islice(source.demux(stream), _PACKETS):
            if packet.size:
                scan.take(packet)
                packets.append(packet)
        change = f"{scan.change[1]} to {scan.change[2]}" if scan.change else None
        woven = codec in _WEAVING and _interlaced(packets)
        return VideoHead(scan.captions > 0, change, woven)


def _interlaced(packets: list[Any]) -> bool:
    """Return whether the first frames say that they are two fields each."""
    import av

    left = _FRAMES
    for packet in packets:
        with contextlib.suppress(av.FFmpegError, ValueError):
            for frame in packet.decode():
                if getattr(frame, "interlaced_frame", False):
                    return True
                left -= 1
        if left <= 0:
            return False
    return False
