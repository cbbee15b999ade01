"""``ffmpeg_args``: the options of encoders that a policy may give, and nothing else of ffmpeg.

None of them names an input, an output, a map or a file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vpo.text import suggestion

_PLAIN = frozenset(
    """
    aq-mode aq-strength arnr-maxframes arnr-strength auto-alt-ref b_ref_mode b_strategy bf coder
    cpu-used deadline deblock direct-pred g init_qpos keyint_min lag-in-frames level look_ahead
    look_ahead_depth me_method me_range mixed-refs partitions profile psy psy-rd qcomp qmax qmin
    rc-lookahead refs row-mt sc_threshold slices spatial-aq subq temporal-aq tier tile-columns
    tile-rows trellis weightb weightp
    """.split()  # noqa: SIM905 - one a line would be a page
)
_NESTED = frozenset({"aom-params", "svtav1-params", "x264-params", "x265-params"})
_FILES = re.compile(
    r"(?:^|:)\s*(?:csv|stats|log-?file|.*-file|.*file|dump-.*|recon.*|input.*|output.*"
    r"|analysis-.*|dhdr10-info|dolby-vision-rpu|scaling-list|cqm.*|fgs-table|pred-struct-file)\s*=",
    re.IGNORECASE,
)
"""Parameters of the encoders' own that read or write files."""


def checked(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The options as (name, value); ``ValueError`` for what is not allowed."""
    if len(words) % 2:
        raise ValueError("`ffmpeg_args` are pairs: an option, then its value")
    return tuple(_pair(*pair) for pair in zip(words[::2], words[1::2], strict=True))


def _pair(option: str, value: str) -> tuple[str, str]:
    name = option.removeprefix("-")
    if not option.startswith("-") or name not in _PLAIN | _NESTED:
        raise ValueError(
            f"`{option}` is no option that `ffmpeg_args` may have"
            f"{suggestion(name, sorted(_PLAIN | _NESTED))}"
        )
    if name in _NESTED and _FILES.search(value):
        raise ValueError(f"`{option}` names a file in `{value}`")
    return name, value
