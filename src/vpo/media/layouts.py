"""Channel layouts by ffmpeg's names, and how the channels of one find their places in another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

_STANDARD = {
    "mono": "FC",
    "stereo": "FL FR",
    "2.1": "FL FR LFE",
    "3.0": "FL FR FC",
    "3.0(back)": "FL FR BC",
    "4.0": "FL FR FC BC",
    "quad": "FL FR BL BR",
    "quad(side)": "FL FR SL SR",
    "3.1": "FL FR FC LFE",
    "5.0": "FL FR FC BL BR",
    "5.0(side)": "FL FR FC SL SR",
    "4.1": "FL FR FC LFE BC",
    "5.1": "FL FR FC LFE BL BR",
    "5.1(side)": "FL FR FC LFE SL SR",
    "6.0": "FL FR FC BC SL SR",
    "6.0(front)": "FL FR FLC FRC SL SR",
    "hexagonal": "FL FR FC BL BR BC",
    "6.1": "FL FR FC LFE BC SL SR",
    "6.1(back)": "FL FR FC LFE BL BR BC",
    "6.1(front)": "FL FR LFE FLC FRC SL SR",
    "7.0": "FL FR FC BL BR SL SR",
    "7.0(front)": "FL FR FC FLC FRC SL SR",
    "7.1": "FL FR FC LFE BL BR SL SR",
    "7.1(wide)": "FL FR FC LFE BL BR FLC FRC",
    "7.1(wide-side)": "FL FR FC LFE FLC FRC SL SR",
    "octagonal": "FL FR FC BL BR BC SL SR",
}
_USUAL = {1: "mono", 2: "stereo", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""The layouts of so many channels that go without saying."""
_LIST = re.compile(r"[A-Z0-9]+(?:\+[A-Z0-9]+)+|(?<=\()[A-Z0-9]+(?=\)$)")
"""The channels in a name such as ``4 channels (FL+FR+LFE+BC)``."""
_SIDE_AND_BACK = {"SL": "BL", "SR": "BR", "BL": "SL", "BR": "SR"}
_CENTRES = {"FLC": "SL", "FRC": "SR"}
"""Where the front centre channels go in a layout without them: the surrounds there give way."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A target ``layout``, and for each of its channels the number of the source's: ``None`` for
    a silent one. ``moved``: a channel has another place in the room than in the source.
    """

    layout: str
    places: tuple[int | None, ...]
    moved: bool = False

    def after(self, earlier: Placement | None) -> Placement:
        """Return the placement that does an earlier one, then this one."""
        if earlier is None:
            return self
        places = tuple(None if n is None else earlier.places[n] for n in self.places)
        return Placement(self.layout, places, self.moved or earlier.moved)


def channels_of(layout: str | None) -> tuple[str, ...] | None:
    """Return the channels of a layout, in order; ``None`` if they are not known."""
    if layout in _STANDARD:
        return tuple(_STANDARD[layout].split())
    found = _LIST.search(layout or "")
    return tuple(found[0].split("+")) if found else None


def usual_layout(channels: int | None) -> str | None:
    """Return the layout that so many channels usually have; ``None`` if there is none."""
    return _USUAL.get(channels or 0)


def has_lfe(layout: str | None) -> bool:
    """Return whether a layout has a channel of low-frequency effects."""
    return "LFE" in (channels_of(layout) or ())


def place(layout: str, targets: Iterable[str]) -> Placement | None:
    """Return the nearest of the targets in which each channel of a layout has a place of its own.

    Nearest is where the front centre channels stay, then the one with the fewest channels.
    """
    source = channels_of(layout) or ()
    found = []
    for target in targets:
        channels = channels_of(target) or ()
        fit = _places(source, channels)
        if fit is not None:
            placement = Placement(target, fit.places, fit.moved)
            found.append((fit.moved, len(channels), fit.cost, placement))
    return min(found, key=lambda item: item[:3])[3] if found else None


def in_usual_order(target: str, count: int) -> Placement:
    """Return the placement of ``count`` channels of which nothing is known."""
    size = len(channels_of(target) or ())
    return Placement(target, tuple(n if n < count else None for n in range(size)))


def other_name(channel: str) -> str | None:
    """Return the place that players treat as the same: that at the back for one at the side."""
    return _SIDE_AND_BACK.get(channel)


class _Places(NamedTuple):
    """The places, how many channels have another, and whether a front centre channel has."""

    cost: int
    places: tuple[int | None, ...]
    moved: bool


def _places(source: tuple[str, ...], target: tuple[str, ...]) -> _Places | None:
    """Return the places of the channels of ``source``; ``None`` if one has none."""
    taken = {name: n for n, name in enumerate(source) if name in target}
    missing = [(n, name) for n, name in enumerate(source) if name not in target]
    # The surrounds first, which are as good at the other place; then the front centre channels.
    for n, name in sorted(missing, key=lambda item: item[1] in _CENTRES):
        at = _CENTRES.get(name) or _SIDE_AND_BACK.get(name, "")
        other = _SIDE_AND_BACK.get(at)
        if at in taken and name in _CENTRES and other in target and other not in taken:
            taken[other] = taken.pop(at)
        if at in taken or at not in target:
            return None
        taken[at] = n
    moved = any(name in _CENTRES for _, name in missing)
    return _Places(len(missing), tuple(taken.get(name) for name in target), moved)
