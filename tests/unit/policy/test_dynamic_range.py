"""What the policy's ``hdr`` and ``dolby_vision`` mean for a track, from the policy's document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vpo.errors import PlanError
from vpo.media.model import Color, Hdr, Mastering, Track
from vpo.policy.dynamic_range import (
    SDR,
    DynamicRangeDecision,
    after_encode,
    decide_encode,
    mismatches,
)

DISPLAY = Mastering(
    ((34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450)), (50, 10_000_000)
)
HDR10 = Track(
    0,
    "video",
    "hevc",
    pixel_format="yuv420p10le",
    color=Color("bt2020nc", "bt2020", "smpte2084", "tv"),
    side_data=(("light_levels", "1000/400"), ("mastering", "0.005-1000")),
    hdr=Hdr(DISPLAY, (1000, 400)),
)
HDR10_PLUS = replace(HDR10, hdr=Hdr(DISPLAY, (1000, 400), dynamic=True))
HLG = replace(
    HDR10, color=Color("bt2020nc", "bt2020", "arib-std-b67", "tv"), side_data=(), hdr=Hdr()
)
PLAIN = Track(0, "video", "h264", color=Color("bt709", "bt709", "bt709", "tv"))
PROFILE_8 = replace(HDR10, side_data=(("dolby_vision", "8.1"),))
PROFILE_5 = Track(0, "video", "hevc", side_data=(("dolby_vision", "5.0"),))
IN_PICTURES = replace(HDR10, hdr=Hdr(DISPLAY, dolby_vision=True))


@pytest.mark.parametrize("hdr", ["keep", "tonemap", "skip"])
def test_sdr_is_encoded_with_any_hdr_setting(hdr: Any) -> None:
    assert decide_encode(PLAIN, hdr, "skip") == DynamicRangeDecision()


@pytest.mark.parametrize("track", [HDR10, HLG], ids=["HDR10", "HLG"])
def test_hdr(track: Track) -> None:
    assert decide_encode(track, "keep", "skip") == DynamicRangeDecision()
    assert decide_encode(track, "tonemap", "skip") == DynamicRangeDecision(tonemap=True)
    assert decide_encode(track, "skip", "skip").skip == f"it is {track.dynamic_range} (hdr)"


def test_hdr10_plus_becomes_hdr10_with_a_warning() -> None:
    found = decide_encode(HDR10_PLUS, "keep", "skip")
    assert (found.skip, found.tonemap) == (None, False)
    assert found.loss is not None and "HDR10+" in found.loss
    assert decide_encode(HDR10_PLUS, "tonemap", "skip").loss is None


@pytest.mark.parametrize("track", [PROFILE_8, PROFILE_5, IN_PICTURES])
def test_dolby_vision_skip_does_not_encode(track: Track) -> None:
    assert decide_encode(track, "tonemap", "skip").skip is not None


def test_dolby_vision_drop_refuses_profile_5() -> None:
    assert decide_encode(PROFILE_8, "keep", "drop") == DynamicRangeDecision()
    assert decide_encode(IN_PICTURES, "tonemap", "drop") == DynamicRangeDecision(tonemap=True)
    with pytest.raises(PlanError, match="wrong colours"):
        decide_encode(PROFILE_5, "keep", "drop")


def test_after_encode() -> None:
    assert after_encode(HDR10_PLUS, tonemap=False) == replace(
        HDR10_PLUS, hdr=Hdr(DISPLAY, (1000, 400))
    )
    assert not after_encode(PROFILE_8, tonemap=False).dolby_vision
    assert not after_encode(IN_PICTURES, tonemap=False).dolby_vision
    mapped = after_encode(HDR10, tonemap=True)
    assert (mapped.color, mapped.hdr, mapped.side_data) == (SDR, None, ())
    assert decide_encode(mapped, "tonemap", "skip") == DynamicRangeDecision()


def test_mismatches_ignores_rounding() -> None:
    rounded = Mastering(
        ((34001, 16000), (13249, 34501), (7501, 2999), (15634, 16449)), (49, 10_000_010)
    )
    assert mismatches(HDR10, replace(HDR10, hdr=Hdr(rounded, (1000, 400)))) == []
    assert mismatches(after_encode(HDR10, tonemap=True), PLAIN) == []
    assert mismatches(PLAIN, PLAIN) == []


@pytest.mark.parametrize(
    ("want", "have", "word"),
    [
        (HDR10, replace(HDR10, hdr=Hdr(None, (1000, 400))), "mastering"),
        (
            HDR10,
            replace(HDR10, hdr=Hdr(replace(DISPLAY, luminance=None), (1000, 400))),
            "mastering",
        ),
        (
            HDR10,
            replace(HDR10, hdr=Hdr(replace(DISPLAY, luminance=(50, 1)), (1000, 400))),
            "mastering",
        ),
        (HDR10, replace(HDR10, hdr=Hdr(DISPLAY)), "light"),
        (HDR10, replace(HDR10, hdr=None), "mastering"),
        (HLG, replace(HLG, color=HDR10.color), "transfer smpte2084 instead of arib-std-b67"),
        (HDR10, replace(HDR10, color=None), "transfer unknown instead of smpte2084"),
        (
            after_encode(HDR10, tonemap=True),
            replace(PLAIN, side_data=HDR10.side_data),
            "HDR metadata",
        ),
        (after_encode(PROFILE_8, tonemap=False), PROFILE_8, "Dolby Vision"),
    ],
)
def test_mismatches_reports_lost_metadata(want: Track, have: Track, word: str) -> None:
    assert word in "; ".join(mismatches(want, have))
