"""The filters between the decoder and the encoder of one video stream."""

from __future__ import annotations

from collections.abc import Collection

from vpo.errors import PlanError
from vpo.media.model import Color, Hdr, Track
from vpo.tools import pixel_formats
from vpo.tools.encoders import Encoding, Tonemapper

_FULL = "scale=in_range=full:out_range=full"
"""ffmpeg's own conversion of its old full-range formats would make them limited."""
_NO_LONGER = (
    "sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA",
    "sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL",
    "sidedata=mode=delete:type=DYNAMIC_HDR_PLUS",
)
"""What pictures say of HDR, and would go on saying once they are SDR."""
_NOMINAL = 100
"""Candela that are white in SDR (ITU-R BT.1886)."""
_USUAL = 1000
"""Candela up to which most HDR is mastered, and HLG is meant to be shown."""
_DIMMEST, _BRIGHTEST = 2.0, 100.0
_DESATURATE = 0
"""Newer ffmpegs take a wrong luma for it from RGB, and greys come out too bright."""


def chain(encoding: Encoding) -> str:
    """The filters, empty if there is nothing to do.

    Scaling is done by the processor for every device, because the scalers of most devices have no
    choice of algorithm.
    """
    spec, track = encoding.spec, encoding.track
    steps: list[str] = []
    if track.field_order is not None:
        # Else the fields of two moments would be one picture for ever. Pictures that are not
        # interlaced, in between, stay as they are.
        steps.append("bwdif=mode=send_frame:deint=interlaced")
    if spec.size is not None:
        steps.append(f"scale={spec.size[0]}:{spec.size[1]}:flags={spec.scaler}")
    if spec.tonemap:
        if encoding.tonemapper is None:
            raise ValueError("no tone mapper was chosen")
        steps += [
            _colors(track.color or Color()),
            _TONEMAP[encoding.tonemapper](track),
            *_NO_LONGER,
        ]
    elif (track.pixel_format or "").startswith("yuvj"):
        steps += [_FULL, f"format={pixel_formats.pixel_format('libx264', track)}"]
    if encoding.encoder.endswith("_vaapi"):
        deep = not spec.tonemap and pixel_formats.pixel_format(encoding.encoder, track) == "p010le"
        steps += [f"format={'p010le' if deep else 'nv12'}", "hwupload"]
    return ",".join(steps)


def mapped(encoding: Encoding) -> tuple[list[str], list[str]]:
    """The words that bring the source's stream to the output, and those that filter it there."""
    graph = clean(encoding)
    if graph is not None:
        return ["-filter_complex", graph, "-map", f"[v{encoding.number}]"], []
    steps = chain(encoding)
    words = [f"-filter:{encoding.number}", steps] if steps else []
    return ["-map", f"0:{encoding.track.index}"], words


def clean(encoding: Encoding) -> str | None:
    """A graph for ``-filter_complex``, with the output ``[vNUMBER]``, where a plain chain would
    leave false records in the container; ``None`` where it would not.

    Up to ffmpeg 6, what the source's container says of the picture is copied onto the stream that
    comes of it, its Dolby Vision too, unless the graph has more than one input.
    """
    if not (encoding.spec.tonemap or encoding.track.dolby_vision):
        return None
    source = f"[0:{encoding.track.index}]"
    steps = chain(encoding) or "null"
    return f"{source}{steps}[v{encoding.number}];{source}nullsink"


def _colors(color: Color) -> str:
    """What the pictures are in, with what goes with HDR where they do not say."""
    return (
        f"setparams=color_primaries={color.primaries or 'bt2020'}"
        f":color_trc={color.transfer or 'smpte2084'}"
        f":colorspace={color.space or 'bt2020nc'}:range={color.range or 'tv'}"
    )


def _zscale(track: Track) -> str:
    """Linear light, BT.709's primaries, the curve, and back (the way ffmpeg's wiki shows)."""
    return ",".join(
        (
            f"zscale=t=linear:npl={_NOMINAL}",
            "format=gbrpf32le",
            "zscale=p=bt709",
            f"tonemap=hable:desat={_DESATURATE}:peak={_peak(track.hdr or Hdr()):g}",
            "zscale=t=bt709:m=bt709:r=limited",
            "format=yuv420p",
        )
    )


def _peak(hdr: Hdr) -> float:
    """The brightest that is to be shown, in multiples of SDR's white.

    Left to itself, the filter takes what it likes where the pictures do not say.
    """
    said = hdr.light[0] if hdr.light else 0
    if not said and hdr.mastering and hdr.mastering.luminance:
        said = hdr.mastering.luminance[1] // 10_000
    return min(_BRIGHTEST, max(_DIMMEST, (said or _USUAL) / _NOMINAL))


def _libplacebo(track: Track) -> str:  # noqa: ARG001 - it reads the pictures
    return (
        "libplacebo=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
        ":tonemapping=bt.2390:format=yuv420p"
    )


_TONEMAP = {"zscale": _zscale, "libplacebo": _libplacebo}


def tonemappers(filters: Collection[str]) -> list[Tonemapper]:
    """What this ffmpeg can map tones with, best first; ``PlanError`` for none.

    libplacebo stands last: it needs a Vulkan device, of which the list of filters tells nothing.
    """
    found = [name for name in ("zscale", "libplacebo") if name in filters]
    if "tonemap" not in filters and "zscale" in found:
        found.remove("zscale")
    if not found:
        raise PlanError(
            "this ffmpeg cannot map HDR to SDR: it has neither zscale with tonemap nor libplacebo; "
            "use an ffmpeg built with libzimg, for example vpo's bundled one"
        )
    return found


def device_options(encoder: str) -> list[str]:
    """Options in front of the inputs that open the device of an encoder."""
    if encoder.endswith("_vaapi"):
        return ["-init_hw_device", "vaapi=hw", "-filter_hw_device", "hw"]
    return []
