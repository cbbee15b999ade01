"""What an encode does to HDR and Dolby Vision: tone mapping, what is kept and what is lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from vpo.errors import PlanError
from vpo.media.model import Color, Mastering, Track

HdrPolicy = Literal["keep", "tonemap", "skip"]
DolbyVisionPolicy = Literal["skip", "drop"]
DynamicRange = Literal["sdr", "hdr", "hdr10", "hlg", "dolby_vision"]

SDR = Color(space="bt709", primaries="bt709", transfer="bt709", range="tv")
"""The colour description after tone mapping."""
_HDR_SIDE_DATA = frozenset({"mastering", "light_levels"})
_DOLBY_VISION_SIDE_DATA = frozenset({"dolby_vision", "dolby_vision_layer"})
_CHROMA_STEP = 50
"""0.001, in the units of ``Mastering``: containers and codecs round."""
_LUMINANCE_STEP = 2
_LUMINANCE_PART = 0.01


@dataclass(frozen=True, slots=True)
class DynamicRangeDecision:
    """Whether to encode a track, and whether with tone mapping.

    ``skip`` is the reason not to encode it, ``loss`` a warning of what the encode cannot keep.
    """

    skip: str | None = None
    tonemap: bool = False
    loss: str | None = None


def names_of(track: Track) -> frozenset[DynamicRange]:
    """Return the names that filters use for the dynamic range of a video track."""
    found: set[DynamicRange] = set()
    if track.type != "video":
        return frozenset()
    if track.dynamic_range is not None:
        found |= {"hdr", "hlg" if track.dynamic_range == "HLG" else "hdr10"}
    if track.dolby_vision:
        found |= {"hdr", "dolby_vision"}
    return frozenset(found or {"sdr"})


def decide_encode(
    track: Track, hdr: HdrPolicy, dolby_vision: DolbyVisionPolicy
) -> DynamicRangeDecision:
    """Decide from the policy's ``hdr`` and ``dolby_vision`` how a track is encoded.

    Raises ``PlanError`` for Dolby Vision whose base layer cannot be shown without it.
    """
    if track.dolby_vision:
        if dolby_vision == "skip":
            return DynamicRangeDecision(
                skip="it is Dolby Vision, which an encode would lose (dolby_vision)"
            )
        _refuse_bare_dolby_vision(track)
    if track.dynamic_range is None:
        return DynamicRangeDecision()
    if hdr == "skip":
        return DynamicRangeDecision(skip=f"it is {track.dynamic_range} (hdr)")
    if hdr == "tonemap":
        return DynamicRangeDecision(tonemap=True)
    if track.hdr and track.hdr.dynamic:
        return DynamicRangeDecision(
            loss=f"{track}: the dynamic HDR10+ metadata are lost in the encode; static HDR10 stays"
        )
    return DynamicRangeDecision()


def _refuse_bare_dolby_vision(track: Track) -> None:
    """Refuse profile 5, and base layers that are compatible with nothing: their colours differ."""
    version = dict(track.side_data).get("dolby_vision", "")
    profile, _, compatible = version.partition(".")
    if profile == "5" or (compatible == "0" and track.dynamic_range is None):
        raise PlanError(
            f"{track} is Dolby Vision {version}, which has wrong colours without its metadata; "
            "use dolby_vision: skip"
        )


def after_encode(track: Track, tonemap: bool) -> Track:
    """Return the track with the dynamic range that it has after an encode."""
    gone = _DOLBY_VISION_SIDE_DATA | (_HDR_SIDE_DATA if tonemap else frozenset())
    side_data = tuple(fact for fact in track.side_data if fact[0] not in gone)
    if tonemap:
        return replace(track, side_data=side_data, color=SDR, hdr=None, pixel_format="yuv420p")
    kept = replace(track.hdr, dynamic=False, dolby_vision=False) if track.hdr else None
    return replace(track, side_data=side_data, hdr=kept)


def mismatches(want: Track, have: Track) -> list[str]:
    """Describe how the dynamic range of a probed track differs from what was expected.

    Mastering metadata are compared as precisely as every codec and container can store them.
    """
    found = [
        f"{name} {got or 'unknown'} instead of {wanted}"
        for name, wanted, got in (
            ("transfer", _color(want).transfer, _color(have).transfer),
            ("primaries", _color(want).primaries, _color(have).primaries),
            ("matrix", _color(want).space, _color(have).space),
        )
        if wanted and wanted != got
    ]
    if have.dolby_vision and not want.dolby_vision:
        found.append("Dolby Vision, which its frames do not have")
    if want.dynamic_range is None:
        left = have.hdr or _HDR_SIDE_DATA & dict(have.side_data).keys()
        return [*found, "HDR metadata"] if left else found
    if want.hdr is None:
        return found
    got = have.hdr
    if want.hdr.mastering and not _same(want.hdr.mastering, got.mastering if got else None):
        found.append("other mastering data, or none")
    if want.hdr.light and (got is None or got.light != want.hdr.light):
        found.append("other light levels, or none")
    return found


def _color(track: Track) -> Color:
    return track.color or Color()


def _same(want: Mastering, have: Mastering | None) -> bool:
    if have is None or (want.primaries and not have.primaries):
        return False
    points = zip(want.primaries or (), have.primaries or (), strict=False)
    near = all(
        abs(a - b) <= _CHROMA_STEP
        for wanted, got in points
        for a, b in zip(wanted, got, strict=True)
    )
    if want.luminance is None:
        return near
    return near and have.luminance is not None and all(map(_close, want.luminance, have.luminance))


def _close(want: int, have: int) -> bool:
    return abs(want - have) <= max(_LUMINANCE_STEP, want * _LUMINANCE_PART)
