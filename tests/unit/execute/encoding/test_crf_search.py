"""The search for a crf: a stand-in ffmpeg whose pictures have the score that a formula gives."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vpo.errors import PlanError
from vpo.execute.encoding import crf_search
from vpo.execute.encoding.crf_search import (
    CrfResult,
    CrfSearches,
    SampleTools,
    SourceVideo,
    metric,
    sample_spans,
)
from vpo.media.encode_spec import Quality, VideoCodec, VideoEncode
from vpo.media.model import Track
from vpo.probe.service import Prober
from vpo.tools.capabilities import Capabilities
from vpo.tools.process import Processes
from vpo.tools.programs import Tools
from vpo.tools.video_encoders import VIDEO_ENCODERS
from vpo.tools.video_options import Encoding

# The encoded file holds its crf; the comparison makes a score of it.
FFMPEG = """\
import sys
words = sys.argv[1:]
with open("@LOG", "a") as log:
    print(*words, file=log)
if "null" in words:
    crf = float(open(words[words.index("-i") + 1]).read())
    print(f"[Parsed] VMAF score: {@SCORE:.6f}", file=sys.stderr)
    print(f"[Parsed] XPSNR  y: {@SCORE:.4f}  u: 44.1  v: 45.2  (minimum: 1)", file=sys.stderr)
else:
    open(words[-1], "w").write(words[words.index("-crf:0") + 1])
"""
ABLE = Capabilities(frozenset({"libx265"}), frozenset({"libvmaf", "xpsnr"}), 61)
ENCODERS = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9"}
TRACK = Track(1, "video", "h264", width=640, height=360, pixel_format="yuv420p", frame_rate="25")


class Keys(Prober):
    """A video with a keyframe every four seconds."""

    def keyframes(self, path: str, index: int, times: object) -> list[float]:  # noqa: ARG002
        assert isinstance(times, list)
        return [time - time % 4 for time in times]


class Able(Tools):
    """Tools that are asked nothing about what they can do."""

    def __init__(self, able: Capabilities, program: Path) -> None:
        super().__init__(ffmpeg=str(program), stall_seconds=60)
        object.__setattr__(self, "able", able)

    def capabilities(self) -> Capabilities:
        able: Capabilities = self.able  # type: ignore[attr-defined]
        return able


Finder = Callable[..., CrfResult]


@pytest.fixture
def parts() -> list[float]:
    """What searches have reported of their progress."""
    return []


@pytest.fixture
def find(tmp_path: Path, parts: list[float]) -> Finder:
    """``find(target, score="100 - crf", seconds=100, ...)``."""

    searches = CrfSearches()

    def run(
        target: float,
        score: str,
        seconds: float | None = 100.0,
        codec: VideoCodec = "hevc",
        able: Capabilities = ABLE,
        preset: str = "medium",
    ) -> CrfResult:
        program = tmp_path / "ffmpeg"
        text = FFMPEG.replace("@SCORE", score).replace("@LOG", str(tmp_path / "log"))
        (tmp_path / "ffmpeg.py").write_text(text)
        # Without what a plain start of Python looks for, which takes most of its time.
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "$0.py" "$@"\n')
        program.chmod(0o755)
        spec = VideoEncode(codec, Quality(vmaf=target), preset)
        encoding = Encoding(spec, TRACK, VIDEO_ENCODERS[ENCODERS[codec]], 4)
        source = SourceVideo("SOURCE", str(tmp_path), (), seconds, "mkv")
        prober, clips = Keys(Processes(), 60), str(tmp_path / "clips")
        sampling = SampleTools(Able(able, program), prober, clips, parts.append)
        return searches.find(sampling, source, encoding)

    return run


def calls(tmp_path: Path, word: str) -> list[str]:
    return [line for line in (tmp_path / "log").read_text().splitlines() if word in line]


@pytest.mark.parametrize("seconds", [8.0, 100.0, 5000.0])
def test_search_finds_crf_on_a_linear_score(find: Finder, seconds: float) -> None:
    found = find(95, "120 - crf", seconds)
    assert found.crf == pytest.approx(25, abs=0.1)
    assert found.score == pytest.approx(95, abs=0.2)


@pytest.mark.parametrize("target", [80, 93, 97])
@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1"])
def test_search_finds_crf_on_a_curved_score(find: Finder, codec: VideoCodec, target: float) -> None:
    found = find(target, "100 - (crf / 9) ** 2.2", 300, codec)
    wanted = 9 * (100 - target) ** (1 / 2.2)
    assert 100 - (found.crf / 9) ** 2.2 == pytest.approx(target, abs=0.5)
    assert found.crf == pytest.approx(wanted, abs=0.8)


def test_search_gives_whole_crf_where_encoder_needs_it(find: Finder) -> None:
    assert find(95, "120.4 - crf", codec="av1").crf == 25.0


def test_search_reports_unreachable_target(find: Finder) -> None:
    found = find(95, "90 - crf / 10")
    assert found.crf == 1
    assert found.score == pytest.approx(89.9, abs=0.01)


def test_search_takes_highest_crf_when_score_is_always_above_target(find: Finder) -> None:
    found = find(95, "99.5 + 0 * crf")
    assert (found.crf, found.score) == (51, 99.5)


def test_search_result_is_remembered(find: Finder, tmp_path: Path) -> None:
    first = find(95, "120 - crf")
    done = len(calls(tmp_path, "-crf:0"))
    assert find(95, "120 - crf") == first
    assert len(calls(tmp_path, "-crf:0")) == done
    find(90, "120 - crf")
    assert len(calls(tmp_path, "-crf:0")) > done


def test_sample_clips_are_a_small_part_of_the_video(find: Finder, tmp_path: Path) -> None:
    find(95, "120 - crf", 600)
    spans = [
        float(length)
        for line in calls(tmp_path, "-crf:0")
        for length in re.findall(r"-t ([\d.]+)", line)
    ]
    assert set(spans) == {0.6}
    assert sum(spans) < 0.15 * 600
    inputs = [line.count("-i SOURCE") for line in calls(tmp_path, "-crf:0")]
    assert max(inputs) <= 9


@pytest.mark.parametrize("duration", [20.1, 125.0, 1000.0, 20_000.0])
@pytest.mark.parametrize("fast", [True, False])
def test_sample_clips_are_spread_over_the_video(duration: float, fast: bool) -> None:
    spans = sample_spans(duration, fast)
    assert 6 <= len(spans) <= 120
    for n, span in enumerate(spans):
        assert n * duration / len(spans) <= span.start
        assert span.start + span.length <= (n + 1) * duration / len(spans) + 1e-6
    if duration > 120:
        assert sum(span.length for span in spans) <= max(0.075 * duration, 6 * 0.6)


def test_short_video_is_its_own_sample_clip() -> None:
    assert sample_spans(12.5, fast=False) == [(0.0, 12.5)]


def test_sample_clips_begin_near_keyframes(find: Finder, tmp_path: Path) -> None:
    find(95, "120 - crf", 600)
    starts = [
        float(start)
        for line in calls(tmp_path, "-crf:0")
        for start in re.findall(r"-ss ([\d.]+)", line)
    ]
    assert {start % 4 < 1 for start in starts} == {True}
    assert len({round(start % 1, 1) for start in starts}) > 5


def test_search_uses_xpsnr_without_libvmaf(find: Finder) -> None:
    able = Capabilities(frozenset(), frozenset({"xpsnr"}), 61)
    found = find(95, "64.3 - crf", able=able)  # decibels: 39.3 of them go with 95 points
    assert found.metric == "xpsnr"
    assert found.crf == pytest.approx(25, abs=0.2)
    assert "estimated by XPSNR" in str(found)


def test_metric_fails_without_libvmaf_and_xpsnr() -> None:
    with pytest.raises(PlanError, match="neither libvmaf nor xpsnr"):
        metric(Capabilities(frozenset(), frozenset({"psnr"}), 59))


def test_search_fails_without_duration(find: Finder) -> None:
    with pytest.raises(PlanError, match="duration is unknown"):
        find(95, "120 - crf", None)


def test_vmaf_of_4k_uses_its_own_model(tmp_path: Path) -> None:
    large = Track(0, "video", "h264", width=3840, height=2160)
    encoding = Encoding(VideoEncode("hevc", Quality(vmaf=95)), large, VIDEO_ENCODERS["libx265"], 0)
    sampling = SampleTools(Tools(), Keys(Processes(), 60), str(tmp_path / "clips"))
    trial = crf_search._SampleEncoder(sampling, SourceVideo("", "", (), 9, "mkv"), encoding)
    assert "vmaf_4k" in trial._filter("vmaf")


@pytest.mark.parametrize("seconds", [8.0, 100.0])
def test_search_reports_how_far_it_has_come(
    find: Finder, parts: list[float], seconds: float
) -> None:
    find(95, "120 - crf", seconds)
    assert parts == sorted(parts)
    assert 0 < parts[0] < 1
    assert parts[-1] <= 1
