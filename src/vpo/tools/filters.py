"""The filters between the decoder and the encoder of one video stream."""

from __future__ import annotations

from collections.abc import Collection

from vpo.errors import PlanError
from vpo.media import pixel_formats
from vpo.media.color import is_rgb
from vpo.media.encode_spec import FrameDrop
from vpo.media.model import Color, Hdr, Track
from vpo.tools.video_options import TONEMAPPED, Encoding, Tonemapper

_FULL = "scale=in_range=full:out_range=full"
"""ffmpeg's own conversion of its old full-range formats would make them limited."""
_TO_YUV = "scale=out_color_matrix=bt709:out_range=tv"
_DELETE_HDR = (
    "sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA",
    "sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL",
    "sidedata=mode=delete:type=DYNAMIC_HDR_PLUS",
)
"""Removes the HDR metadata of frames, which would stay once they are SDR."""
_NOMINAL = 100
"""The luminance of white in SDR, in cd/m² (ITU-R BT.1886)."""
_USUAL = 1000
"""The peak luminance of most HDR masters and of HLG displays, in cd/m²."""
_DIMMEST, _BRIGHTEST = 2.0, 100.0
_DEINTERLACE = "bwdif=mode=send_frame:deint=interlaced"
_DESATURATE = 0
"""No desaturation: newer ffmpegs compute the luma of RGB wrongly, which brightens greys."""


def chain(encoding: Encoding) -> str:
    """Return the filters up to the encoder, empty if there is nothing to do."""
    encoder = encoding.encoder
    found = steps(encoding)
    if encoder.upload:
        name = encoding.pixel_format or encoder.format_name(TONEMAPPED)
        found += [f"format={name}", *encoder.upload]
    return ",".join(found)


def steps(encoding: Encoding) -> list[str]:
    """Return the filters of frames in memory, for every encoder the same.

    The processor scales for every device, because the scalers of most devices have no choice of
    algorithm.
    """
    spec, track = encoding.spec, encoding.track
    found = [*_timed(encoding), *_sized(encoding)]
    if spec.tonemap:
        if encoding.tonemapper is None:
            raise ValueError("no tone mapper was chosen")
        pixels = TONEMAPPED._replace(depth=spec.depth or 8).name
        found += [*to_sdr(track, encoding.tonemapper, pixels), *_DELETE_HDR]
    elif name := pixel_formats.without_range(track.pixel_format or ""):
        found += [_FULL, f"format={name}"]
    elif is_rgb(track.pixel_format) and encoding.pixel_format is not None:
        found += [_TO_YUV, f"format={encoding.pixel_format}"]
    return found


def to_sdr(track: Track, by: Tonemapper, pixels: str) -> list[str]:
    """Return the filters that map the frames of an HDR track to SDR, in this pixel format."""
    return [_colors(track.color or Color()), _TONEMAP[by](track, pixels)]


def _timed(encoding: Encoding) -> list[str]:
    """Return the filters that make frames of fields, and leave frames out."""
    found: list[str] = []
    if encoding.fields is not None:
        found.append(f"setfield={encoding.fields}")
    interlaced = encoding.track.field_order is not None or encoding.fields is not None
    if encoding.spec.film is not None:
        # What no other field matches is deinterlaced, then the copy in each five frames goes.
        found += ["fieldmatch=combmatch=full", _DEINTERLACE, "decimate"]
    elif interlaced and not encoding.spec.fields:
        # Otherwise interlaced fields would be encoded as one frame. Progressive frames in between
        # stay unchanged.
        found.append(_DEINTERLACE)
    if encoding.spec.drop is not None:
        found.append(_dropping(encoding.spec.drop))
    return found


def _sized(encoding: Encoding) -> list[str]:
    spec, track, found = encoding.spec, encoding.track, []
    if spec.crop is not None:
        found.append(f"crop={spec.crop}")
    size = spec.size or ((track.width, track.height) if spec.mixed else None)
    if size is not None:
        fields = ":interl=1" if encoding.keeps_fields else ""
        found.append(f"scale={size[0]}:{size[1]}:flags={spec.scaler}{fields}")
    if spec.mixed is not None:
        found.append(f"setsar={spec.mixed.replace(':', '/')}")
    if spec.pad is not None:
        found.append(f"pad={spec.pad[0]}:{spec.pad[1]}:0:0")
    return found


def _dropping(drop: FrameDrop) -> str:
    return f"framestep={drop.step}" if drop.step is not None else f"fps={drop.rate}"


def mapped(encoding: Encoding, stream: str | None = None) -> tuple[list[str], list[str]]:
    """Return the arguments that map the source's stream, and those that filter it.

    ``stream`` is ffmpeg's name of one that is read in its place.
    """
    stream = stream or f"0:{encoding.track.index}"
    graph = clean(encoding, stream)
    if graph is not None:
        return ["-filter_complex", graph, "-map", f"[v{encoding.number}]"], []
    found = chain(encoding)
    filtering = [f"-filter:{encoding.number}", found] if found else []
    return ["-map", stream], filtering


def clean(encoding: Encoding, stream: str) -> str | None:
    """Return a graph for ``-filter_complex``, with the output ``[vNUMBER]``, where a plain chain
    would leave false records in the container; ``None`` where it would not.

    Up to ffmpeg 6, what the source's container says of the stream is copied onto the encoded one,
    its Dolby Vision too, unless the graph has more than one input.
    """
    if not (encoding.spec.tonemap or encoding.track.dolby_vision):
        return None
    found = chain(encoding) or "null"
    return f"[{stream}]{found}[v{encoding.number}];[{stream}]nullsink"


def _colors(color: Color) -> str:
    """Return a filter that sets the colours of the frames: as stated, else those of HDR10."""
    return (
        f"setparams=color_primaries={color.primaries or 'bt2020'}"
        f":color_trc={color.transfer or 'smpte2084'}"
        f":colorspace={color.space or 'bt2020nc'}:range={color.range or 'tv'}"
    )


def _zscale(track: Track, pixels: str) -> str:
    """Return the filters for tone mapping in linear light, as in ffmpeg's wiki."""
    return ",".join(
        (
            f"zscale=t=linear:npl={_NOMINAL}",
            "format=gbrpf32le",
            "zscale=p=bt709",
            f"tonemap=hable:desat={_DESATURATE}:peak={_peak(track.hdr or Hdr()):g}",
            "zscale=t=bt709:m=bt709:r=limited",
            f"format={pixels}",
        )
    )


def _peak(hdr: Hdr) -> float:
    """Return the highest luminance to map, in multiples of SDR's white.

    The filter would choose one by itself where the frames have none.
    """
    candela = hdr.light[0] if hdr.light else 0
    if not candela and hdr.mastering and hdr.mastering.luminance:
        candela = hdr.mastering.luminance[1] // 10_000
    return min(_BRIGHTEST, max(_DIMMEST, (candela or _USUAL) / _NOMINAL))


def _libplacebo(track: Track, pixels: str) -> str:  # noqa: ARG001 - it reads the frames
    return (
        "libplacebo=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
        f":tonemapping=bt.2390:format={pixels}"
    )


_TONEMAP = {"zscale": _zscale, "libplacebo": _libplacebo}


def tonemappers(filters: Collection[str]) -> list[Tonemapper]:
    """Return the filters of this ffmpeg for tone mapping, best first; ``PlanError`` for none.

    libplacebo stands last: it needs a Vulkan device, which the list of filters does not show.
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
