"""``ffmpeg_args``: which encoder options a policy may set.

None of them names an input, an output, a map or a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vpo.text import suggestion

_PLAIN = frozenset(
    {
        "aq-mode", "aq-strength", "arnr-maxframes", "arnr-strength", "auto-alt-ref",
        "b_ref_mode", "b_strategy", "bf", "coder", "cpu-used", "deadline", "deblock",
        "direct-pred", "g", "keyint_min", "lag-in-frames", "level", "look_ahead",
        "look_ahead_depth", "me_method", "me_range", "mixed-refs", "partitions", "profile",
        "psy", "psy-rd", "qcomp", "qmax", "qmin", "rc-lookahead", "refs", "row-mt",
        "sc_threshold", "slices", "spatial-aq", "subq", "temporal-aq", "tier", "tile-columns",
        "tile-rows", "trellis", "weightb", "weightp",
    }
)  # fmt: skip
_NESTED = frozenset({"aom-params", "svtav1-params", "x264-params", "x265-params"})
_FILES = re.compile(
    r"(?:^|:)\s*(?:csv|stats|log-?file|.*-file|.*file|dump-.*|recon.*|input.*|output.*"
    r"|analysis-.*|dhdr10-info|dolby-vision-rpu|scaling-list|cqm.*|fgs-table|pred-struct-file)\s*=",
    re.IGNORECASE,
)
"""Encoder-private parameters that read or write files."""
OPTIONS = _PLAIN | _NESTED
"""The options that a policy may give."""

_HARMLESS = frozenset(
    {
        "hide_banner", "loglevel", "max_interleave_delta", "max_muxing_queue_size", "nostats",
        "nostdin", "stats", "thread_queue_size", "threads", "v", "y",
    }
)  # fmt: skip
_WITHOUT_VALUE = frozenset({"an", "hide_banner", "nostats", "nostdin", "sn", "stats", "y"})
_INSTEAD = {
    "ac": "`audio_synthesis`", "af": "`audio_synthesis`", "an": "`keep_audio`",
    "b": "`target_bitrate`", "c": "`to`", "codec": "`to`", "crf": "`crf`",
    "cq": "`crf`", "filter": "`max_resolution` or `hdr`", "filter_complex": "`max_resolution`",
    "hwaccel": "`hw`", "maxrate": "`max_bitrate`", "minrate": "`min_bitrate`",
    "b_a": "`transcode: {audio: {bitrate: ...}}`", "c_a": "`transcode: {audio: ...}`",
    "map": "`keep_audio` and `keep_subtitles`", "metadata": "a rule with `set_container_metadata`",
    "pass": "`two_pass`", "passlogfile": "`two_pass`", "preset": "`preset`", "qp": "`crf`",
    "pix_fmt": "`bit_depth`", "r": "`max_frame_rate`",
    "s": "`max_width` and `max_height`", "sn": "`keep_subtitles`", "tune": "`tune`",
    "vcodec": "`to`", "vf": "`max_resolution` or `hdr`; interlaced video is deinterlaced anyway",
    "acodec": "`transcode: {audio: ...}`", "f": "`container`",
}  # fmt: skip
"""What a policy says in place of an option of ffmpeg."""
_DONE_ANYWAY = {
    "movflags": "the index is put at the start anyway",
    "tag": "HEVC in MP4 is called `hvc1` anyway",
    "vsync": "the times of the frames are kept anyway",
    "fps_mode": "the times of the frames are kept anyway",
}
_ENCODERS: dict[str, str] = {
    "x264-params": "h264", "x265-params": "hevc", "svtav1-params": "av1", "aom-params": "(av1)",
    **dict.fromkeys(
        (
            "aq-strength", "b_strategy", "coder", "deblock", "direct-pred", "me_method", "me_range",
            "mixed-refs", "partitions", "psy", "psy-rd", "rc-lookahead", "sc_threshold", "slices",
            "subq", "trellis", "weightb", "weightp",
        ),
        "h264",
    ),
    **dict.fromkeys(("bf", "refs"), "h264 hevc"),
    **dict.fromkeys(("arnr-maxframes", "deadline"), "vp9"),
    **dict.fromkeys(
        (
            "arnr-strength", "auto-alt-ref", "cpu-used", "lag-in-frames", "row-mt",
            "tile-columns", "tile-rows",
        ),
        "vp9 (av1)",
    ),
    **dict.fromkeys(
        ("b_ref_mode", "look_ahead", "look_ahead_depth", "spatial-aq", "temporal-aq"), ""
    ),
    "aq-mode": "h264 vp9 (av1)", "keyint_min": "h264 hevc vp9 (av1)", "level": "h264 vp9 av1",
    "qcomp": "h264 hevc vp9 (av1)", "tier": "av1",
}  # fmt: skip
"""The codecs whose software encoders read an option, where not all do; in parentheses, where the
preferred one does not."""
PARAMETERS = {
    "h264": ("x264-params", {}),
    "hevc": (
        "x265-params",
        {
            "aq-mode": "aq-mode", "aq-strength": "aq-strength", "b_strategy": "b-adapt",
            "deblock": "deblock", "level": "level-idc", "me_range": "merange", "psy-rd": "psy-rd",
            "rc-lookahead": "rc-lookahead", "sc_threshold": "scenecut", "slices": "slices",
            "subq": "subme", "tier": "high-tier", "weightb": "weightb", "weightp": "weightp",
        },
    ),
    "av1": (
        "svtav1-params",
        {"aq-mode": "aq-mode", "lag-in-frames": "lookahead", "tile-columns": "tile-columns",
         "tile-rows": "tile-rows"},
    ),
}  # fmt: skip
"""The option that holds an encoder's own parameters, and what stands there for one of ffmpeg's."""
_PROFILES = {
    "h264": r"(constrained_)?baseline|main|high(10|422|444)?",
    "hevc": r"main.*|msp",
    "vp9": r"(profile)?[0-3]",
    "av1": r"[0-2]|main|high|professional",
}
"""The profiles that the software encoders of a codec take."""
_TEN_BITS = re.compile(r"main-?10|high-?10|main422-?10|10", re.IGNORECASE)


class EncoderArgs(NamedTuple):
    """Encoder options as (name, value), the errors of ``ffmpeg_args``, and warnings."""

    options: tuple[tuple[str, str], ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def parse_encoder_options(args: Sequence[str], codec: str, software: bool) -> EncoderArgs:
    """Sort ``ffmpeg_args``; what the encoders of the codec do not have is a warning.

    Raises ``ValueError`` for an option without a value.
    """
    options: list[tuple[str, str]] = []
    errors, warnings = [], []
    words = list(args)
    while words:
        option = words.pop(0)
        name = _name(option)
        if not option.startswith("-"):
            raise ValueError(f"`ffmpeg_args`: `{option}` is not an option with a dash")
        if name not in _WITHOUT_VALUE and not words:
            raise ValueError(f"`ffmpeg_args` must be pairs of an option and its value: `{option}`")
        value = "" if name in _WITHOUT_VALUE else words.pop(0)
        error = _error(option, name, value)
        if software and error is None:
            error = _wrong_profile(option, name, value, codec)
        if name in _HARMLESS:
            warnings.append(f"`{option}` in `ffmpeg_args` is not needed, and left out")
        elif error is not None:
            errors.append(error)
        else:
            options.append((name, value))
            warnings += _ignored(option, name, value, codec) if software else ()
    return EncoderArgs(tuple(options), tuple(errors), tuple(warnings))


def _name(option: str) -> str:
    """Return the name without dash and stream; ``b:a`` is ``b_a``."""
    name, _, stream = option.removeprefix("-").partition(":")
    return f"{name}_a" if stream.startswith("a") and f"{name}_a" in _INSTEAD else name


def _error(option: str, name: str, value: str) -> str | None:
    if name not in OPTIONS:
        hint = suggestion(name, sorted(OPTIONS))
        if name in _INSTEAD:
            hint = f"; use {_INSTEAD[name]}"
        elif name in _DONE_ANYWAY:
            hint = f"; {_DONE_ANYWAY[name]}"
        return f"`{option}` is not allowed in `ffmpeg_args`{hint}"
    if name in _NESTED and _FILES.search(value):
        return f"`{option}` must not name a file, as in `{value}`"
    return None


def _ignored(option: str, name: str, value: str, codec: str) -> Iterator[str]:
    """Yield why the software encoders of a codec ignore an option."""
    codecs = _ENCODERS.get(name, codec).split()
    if codec not in codecs:
        which = "the preferred" if f"({codec})" in codecs else "no"
        yield (
            f"`{option}` in `ffmpeg_args` is ignored: {which} encoder of {codec} "
            f"{'does not have it' if which != 'no' else 'has it'}{_own_parameter(name, codec)}"
        )
    elif name == "profile" and _TEN_BITS.fullmatch(value):
        yield (
            f"`{option} {value}` in `ffmpeg_args` is ignored for video of 8 bits: the bit depth is "
            "that of the source; leave it out, and the encoder chooses the profile that fits"
        )


def _own_parameter(name: str, codec: str) -> str:
    params, names = PARAMETERS.get(codec, ("", {}))
    if name in names:
        return f"; use `-{params} {names[name]}=...`"
    return f"; `-{params}` has the parameters of its own encoder" if params else ""


def _wrong_profile(option: str, name: str, value: str, codec: str) -> str | None:
    known = _PROFILES.get(codec)
    if name != "profile" or known is None or re.fullmatch(known, value):
        return None
    return (
        f"`{option} {value}` in `ffmpeg_args` fails: {codec} has no such profile; leave it out, "
        "and the encoder chooses the one that fits"
    )
