"""When a phase is skipped, and the measures in which that is said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from vpo.media import notation, units
from vpo.media.model import MediaFile
from vpo.policy.condition_context import ConditionContext
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.operation import PolicyConfig
from vpo.policy.phase_conditions import RunIf, SkipWhen, skip_reason

LINES = [
    "v:hevc/1920x800",
    "v:mjpeg/300x300",
    "a:dts(DTS-HD MA)/6ch/eng",
    "a:aac/jpn",
    "s:subrip/pt-BR",
]
MEDIA = notation.media(LINES, size=1_500_000_000, duration=5415.4)


def of(media: MediaFile) -> ConditionContext:
    return ConditionContext(media, ExternalFacts(), PolicyConfig())


UNKNOWN = notation.media(["v:h264", "a:dts/eng"], size=5)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"video_codec": "h265"}, "video codec is hevc"),
        ({"video_codec": ["av1", "x265"]}, "video codec is hevc"),
        ({"video_codec": ["av1", "h264"]}, None),
        ({"video_codec": "mjpeg"}, None),
        ({"audio_codec_exists": "AAC"}, "there is AAC audio"),
        ({"audio_codec_exists": "dts"}, "there is dts audio"),
        ({"audio_codec_exists": "dts-hd ma"}, "there is dts-hd ma audio"),
        ({"audio_codec_exists": ["flac", "truehd"]}, None),
        ({"subtitle_language_exists": "por"}, "there are por subtitles"),
        ({"subtitle_language_exists": ["eng", "pt"]}, "there are pt subtitles"),
        ({"subtitle_language_exists": "eng"}, None),
        ({"container": "mkv"}, "container is mkv"),
        ({"container": ["mp4", "Matroska"]}, "container is mkv"),
        ({"container": "m4v"}, None),
        ({"resolution": "1080p"}, "resolution is 1080p"),
        ({"resolution": ["720p", "4k"]}, None),
        ({"resolution_under": "4K"}, "resolution 1080p is under 2160p"),
        ({"resolution_under": "1080p"}, None),
        ({"file_size_under": "2GB"}, "size 1.50 GB is under 2.00 GB"),
        ({"file_size_under": "1.5 GB"}, None),
        ({"file_size_over": "1.4GB"}, "size 1.50 GB is over 1.40 GB"),
        ({"file_size_over": "1.5GB"}, None),
        ({"file_size_over": 1000}, "size 1.50 GB is over 1.00 kB"),
        ({"duration_under": "2h"}, "duration 1:30:15 is under 2:00:00"),
        ({"duration_under": "90m"}, None),
        ({"duration_over": 60}, "duration 1:30:15 is over 0:01:00"),
        ({"duration_over": "1h30m16s"}, None),
        ({"when": {"path": "FILM"}}, None),
        ("exists(audio, channels == 6)", "exists(audio, channels == 6)"),
        ({"mode": "any", "container": "mp4", "video_codec": "hevc"}, "video codec is hevc"),
        ({"mode": "all", "container": "mp4", "video_codec": "hevc"}, None),
        (
            {"mode": "all", "container": "mkv", "video_codec": "hevc"},
            "video codec is hevc and container is mkv",
        ),
    ],
)
def test_skip_when_gives_its_reason(condition: dict[str, Any], reason: str | None) -> None:
    assert skip_reason(SkipWhen.model_validate(condition), of(MEDIA)) == reason


@pytest.mark.parametrize(
    "condition",
    [
        {"resolution": "480p"},
        {"resolution_under": "8k"},
        {"duration_under": "10h"},
        {"duration_over": "0s"},
        {"audio_codec_exists": "dts-hd"},
    ],
)
def test_skip_when_does_not_match_unknown_facts(condition: dict[str, Any]) -> None:
    assert skip_reason(SkipWhen.model_validate(condition), of(UNKNOWN)) is None


def test_skip_when_does_not_match_file_without_video() -> None:
    condition = SkipWhen.model_validate({"video_codec": "hevc", "resolution_under": "8k"})
    assert skip_reason(condition, of(notation.media(["a:aac"]))) is None


def test_run_if_takes_exactly_one() -> None:
    assert RunIf(phase_modified="a").phase_modified == "a"
    for wrong in ({}, {"phase_modified": "a", "phase_completed": "b"}):
        with pytest.raises(ValidationError):
            RunIf.model_validate(wrong)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("500 mb", 500_000_000),
        ("700MiB", 734_003_200),
        ("1.5 GB", 1_500_000_000),
        ("2TiB", 2 * 1024**4),
        ("10kB", 10_000),
        ("7B", 7),
        ("7", 7),
        (7, 7),
    ],
)
def test_size_parses_units(text: object, size: int) -> None:
    assert units.size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-5MB", "5XB", "5 M", "1,5GB", True, None, "1e3"])
def test_size_refuses_invalid_text(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        units.size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h30m15s", 5415),
        ("1h 30m", 5400),
        ("1.5H", 5400),
        ("90", 90),
        (90, 90),
        (0.5, 0.5),
        ("0s", 0),
    ],
)
def test_duration_parses_units(text: object, seconds: float) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "1:30", "30m1h", "h", "-5s", "5 minutes", False, None])
def test_duration_refuses_invalid_text(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        units.duration(text)


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (320, 240, "480p"),
        (720, 480, "480p"),
        (720, 576, "480p"),
        (1024, 576, "480p"),
        (1280, 534, "720p"),
        (960, 720, "720p"),
        (1280, 720, "720p"),
        (1920, 1080, "1080p"),
        (1920, 800, "1080p"),
        (1920, 1036, "1080p"),
        (1916, 796, "1080p"),
        (1440, 1080, "1080p"),
        (1080, 1920, "1080p"),
        (2048, 858, "1080p"),
        (2560, 1440, "1440p"),
        (3440, 1440, "1440p"),
        (3840, 1600, "2160p"),
        (2880, 2160, "2160p"),
        (4096, 1716, "2160p"),
        (7680, 4320, "4320p"),
        (None, 1080, None),
        (1920, None, None),
        (0, 0, None),
    ],
)
def test_resolution_of_dimensions(width: int | None, height: int | None, name: str | None) -> None:
    assert units.resolution_of(width, height) == name
