"""How the channels of a track fit a codec."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.media.encode_spec import AudioCodec, AudioEncode
from vpo.media.layouts import channels_of
from vpo.media.model import MediaFile
from vpo.media.notation import media as media_of
from vpo.plan.evaluate import evaluate
from vpo.policy.audio_encoding import AudioTarget, encode_audio, fit
from vpo.policy.desired_state import DesiredState
from vpo.policy.document import Policy


def film(layout: str | None, channels: int = 0, container: str = "mkv") -> MediaFile:
    media = media_of(["a:dts/6ch/eng"], container)
    count = channels or len(channels_of(layout) or ())
    return replace(media, tracks=(replace(media.tracks[0], layout=layout, channels=count),))


@pytest.mark.parametrize(
    ("codec", "layout", "becomes", "places"),
    [
        ("aac", "2.1", "2.1", None),
        ("aac", "5.1(side)", "5.1", (0, 1, 2, 3, 4, 5)),
        ("aac", "3.1", "5.1", (0, 1, 2, 3, None, None)),
        ("opus", "2.1", "5.1", (0, 1, None, 2, None, None)),
        ("opus", "quad(side)", "quad", (0, 1, 2, 3)),
        ("opus", "4.0", "6.1", (0, 1, 2, None, 3, None, None)),
        ("opus", "7.1(wide)", "7.1", (0, 1, 2, 3, 4, 5, 6, 7)),
        ("opus", "7.1(wide-side)", "7.1", (0, 1, 2, 3, 6, 7, 4, 5)),
        ("eac3", "4.1", "4.1", None),
        ("flac", "7.1(wide)", "7.1(wide)", None),
        ("aac", "1 channels (LFE)", "mono", (0,)),
    ],
)
def test_each_channel_has_a_place(
    codec: AudioCodec, layout: str, becomes: str, places: tuple[int | None, ...] | None
) -> None:
    media = film(layout)
    found = fit(DesiredState(media), media.tracks[0], codec)
    assert (found.layout, found.mixed) == (becomes, None)
    assert (found.placement.places if found.placement else None) == places


@pytest.mark.parametrize("layout", [None, "3 channels"])
def test_channels_of_no_known_layout_stay_in_order(layout: str | None) -> None:
    media = film(layout, 3)
    found = fit(DesiredState(media), media.tracks[0], "opus")
    assert found.placement is not None
    assert (found.layout, found.placement.places) == ("3.0", (0, 1, 2))


def test_flac_has_no_channel_mask_in_mp4() -> None:
    media = film("2.1", container="mp4")
    assert fit(DesiredState(media), media.tracks[0], "flac").layout == "5.1"


@pytest.mark.parametrize(
    ("codec", "layout", "warning"),
    [
        ("eac3", "6.0", "eac3 has no layout 6.0: audio 0 (dts 6.0, eng) is mixed to 5.1"),
        ("eac3", "7.1", "eac3 holds at most 6 channels: audio 0 (dts 7.1, eng) is downmixed"),
        (
            "mp3",
            "2.1",
            "mp3 holds at most 2 channels: audio 0 (dts 2.1, eng) is downmixed, without its LFE "
            "channel",
        ),
    ],
)
def test_what_is_mixed_is_said(codec: AudioCodec, layout: str, warning: str) -> None:
    phases = [{"name": "a", "transcode": {"audio": {"to": codec}}}]
    asked = Policy.model_validate({"schema_version": 13, "phases": phases})
    plan = evaluate([asked], film(layout))
    assert plan.warnings == (warning,)


def test_a_track_made_with_as_many_channels_keeps_the_layout() -> None:
    made = {"name": "a", "codec": "ac3", "channels": 3}
    phases = [{"name": "a", "audio_synthesis": {"tracks": [made]}}]
    asked = Policy.model_validate({"schema_version": 13, "phases": phases})
    plan = evaluate([asked], film("2.1"))
    assert plan.after.tracks[1].layout == "2.1"
    assert plan.audio_encodes == {1: AudioEncode(0, "ac3", None, 288_000)}


def test_two_encodes_are_one_that_places_the_channels_of_the_source() -> None:
    state = DesiredState(film("2.1"))
    codecs: tuple[AudioCodec, ...] = ("opus", "flac")
    for codec in codecs:
        state = encode_audio(state, state.track(0), AudioTarget(codec), "")
    how = state.encodes[0]
    assert isinstance(how, AudioEncode)
    assert how.placement is not None
    assert (how.codec, how.placement.places) == ("flac", (0, 1, None, 2, None, None))
    assert state.media.tracks[0].layout == "5.1"
