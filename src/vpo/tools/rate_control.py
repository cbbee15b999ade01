"""The options for a quality or a bit rate, by each family of encoders.

A crf counts on the scale of the codec's software encoder: 0 to 51 for H.264 and HEVC, 0 to 63 for
VP9 and AV1. Hardware has scales of its own; ``docs/encoders.md`` has the table.
"""

from __future__ import annotations

from vpo.errors import PlanError
from vpo.media.encode_spec import Quality
from vpo.tools.presets import Options

_BUFFER_SECONDS = 2
"""Seconds at the highest bit rate that the decoder's buffer holds."""


def limits(quality: Quality) -> Options:
    """Return the bounds of the bit rate."""
    options: Options = []
    if quality.max_bitrate:
        options.append(("maxrate", str(quality.max_bitrate)))
        options.append(("bufsize", str(_BUFFER_SECONDS * quality.max_bitrate)))
    if quality.min_bitrate:
        options.append(("minrate", str(quality.min_bitrate)))
    return options


def x264_x265(crf: float, quality: Quality) -> Options:
    """Return x264's and x265's options for a crf."""
    return [("crf", f"{crf:g}"), *limits(quality)]


def svt_av1(crf: float, quality: Quality) -> Options:
    """Return SVT-AV1's options for a crf."""
    return [("crf", str(round(crf))), *limits(quality)]


def libvpx_libaom(crf: float, quality: Quality) -> Options:
    """Return libvpx's and libaom's options: a bit rate of 0 is none, any other caps the quality."""
    options = [("crf", str(round(crf))), ("b", str(quality.max_bitrate or 0))]
    return [*options, ("minrate", str(quality.min_bitrate))] if quality.min_bitrate else options


def nvenc(crf: float, quality: Quality) -> Options:
    """Return NVENC's options; its 0 is not the best quality, but automatic."""
    return [("rc", "vbr"), ("cq", f"{max(1.0, crf):g}"), ("b", "0"), *limits(quality)]


def qsv(crf: float, quality: Quality) -> Options:
    """Return Quick Sync's options for H.264 and HEVC.

    Intelligent constant quality, 1 to 51; with a cap, quality-defined variable bit rate.
    """
    options = [("global_quality", str(max(1, round(crf))))]
    if quality.max_bitrate:
        # With equal rates it would become a constant bit rate.
        options.append(("b", str(quality.max_bitrate * 3 // 4)))
    return [*options, *limits(quality)]


def qsv_of_63(crf: float, quality: Quality) -> Options:
    """Return Quick Sync's options for VP9 and AV1, on the same scale to 51."""
    return qsv(crf * 51 / 63, quality)


def vaapi_qp(crf: float, quality: Quality) -> Options:
    """Return VAAPI's options for H.264 and HEVC: a constant quantizer on the codec's own scale."""
    return _vaapi("qp", max(1, round(crf)), quality)


def vaapi_index(crf: float, quality: Quality) -> Options:
    """Return VAAPI's options for VP9 and AV1: an index of 1 to 255, four per step of crf."""
    return _vaapi("global_quality", max(1, min(255, round(crf * 4))), quality)


def _vaapi(option: str, number: int, quality: Quality) -> Options:
    if quality.max_bitrate:
        mode: Options = [("rc_mode", "QVBR"), ("global_quality", str(number))]
        return [*mode, ("b", str(quality.max_bitrate)), *limits(quality)]
    return [("rc_mode", "CQP"), (option, str(number))]


def videotoolbox(crf: float, quality: Quality) -> Options:
    """Return VideoToolbox's options for H.264 and HEVC: 1 to 100, which is the best."""
    if quality.max_bitrate:
        raise PlanError("VideoToolbox cannot cap a quality; use target_bitrate with max_bitrate")
    return [("q", str(min(100, max(1, round(100 * (1 - crf / 51))))))]
