"""The gain that leads to a loudness, and what holds the peaks."""

from __future__ import annotations

import pytest

from vpo.media import notation
from vpo.media.encode_spec import AudioEncode, Loudness
from vpo.media.model import Track
from vpo.tools.audio_options import audio, mixing_steps
from vpo.tools.loudness import AudioLevel, LevelOutput, changing_steps

R128 = Loudness(-23, -1)
LIMITER = "alimiter=limit=0.8913:level=false"


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (AudioLevel(-23, -3), []),
        (AudioLevel(-20, 0.5), ["volume=-3.00dB"]),
        (AudioLevel(-33, -12), ["volume=10.00dB"]),
        (AudioLevel(-33, -10), ["volume=10.00dB", "aresample=192000", LIMITER, "aresample=48000"]),
        (
            AudioLevel(-33, -10, raised=0.5),
            ["volume=10.50dB", "aresample=192000", LIMITER, "aresample=48000"],
        ),
        (AudioLevel(None, -80), []),
    ],
)
def test_gain_is_the_same_for_all_of_a_track(level: AudioLevel, expected: list[str]) -> None:
    assert changing_steps(level, R128, 48000) == expected


def test_limiter_works_without_a_known_sample_rate() -> None:
    assert changing_steps(AudioLevel(-33, -10), R128, None) == ["volume=10.00dB", LIMITER]


@pytest.mark.parametrize(
    ("level", "expected"),
    [(AudioLevel(-23.4, 3), True), (AudioLevel(-23.6, -9), False), (AudioLevel(None, -90), True)],
)
def test_what_is_near_the_target_stays(level: AudioLevel, expected: bool) -> None:
    assert level.is_at(R128) is expected


def test_last_values_of_the_meter_count() -> None:
    times: list[float] = []
    heard = LevelOutput(times.append)
    assert heard.level == AudioLevel(None, float("-inf"))
    assert heard.stdout("frame:0    pts:0       pts_time:0")
    assert heard.stdout("frame:9    pts:9       pts_time:0.75")
    assert times == [0, 0.75]
    for line in ("lavfi.r128.I=-70.000", "lavfi.r128.I=-21.5", "lavfi.r128.I=nan"):
        assert not heard.stdout(line)
    for line in ("lavfi.r128.true_peaks_ch0=0.5", "lavfi.r128.true_peaks_ch1=0.1", "x"):
        heard.stdout(line)
    assert heard.level == pytest.approx((-21.5, -6.02, 0.0, None), abs=0.01)


def surround() -> Track:
    return Track(1, "audio", "ac3", channels=6, layout="5.1(side)", sample_rate=48000)


def test_at_night_dialogue_is_raised_then_mixed_then_compressed() -> None:
    first, second, *rest = mixing_steps(AudioEncode(1, "aac", 2, night=True), surround())
    assert first == (
        "pan=FL+FR+FC+LFE+SL+SR|FL=0.5*FL|FR=0.5*FR|FC=FC|LFE=0.5*LFE"
        "|SL=0.5*SL+0.5*BL|SR=0.5*SR+0.5*BR"
    )
    assert second == "aformat=channel_layouts=stereo"
    assert [step.split("=")[0] for step in rest] == [
        "acompressor",
        "acompressor",
        "volume",
        "alimiter",
    ]


def test_at_night_stereo_is_only_compressed() -> None:
    track = notation.track("a:aac/2ch", 1)
    assert mixing_steps(AudioEncode(1, "aac", night=True), track)[0].startswith("acompressor")


def test_filters_of_a_loudness_follow_the_mix() -> None:
    how = AudioEncode(1, "aac", 2, 160_000, loudness=R128)
    assert audio(3, how, surround(), AudioLevel(-20, -5)) == [
        *("-c:3", "aac", "-filter:3", "aformat=channel_layouts=stereo,volume=-3.00dB"),
        *("-b:3", "160000"),
    ]
