"""How good the picture is to be, in the options of each encoder.

A crf counts on the scale of the codec's software encoder: 0 to 51 for H.264 and HEVC, 0 to 63 for
VP9 and AV1. Hardware has scales of its own; ``docs/encoders.md`` has the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vpo.errors import PlanError
from vpo.media.encode_spec import CRF_RANGE, DEFAULT_CRF, Quality, VideoCodec
from vpo.tools.presets import Options

_WINDOW = 2
"""Seconds at the highest rate that the decoder's buffer holds."""


def rate(encoder: str, codec: VideoCodec, quality: Quality) -> Options:
    """The options for a crf or a bit rate; ``PlanError`` for what the encoder does not have.

    A ``vmaf`` has to be turned into a crf before.
    """
    if quality.vmaf is not None and quality.crf is None:
        raise ValueError("the crf for this vmaf has not been looked for")
    family = encoder if encoder.startswith("lib") else encoder.rpartition("_")[2]
    if quality.target_bitrate:
        return [*_TO_RATE.get(family, _plain)(quality.target_bitrate), *limits(quality)]
    crf = quality.crf if quality.crf is not None else DEFAULT_CRF[codec]
    low, high = CRF_RANGE[codec]
    if not low <= crf <= high:
        raise PlanError(f"crf {crf:g} is not between {low} and {high}, which {codec} has")
    return _TO_CRF[family](codec, crf, quality)


def limits(quality: Quality) -> Options:
    """The bounds of the bit rate."""
    words: Options = []
    if quality.max_bitrate:
        words.append(("maxrate", str(quality.max_bitrate)))
        words.append(("bufsize", str(_WINDOW * quality.max_bitrate)))
    if quality.min_bitrate:
        words.append(("minrate", str(quality.min_bitrate)))
    return words


def _plain(bits: int) -> Options:
    return [("b", str(bits))]


def _exact(codec: VideoCodec, crf: float, quality: Quality) -> Options:  # noqa: ARG001
    return [("crf", f"{crf:g}"), *limits(quality)]


def _whole(codec: VideoCodec, crf: float, quality: Quality) -> Options:  # noqa: ARG001
    return [("crf", str(round(crf))), *limits(quality)]


def _constrained(codec: VideoCodec, crf: float, quality: Quality) -> Options:  # noqa: ARG001
    """libvpx and libaom: a bit rate of 0 is none, any other is the cap of the quality."""
    words = [("crf", str(round(crf))), ("b", str(quality.max_bitrate or 0))]
    return [*words, ("minrate", str(quality.min_bitrate))] if quality.min_bitrate else words


def _nvenc(codec: VideoCodec, crf: float, quality: Quality) -> Options:  # noqa: ARG001
    # Its 0 is not the best quality, but one of its own choice.
    return [("rc", "vbr"), ("cq", f"{max(1.0, crf):g}"), ("b", "0"), *limits(quality)]


def _qsv(codec: VideoCodec, crf: float, quality: Quality) -> Options:
    """Intelligent constant quality, 1 to 51; with a cap, quality-defined variable bit rate."""
    number = max(1, round(crf * 51 / CRF_RANGE[codec][1]))
    words = [("global_quality", str(number))]
    if quality.max_bitrate:
        # With equal rates it would become a constant bit rate.
        words.append(("b", str(quality.max_bitrate * 3 // 4)))
    return [*words, *limits(quality)]


def _vaapi(codec: VideoCodec, crf: float, quality: Quality) -> Options:
    """A constant quantizer: H.264's and HEVC's own scale, VP9's and AV1's index of 1 to 255."""
    if quality.max_bitrate:
        mode: Options = [("rc_mode", "QVBR"), ("global_quality", str(_index(codec, crf)))]
        return [*mode, ("b", str(quality.max_bitrate)), *limits(quality)]
    option = "qp" if codec in ("h264", "hevc") else "global_quality"
    return [("rc_mode", "CQP"), (option, str(_index(codec, crf)))]


def _index(codec: VideoCodec, crf: float) -> int:
    """VP9 and AV1 count crf in steps of four quantizer indexes."""
    return max(1, round(crf) if codec in ("h264", "hevc") else min(255, round(crf * 4)))


def _videotoolbox(codec: VideoCodec, crf: float, quality: Quality) -> Options:
    if quality.max_bitrate:
        raise PlanError("VideoToolbox cannot cap a quality; use target_bitrate with max_bitrate")
    number = round(100 * (1 - crf / CRF_RANGE[codec][1]))
    return [("q", str(min(100, max(1, number))))]


_TO_CRF: Mapping[str, Callable[[VideoCodec, float, Quality], Options]] = {
    "libx264": _exact,
    "libx265": _exact,
    "libvpx-vp9": _constrained,
    "libaom-av1": _constrained,
    "libsvtav1": _whole,
    "nvenc": _nvenc,
    "qsv": _qsv,
    "vaapi": _vaapi,
    "videotoolbox": _videotoolbox,
}
_TO_RATE: Mapping[str, Callable[[int], Options]] = {
    "nvenc": lambda bits: [("rc", "vbr"), ("b", str(bits))],
    "vaapi": lambda bits: [("rc_mode", "VBR"), ("b", str(bits))],
}
