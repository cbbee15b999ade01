"""The policies in ``examples``: what they want of files that bring out the difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vpo.media import notation
from vpo.media.containers import as_stored
from vpo.media.model import Color
from vpo.plan.cases import Case, CaseFile, case_differences, evaluated, read_cases
from vpo.plan.evaluate import evaluate
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import load_policy

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "examples"
FILES = [read_cases(str(path)) for path in sorted((EXAMPLES / "cases").glob("*.yaml"))]
CASES = [(file, case) for file in FILES if file for _, case in file.cases]


@pytest.mark.parametrize(("file", "case"), CASES, ids=[case.case for _, case in CASES])
def test_example_does_what_its_case_says(file: CaseFile, case: Case) -> None:
    policies = [load_policy(file.beside(name)) for name in case.policy]
    plan = evaluated(case, policies, case.media)
    assert case_differences(case, plan) == ()
    if not plan.encodes and not plan.error:
        again = evaluate(policies, as_stored(plan.after), known=case.external)
        assert again.strategy == "none"


def test_examples_are_all_tried_and_on_the_page() -> None:
    tried = {Path(file.beside(name)) for file, case in CASES for name in case.policy}
    there = {*EXAMPLES.glob("*.yaml"), *(EXAMPLES / "goals").glob("*.yaml")}
    assert there == tried
    page = (REPOSITORY / "docs" / "how-to.md").read_text(encoding="utf-8")
    links = [f"../{path.relative_to(REPOSITORY)}" for path in there]
    assert [link for link in links if link not in page] == []


def test_bit_rate_that_a_condition_compares_is_measured() -> None:
    policy = load_policy(EXAMPLES / "goals" / "high-bit-rates-only.yaml")
    media = notation.media(["v:h264/1920x1080", "a:aac", "s:subrip"])
    assert policy.unknown_bit_rates(media, encoded=False) == {0, 1}


@pytest.mark.parametrize(
    ("goal", "line", "facts", "after"),
    [
        (
            "deinterlace-recordings",
            "v:mpeg2video/720x480/30000:1001fps",
            {"field_order": "tt", "telecined": True},
            "v:hevc/720x480/24000:1001fps",
        ),
        ("crop-bars", "v:hevc/1920x1080", {"picture": "1920:800:0:140"}, "v:hevc/1920x800"),
        (
            "hdr-to-sdr",
            "v:hevc/3840x2160/yuv420p10le",
            {"color": Color(transfer="smpte2084")},
            "v:hevc/3840x2160/yuv420p",
        ),
    ],
)
def test_goal_is_reached_by_facts_of_frames(
    goal: str, line: str, facts: dict[str, Any], after: str
) -> None:
    media = notation.media([line], path="/films/Recordings/Film.mkv")
    media = replace(media, tracks=(replace(media.tracks[0], **facts),))
    plan = evaluate([load_policy(EXAMPLES / "goals" / f"{goal}.yaml")], media)
    assert plan.error is None
    assert notation.lines(plan.after) == [after]


def test_quality_target_is_a_score_of_vmaf() -> None:
    policy = load_policy(EXAMPLES / "goals" / "quality-target.yaml")
    quality = evaluate([policy], notation.media(["v:h264/1920x1080"])).video_encodes[0].quality
    assert (quality.vmaf, quality.crf) == (95, None)


@pytest.mark.parametrize(
    ("metadata", "time"),
    [({"release_date": "1995-05-01"}, 799_286_400 * 10**9), ({}, "preserve")],
)
def test_release_date_is_the_time_of_the_file(metadata: dict[str, str], time: object) -> None:
    policy = load_policy(EXAMPLES / "goals" / "release-date.yaml")
    known = ExternalFacts(metadata={"radarr": metadata})
    plan = evaluate([policy], notation.media(["v:h264 [default]"]), known=known)
    assert plan.timestamp == time


@pytest.mark.parametrize(("width", "crf"), [(640, 20), (1920, 22), (2560, 22), (3840, 24)])
def test_crf_is_that_of_the_resolution(width: int, crf: int) -> None:
    policy = load_policy(EXAMPLES / "goals" / "crf-by-resolution.yaml")
    media = notation.media([f"v:h264/{width}x{width * 9 // 16}"])
    assert evaluate([policy], media).video_encodes[0].quality.crf == crf
