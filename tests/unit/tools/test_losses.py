"""What ffmpeg would lose is known from the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vpo.media import notation
from vpo.plan.evaluate import evaluate
from vpo.policy.document import Policy
from vpo.tools.losses import refused_losses

ORDER: dict[str, Any] = {"track_order": ["audio_main", "video"]}
TO_MKV: dict[str, Any] = {"container": {"target": "mkv"}}


def losses(phase: dict[str, Any], container: str, rate: int | None, codec: str) -> str:
    media = notation.media(["v:mpeg4", f"a:{codec}"], container)
    tracks = tuple(
        replace(t, sample_rate=rate if t.type == "audio" else None) for t in media.tracks
    )
    policy = Policy.model_validate({"schema_version": 13, "phases": [{"name": "p", **phase}]})
    plan = evaluate([policy], replace(media, tracks=tracks))
    return "; ".join(refused_losses(plan))


@pytest.mark.parametrize(("codec", "lost"), [("aac", True), ("adpcm_ms", True), ("mp3", False)])
def test_audio_that_avi_has_no_times_for_is_refused_only_in_avi(codec: str, lost: bool) -> None:
    assert ("the times of audio" in losses(ORDER, "avi", 44100, codec)) == lost
    assert not losses(TO_MKV, "avi", 44100, codec)


@pytest.mark.parametrize(("container", "rate"), [("ts", None), ("mpg", None), ("ts", 48000)])
def test_audio_that_begins_too_late_to_be_recognized_is_refused(
    container: str, rate: int | None
) -> None:
    assert ("begins too late" in losses(TO_MKV, container, rate, "mp2")) == (rate is None)


@pytest.mark.parametrize(
    ("title", "lost"), [("简", True), ("På", True), ("简体", False), ("EN", False)]
)
def test_title_too_short_for_ffmpeg_to_know_as_unicode_is_refused(title: str, lost: bool) -> None:
    phase = {"titles": {"audio": title}, **ORDER}
    assert ("too short" in losses(phase, "mp4", 48000, "aac")) == lost
    assert not losses(phase, "mkv", 48000, "aac")
