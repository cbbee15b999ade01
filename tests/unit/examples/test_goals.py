"""The policies in ``examples/goals``: what they want of files that bring out the difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests import notation

from vpo.media.containers import as_stored
from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import load_policy

REPOSITORY = Path(__file__).parents[3]
GOALS = REPOSITORY / "examples" / "goals"
CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parent / "goals.yaml")


def before(case: dict[str, Any]) -> MediaFile:
    media = notation.media(case["before"], path=case.get("path", "/films/Film.mkv"))
    rates = case.get("rates", {})
    return replace(
        media, tracks=tuple(replace(t, bit_rate=rates.get(t.index)) for t in media.tracks)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["goal"])
def test_goal_is_reached(case: dict[str, Any]) -> None:
    policy = load_policy(GOALS / f"{case['goal']}.yaml")
    media, known = before(case), ExternalFacts(case.get("metadata", {}))
    plan = evaluate([policy], media, known=known)
    assert plan.error is None
    encoded = plan.video_encodes
    assert sorted(encoded) == case.get("encodes", [])
    if not encoded:
        assert notation.lines(plan.after) == case.get("after", case["before"])
        assert evaluate([policy], as_stored(plan.after), known=known).strategy == "none"
    kept = {track.index for track in plan.after.tracks}
    assert kept.isdisjoint(case.get("gone", ()))


def test_goals_are_all_tried_and_on_the_page() -> None:
    names = {path.stem for path in GOALS.glob("*.yaml")}
    assert names == {case["goal"] for case in CASES}
    page = (REPOSITORY / "docs" / "how-to.md").read_text(encoding="utf-8")
    assert [name for name in names if f"../examples/goals/{name}.yaml" not in page] == []


def test_bit_rate_that_a_condition_compares_is_measured() -> None:
    policy = load_policy(GOALS / "high-bit-rates-only.yaml")
    media = notation.media(["v:h264/1920x1080", "a:aac", "s:subrip"])
    assert policy.unknown_bit_rates(media, encoded=False) == {0, 1}
