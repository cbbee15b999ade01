"""The options of ffmpeg for one encoded video stream.

Which encoder it is, is decided by whoever knows what this ffmpeg and this machine have; from there
on the options follow from the encode that is asked for and the source. Every option names the
stream of the output that it is for. ``docs/encoders.md`` says what is mapped to what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from vpo.errors import PlanError
from vpo.media.encode_spec import VideoCodec, VideoEncode
from vpo.media.model import Mastering, Track
from vpo.tools import pixel_formats, presets, rate_control
from vpo.tools.presets import Options

Device = Literal["none", "nvenc", "qsv", "vaapi", "videotoolbox"]
"""What encodes; ``none`` is the processor."""

Tonemapper = str
"""``zscale`` or ``libplacebo``: what makes SDR of HDR."""

SOFTWARE: Mapping[VideoCodec, tuple[str, ...]] = {
    "h264": ("libx264",),
    "hevc": ("libx265",),
    "vp9": ("libvpx-vp9",),
    "av1": ("libsvtav1", "libaom-av1"),
}
"""The software encoders of a codec, best first."""
HARDWARE: Mapping[Device, tuple[VideoCodec, ...]] = {
    "nvenc": ("h264", "hevc", "av1"),
    "qsv": ("h264", "hevc", "vp9", "av1"),
    "vaapi": ("h264", "hevc", "vp9", "av1"),
    "videotoolbox": ("h264", "hevc"),
}
"""What the devices can encode, in the order in which ``auto`` tries them."""

_PARAMS = {
    "libx264": "x264-params",
    "libx265": "x265-params",
    "libsvtav1": "svtav1-params",
    "libaom-av1": "aom-params",
}
"""The option of an encoder that holds further options, as ``a=1:b=2``."""
_TWO_PASSES = frozenset({"libx264", "libx265", "libvpx-vp9", "libaom-av1"})
_TILE_WIDTH = 256
"""libvpx and libaom cut a picture into columns of at least this many pixels."""
_AOM_KEYFRAMES = "300"
"""libaom would go without keyframes as long as it can, and seeking with it."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encode of ``track`` by ``encoder``, as the output's stream ``number``.

    ``threads`` is what it may take of the processor, ``None`` for what the encoder likes; ``turn``
    the number of a pass and the file for what the first tells the second; ``tonemapper`` what maps
    the tones, where they are to be mapped; ``time_base`` the option's value for that of the source.
    """

    spec: VideoEncode
    track: Track
    encoder: str
    number: int
    threads: int | None = None
    container: str = "mkv"
    turn: tuple[int, str] | None = None
    tonemapper: Tonemapper | None = None
    time_base: str = "-1"


def source_time_base(libavcodec: int) -> str:
    """Return how this ffmpeg calls the time base of the source.

    ffmpeg 6.1 (libavcodec 60.31) introduced ``demux``; ffmpeg 8 no longer takes ``-1``.
    """
    return "demux" if libavcodec >= 61 else "-1"


def names(codec: VideoCodec, device: Device) -> tuple[str, ...]:
    """The encoders that would do it, best first; empty where the device has none."""
    if device == "none":
        return SOFTWARE[codec]
    return (f"{codec}_{device}",) if codec in HARDWARE[device] else ()


def passes(spec: VideoEncode, encoder: str) -> int:
    """How often the source is read: twice where a bit rate is to be met and the encoder can."""
    twice = spec.quality.two_pass and spec.quality.target_bitrate is not None
    return 2 if twice and encoder in _TWO_PASSES else 1


def video(encoding: Encoding) -> list[str]:
    """The words for the stream; ``PlanError`` for what the encoder cannot do."""
    options: Options = [("c", encoding.encoder)]
    options += _picture(encoding)
    options += rate_control.rate(encoding.encoder, encoding.spec.codec, encoding.spec.quality)
    options += presets.speed(encoding.encoder, encoding.spec.preset)
    options += presets.tuning(encoding.encoder, encoding.spec.tune)
    options += _passing(encoding)
    options += _threads(encoding)
    options += _hdr(encoding)
    if encoding.spec.codec == "hevc" and encoding.container in ("mp4", "mov"):
        # Players of Apple know no other.
        options.append(("tag", "hvc1"))
    options += encoding.spec.options
    pairs = ((f"-{name}:{encoding.number}", value) for name, value in _merged(options))
    return list(chain.from_iterable(pairs))


def warnings(spec: VideoEncode, encoder: str) -> list[str]:
    """What of the encode that is asked for an encoder does without."""
    said = [presets.untuned(encoder, spec.tune)]
    if spec.quality.two_pass and encoder not in _TWO_PASSES and not encoder.endswith("_nvenc"):
        said.append(f"{encoder} has no second pass; encoded in one")
    return [text for text in said if text]


def _picture(encoding: Encoding) -> Options:
    """The pixel format and the colour description: what is not said, ffmpeg would guess."""
    words: Options = []
    if encoding.spec.tonemap:
        words += [("pix_fmt", "yuv420p" if encoding.encoder.startswith("lib") else "nv12")]
    elif name := pixel_formats.pixel_format(encoding.encoder, encoding.track):
        words += [("pix_fmt", name)]
    if encoding.encoder.endswith("_vaapi"):
        words = []  # it gets surfaces of the device, which the filters have put there
    color = encoding.track.color
    if encoding.spec.tonemap:
        named = ("bt709", "bt709", "bt709", "tv")
        return [*words, *zip(_COLOR, named, strict=True)]
    if color is None:
        return words
    stated = (color.primaries, color.transfer, color.space, color.range)
    return [*words, *((name, value) for name, value in zip(_COLOR, stated, strict=True) if value)]


_COLOR = ("color_primaries", "color_trc", "colorspace", "color_range")


def _passing(encoding: Encoding) -> Options:
    if encoding.turn is None:
        if encoding.spec.quality.two_pass and encoding.encoder.endswith("_nvenc"):
            return [("multipass", "fullres")]
        return []
    number, stats = encoding.turn
    if encoding.encoder == "libx265":
        return [("x265-params", f"pass={number}:stats={_escaped(stats)}")]
    return [("pass", str(number)), ("passlogfile", stats)]


def _escaped(text: str) -> str:
    """A value inside of the encoder's own options."""
    return "".join(f"\\{char}" if char in "\\:='" else char for char in text)


def _threads(encoding: Encoding) -> Options:
    count, encoder = encoding.threads, encoding.encoder
    if encoder in ("libvpx-vp9", "libaom-av1"):
        return _tiles(encoding)
    if count is None or not encoder.startswith("lib"):
        return []
    if encoder == "libx265":
        frames = 1 if count == 1 else min(4, count)
        return [("x265-params", f"pools={count}:frame-threads={frames}")]
    if encoder == "libsvtav1":
        return [("svtav1-params", f"lp={count}")]
    return [("threads", str(count))]


def _tiles(encoding: Encoding) -> Options:
    """Rows and columns in parallel, which libvpx and libaom do not do by themselves."""
    width = (encoding.spec.size or (encoding.track.width or 0, 0))[0]
    columns = min(4, max(1, width // _TILE_WIDTH).bit_length() - 1, 2)
    words: Options = [("row-mt", "1"), ("tile-columns", str(columns))]
    if encoding.encoder == "libaom-av1":
        words.append(("g", _AOM_KEYFRAMES))
    return [*words, ("threads", str(encoding.threads))] if encoding.threads else words


def _hdr(encoding: Encoding) -> Options:
    """HDR10's static metadata, for the encoders that write it themselves.

    The others have it from the pictures or from the source's container.
    """
    hdr = encoding.track.hdr
    params = _HDR.get(encoding.encoder)
    if hdr is None or params is None or encoding.spec.tonemap:
        return []
    said = []
    if hdr.mastering and hdr.mastering.primaries and hdr.mastering.luminance:
        said.append(f"{params[0]}={_display(hdr.mastering, encoding.encoder)}")
    if hdr.light:
        said.append(f"{params[1]}={hdr.light[0]},{hdr.light[1]}")
    if said and encoding.encoder == "libx265":
        said += ["hdr10=1", "repeat-headers=1"]
    return [(_PARAMS[encoding.encoder], ":".join(said))] if said else []


_HDR = {
    "libx264": ("mastering-display", "cll"),
    "libx265": ("master-display", "max-cll"),
    "libsvtav1": ("mastering-display", "content-light"),
}


def _display(mastering: Mastering, encoder: str) -> str:
    """``G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)``: in HEVC's units, for SVT-AV1 as numbers."""
    primaries, luminance = mastering.primaries or (), mastering.luminance or (0, 0)
    parts = dict(zip(("R", "G", "B", "WP"), primaries, strict=True))
    chroma, light = (50_000, 10_000) if encoder == "libsvtav1" else (1, 1)
    words = [
        f"{name}({parts[name][0] / chroma:g},{parts[name][1] / chroma:g})"
        for name in ("G", "B", "R", "WP")
    ]
    least, most = luminance
    return "".join([*words, f"L({_number(most / light)},{_number(least / light)})"])


def _number(value: float) -> str:
    """Without an exponent, which no encoder reads."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def carries_hdr(encoder: str, container: str, libavcodec: int, track: Track) -> bool:
    """Whether HDR10's static metadata of a track arrive in the output.

    From libavcodec 61 (ffmpeg 7) on, ffmpeg takes what the pictures say into the container. Before,
    it copies what the source's container says, and only that.
    """
    hdr = track.hdr
    if hdr is None or (hdr.mastering is None and hdr.light is None):
        return True
    if encoder in _HDR or encoder == "hevc_vaapi":
        return True
    if container not in ("mkv", "webm", "mp4"):
        return False
    said = dict(track.side_data)
    copied = (hdr.mastering is None or "mastering" in said) and (
        hdr.light is None or "light_levels" in said
    )
    return libavcodec >= _TAKES_FROM_PICTURES or (copied and not track.dolby_vision)


_TAKES_FROM_PICTURES = 61


def must_carry_hdr(encoding: Encoding, libavcodec: int) -> None:
    """``PlanError`` where the encoder would lose the HDR metadata that are to be kept."""
    if encoding.spec.tonemap:
        return
    if not carries_hdr(encoding.encoder, encoding.container, libavcodec, encoding.track):
        raise PlanError(
            f"{encoding.encoder} would lose the HDR metadata of {encoding.track}; "
            "use another codec or device, hdr: tonemap, or hdr: skip"
        )


def _merged(options: Options) -> Options:
    """What goes into one option of the encoder's own, together, where the first of it stood."""
    inner = frozenset(_PARAMS.values())
    merged: dict[str, str] = {}
    for name, value in options:
        both = name in inner and name in merged
        merged[name] = f"{merged[name]}:{value}" if both else value
    return list(merged.items())
