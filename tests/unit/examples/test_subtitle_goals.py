"""The goals about subtitles, on films with sidecars and captions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from vpo.media import notation
from vpo.media.model import MediaFile
from vpo.media.sidecar_names import sidecar_names
from vpo.media.subtitle_source import Sidecar
from vpo.plan.evaluate import evaluate, known_of_result
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import load_policy

GOALS = Path(__file__).parents[3] / "examples" / "goals"
CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parent / "subtitle_goals.yaml")


def before(case: dict[str, Any]) -> MediaFile:
    media = notation.media(case["before"], path="/films/Film.mkv")
    captions = case.get("captions", [])
    tracks = (replace(track, captions=track.index in captions) for track in media.tracks)
    return replace(media, tracks=tuple(tracks))


def beside(case: dict[str, Any], media: MediaFile) -> tuple[Sidecar, ...]:
    """The sidecars of a film, with the tracks that say the same."""
    given = case.get("beside", {})
    return tuple(
        Sidecar(said, same_as=frozenset((given[said.name] or {}).get("same_as", [])))
        for said in sidecar_names(media.path, given)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["goal"])
def test_goal_is_reached(case: dict[str, Any]) -> None:
    policy = load_policy(GOALS / f"{case['goal']}.yaml")
    media = before(case)
    known = ExternalFacts(sidecars=beside(case, media))
    plan = evaluate([policy], media, known=known)
    assert plan.error is None
    made = dict(plan.sources)
    encoded = plan.video_encodes
    assert sorted(encoded) == case.get("encodes", [])
    if encoded:
        added = [notation.line(track) for track in plan.after.tracks if track.index in made]
        assert added == case.get("added", [])
    else:
        assert notation.lines(plan.after) == case.get("after", case["before"])
        again = evaluate([policy], plan.expected, known=known_of_result(plan, known))
        assert again.strategy == "none"
    assert [one.name for one in plan.extracts] == case.get("extracts", [])
    assert set(case.get("made", [])) <= made.keys()
