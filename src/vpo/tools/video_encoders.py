"""The video encoders of ffmpeg that vpo uses, one row for each.

A further encoder is one more row. The rows follow the encoders' documentation: SVT-AV1
``Docs/CommonQuestions.md``, libvpx ``vpxenc --help``, libaom ``aomenc --help``, NVIDIA's preset
guide, and the options that ``ffmpeg -h encoder=NAME`` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vpo.errors import PlanError
from vpo.media import pixel_formats
from vpo.media.encode_spec import CRF_RANGE, DEFAULT_CRF, Device, Quality, VideoCodec
from vpo.media.model import Track
from vpo.media.pixel_formats import PixelFormat
from vpo.tools import rate_control
from vpo.tools.presets import X264_PRESETS, X264_TUNES, Option, Options, Presets, scale

CrfOptions = Callable[[float, Quality], Options]
"""Returns the options for a crf and the bounds of the bit rate."""


class Hdr10(NamedTuple):
    """How an encoder gets HDR10's static metadata, within its own parameters.

    ``chroma`` and ``luminance`` are the number of units of HEVC's message in one unit of the
    encoder's, ``further`` are parameters that go with it.
    """

    mastering: str
    light: str
    further: tuple[str, ...] = ()
    chroma: int = 1
    luminance: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class VideoEncoder:
    """One encoder: what it takes, and the options that it needs. A row is equal only to itself.

    ``formats`` are the pixel formats that it takes, ``format_names`` those that it wants under
    another name than the planar one. With ``upload``, the filters that bring frames to the device,
    it takes nothing from memory; ``device_options`` open the device.

    ``crf_options`` makes options of a crf, ``bitrate_mode`` goes before a bit rate.
    ``pass_options`` makes options of the number of a pass and the file for its statistics, where
    the encoder can read the source twice, and ``pass_presets`` are its presets then, where they
    differ; ``multipass`` is for one that looks twice by itself.
    ``tunes`` are the option for each of x264's tunes that it has, ``quick_presets`` the presets
    with which it takes less time than scoring its result; hardware always does.

    ``params`` is the option that holds further parameters, as ``a=1:b=2``. ``thread_options`` makes
    options of a number of threads; ``tiles``: rows and columns have to be asked for to be encoded
    in parallel. ``captions``: it writes those of the frames. ``fields`` are the options with which
    it encodes interlaced video, empty where it cannot; ``least``: the width and
    height from which it takes frames.
    ``fixed`` options are always given. HDR10's metadata reach the stream by ``hdr10``,
    or by the encoder itself (``hdr_from_frames``).
    """

    name: str
    codec: VideoCodec
    formats: frozenset[PixelFormat]
    crf_options: CrfOptions
    device: Device = "none"
    format_names: Mapping[str, str] = field(default_factory=dict)
    upload: tuple[str, ...] = ()
    device_options: tuple[str, ...] = ()
    fractional_crf: bool = False
    bitrate_mode: tuple[Option, ...] = ()
    pass_options: Callable[[int, str], Options] | None = None
    pass_presets: Presets | None = None
    multipass: tuple[Option, ...] = ()
    presets: Presets | None = None
    quick_presets: frozenset[str] = frozenset()
    tunes: Mapping[str, Option] = field(default_factory=dict)
    params: str | None = None
    thread_options: Callable[[int], Options] | None = None
    tiles: bool = False
    fixed: tuple[Option, ...] = ()
    captions: bool = False
    fields: tuple[Option, ...] = ()
    least: int = 1
    hdr10: Hdr10 | None = None
    hdr_from_frames: bool = False

    def __str__(self) -> str:
        return self.name

    def format_name(self, wanted: PixelFormat) -> str:
        """Return ffmpeg's name for a pixel format, as this encoder takes it."""
        return self.format_names.get(wanted.name, wanted.name)

    def pixel_format(self, track: Track, depth: int | None = None) -> str | None:
        """Return the pixel format that a track is encoded in; without ``depth``, its bits stay.

        ``None`` for a source whose format is not known: ffmpeg chooses. ``PlanError`` where the
        encoder does not take it.
        """
        if track.pixel_format is None:
            return None
        found = pixel_formats.planar(track.pixel_format)
        if found is not None and depth is not None:
            found = found._replace(depth=depth)
        found = found or pixel_formats.nearest(track.pixel_format, self.of_depth(depth))
        if found is None or found not in self.formats:
            what = found or track.pixel_format
            asked = f"as bit_depth asks for {track}" if depth else f"which {track} has"
            raise PlanError(f"{self} cannot encode {what}, {asked}")
        return self.format_name(found)

    def of_depth(self, depth: int | None) -> frozenset[PixelFormat]:
        """Return the formats with so many bits in a sample; ``None`` for all."""
        return frozenset(f for f in self.formats if depth in (None, f.depth))

    def require_size(self, width: int, height: int) -> None:
        """Raise ``PlanError`` for frames that are too small for it."""
        if min(width, height) < self.least:
            least = f"{self.least}x{self.least}"
            raise PlanError(
                f"{self} cannot encode frames of {width}x{height}, only from {least};"
                " leave this video out, or choose another codec"
            )

    def preset_options(self, preset: str | None, twice: bool = False) -> Options:
        """Return the options for a preset, where the source is read ``twice`` those for it.

        ``PlanError`` for one that it does not have; an encoder without presets takes none.
        """
        presets = (twice and self.pass_presets) or self.presets
        return presets.options(self.name, preset) if presets else []

    def tune_options(self, tune: str | None) -> Options:
        """Return the option for one of x264's tunes; nothing for one that it does not have."""
        return [self.tunes[tune]] if tune is not None and tune in self.tunes else []

    def rate_options(self, quality: Quality) -> Options:
        """Return the options for a crf or a bit rate; ``PlanError`` for what it does not have.

        A ``vmaf`` has to be turned into a crf before.
        """
        if quality.vmaf is not None and quality.crf is None:
            raise ValueError("the crf for this vmaf has not been looked for")
        if quality.target_bitrate:
            rate = ("b", str(quality.target_bitrate))
            return [*self.bitrate_mode, rate, *rate_control.limits(quality)]
        crf = quality.crf if quality.crf is not None else DEFAULT_CRF[self.codec]
        low, high = CRF_RANGE[self.codec]
        if not low <= crf <= high:
            raise PlanError(f"crf {crf:g} is not between {low} and {high}, which {self.codec} has")
        return self.crf_options(crf, quality)

    def is_quick(self, preset: str | None) -> bool:
        """Whether encoding takes less time than scoring the result."""
        return self.device != "none" or (preset or "medium") in self.quick_presets


def _formats(chromas: str, *depths: int) -> frozenset[PixelFormat]:
    """Return the formats of these chroma subsamplings (``420 422``) in these bits."""
    return frozenset(PixelFormat(chroma, depth) for chroma in chromas.split() for depth in depths)


_WIDE = _formats("420 422 444", 8, 10, 12)
_FLAT = _formats("420", 8, 10)
_BASE = _formats("420", 8)
_NV12 = {"yuv420p": "nv12", "yuv420p10le": "p010le", "yuv444p10le": "yuv444p16le"}
"""What hardware calls the formats; it has luma and chroma in two planes."""
_PRESETS_OF_X264 = scale("preset", " ".join(X264_PRESETS))
_QUICK = frozenset(X264_PRESETS[:3])


def _threads(count: int) -> Options:
    return [("threads", str(count))]


def _log_file(number: int, stats: str) -> Options:
    return [("pass", str(number)), ("passlogfile", stats)]


def _x265_pass(number: int, stats: str) -> Options:
    escaped = "".join(f"\\{char}" if char in "\\:='" else char for char in stats)
    return [("x265-params", f"pass={number}:stats={escaped}")]


def _x265_threads(count: int) -> Options:
    frames = 1 if count == 1 else min(4, count)
    return [("x265-params", f"pools={count}:frame-threads={frames}")]


def _svt_threads(count: int) -> Options:
    return [("svtav1-params", f"lp={count}")]


def _libvpx_presets(fast: str) -> Presets:
    """Return its speeds; ``fast`` is the mode for those from 6 on."""

    def options(speed: int, mode: str) -> Options:
        return [("deadline", mode), ("cpu-used", str(speed))]

    own = [options(speed, fast if speed >= 6 else "good") for speed in range(9)]
    speeds = zip(X264_PRESETS, (8, 6, 5, 4, 3, 2, 1, 1, 0), strict=False)
    by_x264 = {preset: own[speed] for preset, speed in speeds}
    by_x264["placebo"] = options(0, "best")
    return Presets(by_x264, {str(speed): options for speed, options in enumerate(own)})


def _nvenc(codec: VideoCodec, formats: frozenset[PixelFormat]) -> VideoEncoder:
    return VideoEncoder(
        f"{codec}_nvenc",
        codec,
        formats,
        rate_control.nvenc,
        device="nvenc",
        captions=codec != "av1",
        format_names=_NV12,
        bitrate_mode=(("rc", "vbr"),),
        multipass=(("multipass", "fullres"),),
        presets=scale("preset", "p1 p1 p2 p3 p3 p4 p5 p6 p7 p7", (f"p{n}" for n in range(1, 8))),
        tunes={"zerolatency": ("tune", "ll")},
    )


def _qsv(
    codec: VideoCodec, formats: frozenset[PixelFormat], crf_options: CrfOptions
) -> VideoEncoder:
    return VideoEncoder(
        f"{codec}_qsv",
        codec,
        formats,
        crf_options,
        device="qsv",
        format_names=_NV12,
        presets=scale(
            "preset", "veryfast veryfast veryfast faster fast medium slow slower veryslow veryslow"
        ),
    )


def _vaapi(
    codec: VideoCodec,
    formats: frozenset[PixelFormat],
    crf_options: CrfOptions,
    hdr_from_frames: bool = False,
) -> VideoEncoder:
    return VideoEncoder(
        f"{codec}_vaapi",
        codec,
        formats,
        crf_options,
        device="vaapi",
        format_names=_NV12,
        upload=("hwupload",),
        device_options=("-init_hw_device", "vaapi=hw", "-filter_hw_device", "hw"),
        bitrate_mode=(("rc_mode", "VBR"),),
        presets=scale("compression_level", "7 7 7 6 5 4 3 2 1 1", map(str, range(1, 8))),
        hdr_from_frames=hdr_from_frames,
    )


def _videotoolbox(codec: VideoCodec, formats: frozenset[PixelFormat]) -> VideoEncoder:
    return VideoEncoder(
        f"{codec}_videotoolbox",
        codec,
        formats,
        rate_control.videotoolbox,
        device="videotoolbox",
        format_names=_NV12,
    )


_ROWS = (
    VideoEncoder(
        "libx264",
        "h264",
        _formats("420 422 444", 8, 10),
        rate_control.x264_x265,
        fractional_crf=True,
        pass_options=_log_file,
        presets=_PRESETS_OF_X264,
        quick_presets=_QUICK,
        tunes={name: ("tune", name) for name in X264_TUNES},
        params="x264-params",
        thread_options=_threads,
        captions=True,
        fields=(("flags", "+ildct+ilme"),),
        hdr10=Hdr10("mastering-display", "cll"),
    ),
    VideoEncoder(
        "libx265",
        "hevc",
        _WIDE,
        rate_control.x264_x265,
        fractional_crf=True,
        pass_options=_x265_pass,
        presets=_PRESETS_OF_X264,
        quick_presets=_QUICK,
        tunes={name: ("tune", name) for name in X264_TUNES if name not in ("film", "stillimage")},
        params="x265-params",
        thread_options=_x265_threads,
        least=16,
        hdr10=Hdr10("master-display", "max-cll", further=("hdr10=1", "repeat-headers=1")),
    ),
    VideoEncoder(
        "libvpx-vp9",
        "vp9",
        _WIDE | _formats("440", 8, 10, 12) | {PixelFormat("420", 8, alpha=True)},
        rate_control.libvpx_libaom,
        pass_options=_log_file,
        presets=_libvpx_presets("realtime"),
        # Its real-time mode has one pass.
        pass_presets=_libvpx_presets("good"),
        quick_presets=_QUICK,
        tunes={
            "film": ("tune-content", "film"),
            "grain": ("tune-content", "film"),
            "psnr": ("tune", "psnr"),
            "ssim": ("tune", "ssim"),
        },
        thread_options=_threads,
        tiles=True,
    ),
    VideoEncoder(
        "libsvtav1",
        "av1",
        _FLAT,
        rate_control.svt_av1,
        presets=scale("preset", "12 11 10 8 7 6 5 4 3 2", map(str, range(14))),
        quick_presets=frozenset([*X264_PRESETS[:6], *map(str, range(6, 14))]),
        tunes={
            "film": ("svtav1-params", "tune=0"),
            "grain": ("svtav1-params", "film-grain=10"),
            "psnr": ("svtav1-params", "tune=1"),
            "fastdecode": ("svtav1-params", "fast-decode=1"),
        },
        params="svtav1-params",
        least=64,
        thread_options=_svt_threads,
        # It takes numbers, not HEVC's units.
        hdr10=Hdr10("mastering-display", "content-light", chroma=50_000, luminance=10_000),
    ),
    VideoEncoder(
        "libaom-av1",
        "av1",
        _WIDE,
        rate_control.libvpx_libaom,
        pass_options=_log_file,
        presets=scale("cpu-used", "8 8 7 6 5 4 3 2 1 0", map(str, range(9))),
        quick_presets=_QUICK,
        tunes={"psnr": ("tune", "psnr"), "ssim": ("tune", "ssim")},
        params="aom-params",
        thread_options=_threads,
        tiles=True,
        # It would go without keyframes as long as it can, and seeking with it.
        fixed=(("g", "300"),),
    ),
    _nvenc("h264", _formats("420 444", 8)),
    _nvenc("hevc", _formats("420 444", 8, 10)),
    _nvenc("av1", _FLAT),
    _qsv("h264", _BASE, rate_control.qsv),
    _qsv("hevc", _FLAT, rate_control.qsv),
    _qsv("vp9", _FLAT, rate_control.qsv_of_63),
    _qsv("av1", _FLAT, rate_control.qsv_of_63),
    _vaapi("h264", _BASE, rate_control.vaapi_qp),
    _vaapi("hevc", _FLAT, rate_control.vaapi_qp, hdr_from_frames=True),
    _vaapi("vp9", _FLAT, rate_control.vaapi_index),
    _vaapi("av1", _FLAT, rate_control.vaapi_index),
    _videotoolbox("h264", _BASE),
    _videotoolbox("hevc", _FLAT),
)
VIDEO_ENCODERS: dict[str, VideoEncoder] = {row.name: row for row in _ROWS}
"""The encoders by name. Of those for one codec on one device, the best stands first; ``hw: auto``
tries the devices in this order."""


def candidates(codec: VideoCodec, device: Device) -> tuple[VideoEncoder, ...]:
    """Return the encoders of a device for a codec, best first; empty where it has none."""
    rows = VIDEO_ENCODERS.values()
    return tuple(row for row in rows if (row.codec, row.device) == (codec, device))


def accelerators() -> dict[Device, tuple[VideoCodec, ...]]:
    """Return the hardware devices in the order in which they are tried, with their codecs."""
    found: dict[Device, tuple[VideoCodec, ...]] = {}
    for row in VIDEO_ENCODERS.values():
        if row.device != "none":
            found[row.device] = (*found.get(row.device, ()), row.codec)
    return found
