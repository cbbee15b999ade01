"""The format that frames need to be encoded: sides in even numbers, YUV, bits of a sample."""

from __future__ import annotations

from dataclasses import replace

from vpo.errors import PlanError
from vpo.media import pixel_formats
from vpo.media.color import is_rgb
from vpo.media.encode_spec import VideoCodec
from vpo.media.model import Color, Track

YUV = Color(space="bt709", range="tv")
"""What becomes of the matrix and the range of RGB."""
_WHOLE = frozenset({"crop", "projection", "spatial", "stereo"})
"""What a container says that would be wrong of a part of the frames."""
_ANY_SIZE = frozenset({"vp9"})
"""Codecs whose encoders take sides in odd numbers."""


def even_size(track: Track, codec: VideoCodec) -> tuple[int, int] | None:
    """Return the size to which the frames are padded; ``None`` where they stay as they are.

    Where two pixels in a row, or in a column, share their colour, encoders want pairs of them.
    """
    if not track.width or not track.height or codec in _ANY_SIZE:
        return None
    pixels = track.pixel_format or ""
    full = is_rgb(pixels) or "444" in pixels
    if full and codec != "av1":  # of AV1 only 4:2:0 is encoded
        return None
    width = track.width + track.width % 2
    height = track.height if "422" in pixels else track.height + track.height % 2
    return None if (width, height) == (track.width, track.height) else (width, height)


def with_padding(track: Track, size: tuple[int, int]) -> tuple[Track, str]:
    """Return the track with this size, and the warning about it."""
    width, height = size
    warning = (
        f"{track} has an odd size, which the encoder does not take: padded by a black line to "
        f"{width}x{height}"
    )
    return replace(track, width=width, height=height), warning


def mixed_warning(track: Track) -> str:
    """Return the warning about a track whose frames change their size or shape midway."""
    return (
        f"{track} changes its size or shape midway: all of it is scaled to that of the largest part"
    )


def in_yuv(track: Track) -> Track:
    """Return the track with the colours that it has after an encode: RGB becomes YUV."""
    if not is_rgb(track.pixel_format):
        return track
    color = replace(track.color or Color(), space=YUV.space, range=YUV.range)
    return replace(track, color=color, pixel_format=None)


def cropped(track: Track, fields: bool) -> Track:
    """Return the track with the size and the place (``picture``) of what black bars surround.

    The same track where none are known, or where what the container says is about whole frames.
    ``fields``: each of them keeps its lines.
    """
    if track.picture is None or track.mixed or _WHOLE & dict(track.side_data).keys():
        return track
    width, height, left, top = map(int, track.picture.split(":"))
    if fields:
        bottom = min(track.height or 0, -(-(top + height) // 4) * 4)
        top -= top % 4
        height = bottom - top
    picture = f"{width}:{height}:{left}:{top}"
    return replace(track, width=width, height=height, picture=picture)


def has_other_depth(track: Track, depth: int | None) -> bool:
    """Return whether the samples are known to have another number of bits than asked for."""
    have = pixel_formats.depth(track.pixel_format)
    return depth is not None and have is not None and have != depth


def with_depth(track: Track, depth: int | None) -> Track:
    """Return the track with so many bits in a sample; ``None`` keeps them."""
    known = pixel_formats.planar(track.pixel_format or "")
    if depth is None or known is None or known.depth == depth:
        return track
    return replace(track, pixel_format=known._replace(depth=depth).name)


def require_depth_for_hdr(track: Track, depth: int | None, tonemap: bool) -> None:
    """Raise ``PlanError`` for HDR in 8 bits, whose steps show, and which players take for SDR."""
    if depth == 8 and track.dynamic_range is not None and not tonemap:
        raise PlanError(
            f"{track} is {track.dynamic_range}, which needs 10 bits (bit_depth); use hdr: tonemap, "
            "hdr: skip, or bit_depth: keep"
        )


def depth_mismatches(want: Track, have: Track) -> list[str]:
    """Describe how the samples of a probed track differ from what was expected."""
    wanted, got = pixel_formats.depth(want.pixel_format), pixel_formats.depth(have.pixel_format)
    if wanted is None or got is None or wanted == got:
        return []
    return [f"samples of {got} bits instead of {wanted}"]
