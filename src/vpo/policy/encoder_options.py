"""``ffmpeg_args``: which encoder options a policy may set.

None of them names an input, an output, a map or a file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vpo.text import suggestion

_PLAIN = frozenset(
    {
        "aq-mode", "aq-strength", "arnr-maxframes", "arnr-strength", "auto-alt-ref",
        "b_ref_mode", "b_strategy", "bf", "coder", "cpu-used", "deadline", "deblock",
        "direct-pred", "g", "init_qpos", "keyint_min", "lag-in-frames", "level", "look_ahead",
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


def parse_encoder_options(args: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the options as (name, value) pairs; ``ValueError`` for one that is not allowed."""
    if len(args) % 2:
        raise ValueError("`ffmpeg_args` must be pairs of an option and its value")
    return tuple(_pair(*pair) for pair in zip(args[::2], args[1::2], strict=True))


def _pair(option: str, value: str) -> tuple[str, str]:
    name = option.removeprefix("-")
    if not option.startswith("-") or name not in _PLAIN | _NESTED:
        raise ValueError(
            f"`{option}` is not allowed in `ffmpeg_args`"
            f"{suggestion(name, sorted(_PLAIN | _NESTED))}"
        )
    if name in _NESTED and _FILES.search(value):
        raise ValueError(f"`{option}` must not name a file, as in `{value}`")
    return name, value
