"""What the policy's ``hdr`` and ``dolby_vision`` mean for a track, from the policy's document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vpo.errors import PlanError
from vpo.media.model import Color, Hdr, Mastering, Track
from vpo.policy.dynamic_range import SDR, Decision, decide, differences, encoded

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
def test_decide_encodes_sdr_with_every_hdr_setting(hdr: Any) -> None:
    assert decide(PLAIN, hdr, "skip") == Decision()


@pytest.mark.parametrize("track", [HDR10, HLG], ids=["HDR10", "HLG"])
def test_decide_keeps_tone_maps_or_skips_hdr(track: Track) -> None:
    assert decide(track, "keep", "skip") == Decision()
    assert decide(track, "tonemap", "skip") == Decision(tonemap=True)
    assert decide(track, "skip", "skip").skip == f"it is {track.dynamic_range} (hdr)"


def test_decide_warns_of_lost_hdr10_plus() -> None:
    found = decide(HDR10_PLUS, "keep", "skip")
    assert (found.skip, found.tonemap) == (None, False)
    assert found.loss is not None and "HDR10+" in found.loss
    assert decide(HDR10_PLUS, "tonemap", "skip").loss is None


@pytest.mark.parametrize("track", [PROFILE_8, PROFILE_5, IN_PICTURES])
def test_decide_skips_dolby_vision(track: Track) -> None:
    assert decide(track, "tonemap", "skip").skip is not None


def test_decide_drops_dolby_vision_where_base_layer_allows() -> None:
    assert decide(PROFILE_8, "keep", "drop") == Decision()
    assert decide(IN_PICTURES, "tonemap", "drop") == Decision(tonemap=True)
    with pytest.raises(PlanError, match="wrong colours"):
        decide(PROFILE_5, "keep", "drop")


def test_encoded_track_has_expected_dynamic_range() -> None:
    assert encoded(HDR10_PLUS, tonemap=False) == replace(HDR10_PLUS, hdr=Hdr(DISPLAY, (1000, 400)))
    assert not encoded(PROFILE_8, tonemap=False).dolby_vision
    assert not encoded(IN_PICTURES, tonemap=False).dolby_vision
    mapped = encoded(HDR10, tonemap=True)
    assert (mapped.color, mapped.hdr, mapped.side_data) == (SDR, None, ())
    assert decide(mapped, "tonemap", "skip") == Decision()


def test_differences_accept_expected_result() -> None:
    rounded = Mastering(
        ((34001, 16000), (13249, 34501), (7501, 2999), (15634, 16449)), (49, 10_000_010)
    )
    assert differences(HDR10, replace(HDR10, hdr=Hdr(rounded, (1000, 400)))) == []
    assert differences(encoded(HDR10, tonemap=True), PLAIN) == []
    assert differences(PLAIN, PLAIN) == []


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
        (encoded(HDR10, tonemap=True), replace(PLAIN, side_data=HDR10.side_data), "HDR metadata"),
        (encoded(PROFILE_8, tonemap=False), PROFILE_8, "Dolby Vision"),
    ],
)
def test_differences_name_what_was_lost(want: Track, have: Track, word: str) -> None:
    assert word in "; ".join(differences(want, have))
