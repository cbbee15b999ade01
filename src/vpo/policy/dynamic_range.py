"""What an encode does to the dynamic range of a video track: decided from what the track is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from vpo.errors import PlanError
from vpo.media.model import Color, Mastering, Track

HdrPolicy = Literal["keep", "tonemap", "skip"]
DolbyVisionPolicy = Literal["skip", "drop"]

SDR = Color(space="bt709", primaries="bt709", transfer="bt709", range="tv")
"""What mapped tones are in."""
_HDR_SIDE_DATA = frozenset({"mastering", "light_levels"})
_DOLBY_VISION_SIDE_DATA = frozenset({"dolby_vision", "dolby_vision_layer"})
_CHROMA_STEP = 50
"""0.001, in the units of ``Mastering``: containers and codecs round."""
_LUMINANCE_STEP = 2
_LUMINANCE_PART = 0.01


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a track: it is left alone for the reason ``skip``, or encoded, with its tones
    mapped or kept; ``loss`` is what the encode cannot carry, to be told as a warning.
    """

    skip: str | None = None
    tonemap: bool = False
    loss: str | None = None


def decide(track: Track, hdr: HdrPolicy, dolby_vision: DolbyVisionPolicy) -> Decision:
    """What the policy's two keys mean for a track that is to be encoded.

    ``PlanError`` for Dolby Vision without a picture that stands without it.
    """
    if track.dolby_vision:
        if dolby_vision == "skip":
            return Decision(skip="it is Dolby Vision, which an encode would lose (dolby_vision)")
        _refuse_bare_dolby_vision(track)
    if track.dynamic_range is None:
        return Decision()
    if hdr == "skip":
        return Decision(skip=f"it is {track.dynamic_range} (hdr)")
    if hdr == "tonemap":
        return Decision(tonemap=True)
    if track.hdr and track.hdr.dynamic:
        return Decision(
            loss=f"{track}: the dynamic HDR10+ metadata are lost in the encode; static HDR10 stays"
        )
    return Decision()


def _refuse_bare_dolby_vision(track: Track) -> None:
    """Profile 5, or a base layer that is compatible with nothing: in colours of its own."""
    said = dict(track.side_data).get("dolby_vision", "")
    profile, _, compatible = said.partition(".")
    if profile == "5" or (compatible == "0" and track.dynamic_range is None):
        raise PlanError(
            f"{track} is Dolby Vision {said}, whose picture has wrong colours without it; "
            "use dolby_vision: skip"
        )


def encoded(track: Track, tonemap: bool) -> Track:
    """The facts of a track's dynamic range once it is encoded."""
    gone = _DOLBY_VISION_SIDE_DATA | (_HDR_SIDE_DATA if tonemap else frozenset())
    side_data = tuple(fact for fact in track.side_data if fact[0] not in gone)
    if tonemap:
        return replace(track, side_data=side_data, color=SDR, hdr=None, pixel_format="yuv420p")
    kept = replace(track.hdr, dynamic=False, dolby_vision=False) if track.hdr else None
    return replace(track, side_data=side_data, hdr=kept)


def differences(want: Track, have: Track) -> list[str]:
    """What of a track's dynamic range is otherwise in what was probed, in words.

    Mastering data are compared as precisely as every codec and container can hold them.
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
        found.append("Dolby Vision, which is not in its pictures")
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
