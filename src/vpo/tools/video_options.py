"""The options of ffmpeg for one encoded video stream.

Whoever knows what this ffmpeg and this machine have chooses the encoder; the options follow from
its row, the encode that is asked for, and the source. Every option names the stream of the output
that it is for. ``docs/encoders.md`` says what is mapped to what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from vpo.errors import PlanError
from vpo.media.color import is_rgb
from vpo.media.containers import container
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import Color, Mastering, Track
from vpo.media.pixel_formats import PixelFormat
from vpo.tools.presets import Options
from vpo.tools.video_encoders import Hdr10, VideoEncoder

Tonemapper = str
"""``zscale`` or ``libplacebo``: the filter that makes SDR of HDR."""

TONEMAPPED = PixelFormat("420", 8)
"""The pixel format after tone mapping."""
_TILE_WIDTH = 256
"""libvpx and libaom cut a frame into columns of at least this many pixels."""
_FIELD_LINES = 4
"""Both fields have lines of chroma in pairs."""
_COLOR = ("color_primaries", "color_trc", "colorspace", "color_range")
_SDR = ("bt709", "bt709", "bt709", "tv")
_FRAMES_INTO_CONTAINER = 61
"""The libavcodec from which on ffmpeg takes HDR10's metadata from frames into the container."""


class EncodePass(NamedTuple):
    """A pass of an encode in two: its number, and the path of the first pass's statistics."""

    number: int
    log: str


_LEAST_MEMORY = 4 << 30
_PIXEL_MEMORY = 1536
"""Bytes of memory for an encode: at least, and for each pixel of a frame. x265 takes 220 a pixel on
two cores (0.43 GiB for 1920x1080, preset medium); more threads and slower presets keep several
times as many frames. The limit is only to stop what never ends."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encode of ``track`` by ``encoder``, as the output's stream ``number``.

    ``threads`` is how many threads it may use, ``None`` for the encoder's default; ``encode_pass``
    is set for an encode in two; ``tonemapper`` is set where tone mapping is asked for;
    ``time_base`` is ffmpeg's word for that of the source; ``fields`` which field of interlaced
    frames comes first, where they do not say it themselves.
    """

    spec: VideoEncode
    track: Track
    encoder: VideoEncoder
    number: int
    threads: int | None = None
    container: str = "mkv"
    encode_pass: EncodePass | None = None
    tonemapper: Tonemapper | None = None
    time_base: str = "-1"
    fields: str | None = None

    @property
    def pixel_format(self) -> str | None:
        """The pixel format that the encoder gets, ``None`` for what ffmpeg chooses.

        ``PlanError`` where the encoder does not take the source's.
        """
        if self.spec.tonemap:
            return self.encoder.pixel_format(self.tonemapped, self.spec.depth)
        return self.encoder.pixel_format(self.track, self.spec.depth)

    @property
    def tonemapped(self) -> Track:
        """The track, with its pixel format after tone mapping."""
        return replace(self.track, pixel_format=TONEMAPPED.name)

    @property
    def keeps_fields(self) -> bool:
        """Whether the video is interlaced and stays so."""
        return self.spec.fields and self.track.field_order is not None

    @property
    def lines(self) -> int:
        """The lines of a frame as it is encoded."""
        if size := self.spec.pad or self.spec.size:
            return size[1]
        return int(self.spec.crop.split(":")[1]) if self.spec.crop else self.track.height or 0

    @property
    def pixels(self) -> int:
        """The pixels of a frame, before or after scaling, whichever are more."""
        sizes = [(self.track.width or 0, self.track.height or 0), self.spec.size or (0, 0)]
        return max(width * height for width, height in sizes)


def memory(encodings: Iterable[Encoding]) -> int:
    """Return the bytes of memory that ffmpeg may use: encoders keep dozens of frames."""
    return _LEAST_MEMORY + sum(_PIXEL_MEMORY * encoding.pixels for encoding in encodings)


def source_time_base(libavcodec: int) -> str:
    """Return what this ffmpeg calls the time base of the source.

    ffmpeg 6.1 (libavcodec 60.31) introduced ``demux``; ffmpeg 8 no longer takes ``-1``.
    """
    return "demux" if libavcodec >= 61 else "-1"


def passes(spec: VideoEncode, encoder: VideoEncoder) -> int:
    """Return how often the source is read: twice for a bit rate, where the encoder can."""
    twice = spec.quality.two_pass and spec.quality.target_bitrate is not None
    return 2 if twice and encoder.pass_options else 1


def video(encoding: Encoding) -> list[str]:
    """Return the arguments for the stream; ``PlanError`` for what the encoder cannot do."""
    encoder, spec = encoding.encoder, encoding.spec
    width, height = spec.size or (encoding.track.width, encoding.track.height)
    if width and height:
        encoder.require_size(width, height)
    options: Options = [("c", encoder.name)]
    options += _format(encoding)
    options += _color(encoding)
    options += encoder.rate_options(spec.quality)
    options += encoder.preset_options(spec.preset, encoding.encode_pass is not None)
    options += encoder.tune_options(spec.tune)
    options += _pass(encoding)
    options += _threads(encoding)
    options += _fields(encoding)
    options += _hdr(encoding)
    if spec.captions == "drop" and encoder.captions:
        options.append(("a53cc", "0"))
    tag = container(encoding.container).hevc_tag
    if spec.codec == "hevc" and tag is not None:
        options.append(("tag", tag))
    options += spec.options
    merged = _merged(options, encoder.params)
    return list(
        chain.from_iterable((f"-{name}:{encoding.number}", value) for name, value in merged)
    )


def warnings(spec: VideoEncode, encoder: VideoEncoder, track: Track | None = None) -> list[str]:
    """Return warnings about what the encoder does not have: options, the format of the frames."""
    found = []
    if track is not None and is_rgb(track.pixel_format) and not spec.tonemap:
        name = encoder.pixel_format(track, spec.depth)
        found.append(f"{encoder} does not take {track.pixel_format}; encoded as {name}")
    if spec.tune is not None and not encoder.tune_options(spec.tune):
        found.append(f"{encoder} has no tune {spec.tune}; encoded without")
    if spec.quality.two_pass and not (encoder.pass_options or encoder.multipass):
        found.append(f"{encoder} has no second pass; encoded in one")
    return found


def _format(encoding: Encoding) -> Options:
    """Return the pixel format, which ffmpeg would guess; on a device, the filters give it."""
    name = encoding.pixel_format
    return [("pix_fmt", name)] if name is not None and not encoding.encoder.upload else []


def _color(encoding: Encoding) -> Options:
    """Return the colour description, as far as the source has one; ffmpeg would guess it."""
    if encoding.spec.tonemap:
        return list(zip(_COLOR, _SDR, strict=True))
    color = encoding.track.color or Color()
    if is_rgb(encoding.track.pixel_format):
        color = replace(color, space=_SDR[2], range=_SDR[3])
    stated = (color.primaries, color.transfer, color.space, color.range)
    return [(name, value) for name, value in zip(_COLOR, stated, strict=True) if value]


def _pass(encoding: Encoding) -> Options:
    encoder = encoding.encoder
    if encoding.encode_pass is not None and encoder.pass_options is not None:
        return encoder.pass_options(*encoding.encode_pass)
    return list(encoder.multipass) if encoding.spec.quality.two_pass else []


def _threads(encoding: Encoding) -> Options:
    encoder = encoding.encoder
    options = [*_tiles(encoding), *encoder.fixed]
    if encoding.threads is None or encoder.thread_options is None:
        return options
    return [*options, *encoder.thread_options(encoding.threads)]


def _fields(encoding: Encoding) -> Options:
    """Return the options for interlaced video that stays so; ``PlanError`` if it cannot."""
    if not encoding.keeps_fields:
        return []
    if not encoding.encoder.fields:
        raise PlanError(
            f"{encoding.encoder} cannot encode interlaced video, which {encoding.track} is; encode "
            "to h264 in software, or use deinterlace: auto"
        )
    if encoding.lines % _FIELD_LINES:
        raise PlanError(
            f"{encoding.track} is interlaced, and {encoding.encoder} needs lines in fours, not "
            f"{encoding.lines}; use deinterlace: auto"
        )
    return list(encoding.encoder.fields)


def _tiles(encoding: Encoding) -> Options:
    """Return what libvpx and libaom need to encode rows and columns in parallel."""
    if not encoding.encoder.tiles:
        return []
    width = (encoding.spec.size or (encoding.track.width or 0, 0))[0]
    columns = min(2, max(1, width // _TILE_WIDTH).bit_length() - 1)
    return [("row-mt", "1"), ("tile-columns", str(columns))]


def _hdr(encoding: Encoding) -> Options:
    """Return HDR10's static metadata, for the encoders that write it themselves.

    The others have it from the frames or from the source's container.
    """
    encoder, hdr = encoding.encoder, encoding.track.hdr
    names = encoder.hdr10
    if hdr is None or names is None or encoder.params is None or encoding.spec.tonemap:
        return []
    values = []
    if hdr.mastering and hdr.mastering.primaries and hdr.mastering.luminance:
        values.append(f"{names.mastering}={_display(hdr.mastering, names)}")
    if hdr.light:
        values.append(f"{names.light}={hdr.light[0]},{hdr.light[1]}")
    return [(encoder.params, ":".join([*values, *names.further]))] if values else []


def _display(mastering: Mastering, units: Hdr10) -> str:
    """Return ``G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)``."""
    primaries, luminance = mastering.primaries or (), mastering.luminance or (0, 0)
    points = dict(zip(("R", "G", "B", "WP"), primaries, strict=True))
    parts = [
        f"{name}({points[name][0] / units.chroma:g},{points[name][1] / units.chroma:g})"
        for name in ("G", "B", "R", "WP")
    ]
    least, most = (_number(value / units.luminance) for value in luminance)
    return "".join([*parts, f"L({most},{least})"])


def _number(value: float) -> str:
    """Return the number without an exponent, which no encoder accepts."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def must_carry_hdr(encoding: Encoding, libavcodec: int) -> None:
    """Raise ``PlanError`` if the encoder would lose HDR metadata that is to be kept.

    ``libavcodec`` is the major version.
    """
    if not encoding.spec.tonemap and not _carries_hdr(encoding, libavcodec):
        raise PlanError(
            f"{encoding.encoder} would lose the HDR metadata of {encoding.track}; "
            "use another codec or device, hdr: tonemap, or hdr: skip"
        )


def must_carry_captions(encoding: Encoding) -> None:
    """Raise ``PlanError`` if the encoder would lose the closed captions of the frames."""
    if not encoding.encoder.captions:
        raise PlanError(
            f"{encoding.encoder} would lose the closed captions of {encoding.track}; "
            "encode to h264, which keeps them, or set captions: extract or captions: drop"
        )


def _carries_hdr(encoding: Encoding, libavcodec: int) -> bool:
    """Return whether HDR10's static metadata of the track is kept.

    From libavcodec 61 (ffmpeg 7) on, ffmpeg takes what the frames say into the container. Before,
    it copies what the source's container says, and only that.
    """
    encoder, track, hdr = encoding.encoder, encoding.track, encoding.track.hdr
    if hdr is None or (hdr.mastering is None and hdr.light is None):
        return True
    if encoder.hdr10 or encoder.hdr_from_frames:
        return True
    if not container(encoding.container).encoded_hdr:
        return False
    stated = dict(track.side_data)
    copied = (hdr.mastering is None or "mastering" in stated) and (
        hdr.light is None or "light_levels" in stated
    )
    return libavcodec >= _FRAMES_INTO_CONTAINER or (copied and not track.dolby_vision)


def _merged(options: Options, params: str | None) -> Options:
    """Join what goes into the encoder's own parameters, at the place of the first of it."""
    merged: dict[str, str] = {}
    for name, value in options:
        both = name == params and name in merged
        merged[name] = f"{merged[name]}:{value}" if both else value
    return list(merged.items())
