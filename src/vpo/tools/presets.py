"""The presets and tunes of x264, which policies use, and their equivalents in other encoders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vpo.errors import PlanError

Option = tuple[str, str]
"""An option of ffmpeg for one stream: a name without its dash, and a value."""
Options = list[Option]

X264_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
X264_TUNES = (
    "film",
    "animation",
    "grain",
    "stillimage",
    "psnr",
    "ssim",
    "fastdecode",
    "zerolatency",
)


@dataclass(frozen=True, slots=True)
class Presets:
    """The options for each of x264's presets, and for each preset that an encoder has itself."""

    by_x264: Mapping[str, Options]
    own: Mapping[str, Options]

    def options(self, encoder: str, preset: str | None) -> Options:
        """Return the options for a preset, ``medium`` for ``None``.

        Raises ``PlanError``, which names the encoder, for an unknown preset.
        """
        name = preset or "medium"
        found = self.by_x264.get(name) or self.own.get(name)
        if found is None:
            own = sorted(self.own, key=_order)
            also = f", or {own[0]} to {own[-1]}" if own else ""
            known = f"{' '.join(X264_PRESETS)}{also}"
            raise PlanError(f"{encoder} has no preset {preset!r}; use one of {known}")
        return found


def scale(option: str, values: str, own: Iterable[str] = ()) -> Presets:
    """Return presets that are the values of one option.

    ``values`` has one for each of x264's presets, from ``ultrafast`` on.
    """
    by_x264 = zip(X264_PRESETS, values.split(), strict=True)
    return Presets(
        {preset: [(option, value)] for preset, value in by_x264},
        {value: [(option, value)] for value in own},
    )


def _order(preset: str) -> int:
    return int(preset.lstrip("p"))
