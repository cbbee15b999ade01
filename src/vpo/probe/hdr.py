"""HDR metadata, read from the first frame of each video track.

Containers repeat a part of it or nothing: HDR10+ and, in transport streams, Dolby Vision are only
in the frames. libavcodec returns the metadata as the structures of its
``libavutil/mastering_display_metadata.h``, which PyAV passes on as bytes.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from vpo.errors import ProbeError
from vpo.media.model import Hdr, Mastering, MediaFile, Track

if TYPE_CHECKING:
    import av.container

_PACKETS = 64
"""Packets to decode until the first frame: several decoders delay frames."""
_CHROMA = 50_000
_LUMINANCE = 10_000
_MASTERING = struct.Struct("20i2i")
"""AVMasteringDisplayMetadata: ten rationals (red, green, blue, white x and y, luminance), then
whether it has primaries, and luminance."""
_LIGHT = struct.Struct("2I")
"""AVContentLightMetadata: MaxCLL and MaxFALL."""


def read_hdr_metadata(media: MediaFile, source: av.container.InputContainer) -> MediaFile:
    """Return the media with the HDR metadata of the first frame of each video track.

    Raises ``ProbeError`` if an HDR track has no frame: its metadata would be lost without notice.
    """
    tracks = tuple(
        replace(track, hdr=_hdr(track, source)) if _may_be_hdr(track) else track
        for track in media.tracks
    )
    return replace(media, tracks=tracks)


def _may_be_hdr(track: Track) -> bool:
    """Return whether a track may be HDR: by its transfer, or its bits if that is unknown."""
    if track.type != "video":
        return False
    transfer = track.color.transfer if track.color else None
    deep = bool(track.pixel_format and track.pixel_format.endswith(("10le", "12le")))
    return bool(track.dynamic_range) or track.dolby_vision or (transfer is None and deep)


def _hdr(track: Track, source: av.container.InputContainer) -> Hdr | None:
    frame = _first_frame(source, track.index)
    if frame is None:
        if track.dynamic_range:
            raise ProbeError(
                f"no frame of {track} can be decoded, so its HDR metadata are unknown; "
                "vpo inspect --health shows where the file is damaged"
            )
        return None
    found = _from_side_data({item.type.name: bytes(item) for item in frame.side_data})
    return found if track.dynamic_range or found != Hdr() else None


def _first_frame(source: av.container.InputContainer, index: int) -> Any:
    import av

    stream = source.streams[index]
    with contextlib.suppress(av.FFmpegError):
        # If it cannot seek, it stays where it is: at the beginning, or shortly after it.
        source.seek(0, backward=True, any_frame=False)
    return next(_frames(islice(source.demux(stream), _PACKETS)), None)


def _frames(packets: Iterator[Any]) -> Iterator[Any]:
    import av

    for packet in packets:
        try:
            yield from packet.decode()
        except (av.FFmpegError, ValueError):
            continue


def _from_side_data(data: dict[str, bytes]) -> Hdr:
    return Hdr(
        mastering=_mastering(data.get("MASTERING_DISPLAY_METADATA", b"")),
        light=_light(data.get("CONTENT_LIGHT_LEVEL", b"")),
        dynamic="DYNAMIC_HDR_PLUS" in data,
        dolby_vision="DOVI_RPU_BUFFER" in data or "DOVI_METADATA" in data,
    )


def _mastering(data: bytes) -> Mastering | None:
    if len(data) < _MASTERING.size:
        return None
    *numbers, primaries, luminance = _MASTERING.unpack_from(data)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    xy = [_scaled(*pair, _CHROMA) for pair in pairs[:8]]
    points = tuple(zip(xy[::2], xy[1::2], strict=True)) if primaries else None
    least, most = (_scaled(*pair, _LUMINANCE) for pair in pairs[8:])
    found = Mastering(points, (least, most) if luminance and most > 0 else None)
    return found if found != Mastering() else None


def _scaled(number: int, base: int, scale: int) -> int:
    return round(number * scale / base) if base else 0


def _light(data: bytes) -> tuple[int, int] | None:
    if len(data) < _LIGHT.size:
        return None
    most, average = _LIGHT.unpack_from(data)
    return (most, average) if most or average else None
