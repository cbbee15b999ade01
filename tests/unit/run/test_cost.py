"""What the time of a plan grows with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vpo.db.records import Cost
from vpo.execute.outcome import Outcome
from vpo.media.model import MediaFile
from vpo.media.notation import media
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.policy.document import Policy
from vpo.run.cost import outcome_cost, plan_cost

GB = 1_000_000_000
SECOND_OF_HD = 1280 * 720 * 25


def film(**facts: Any) -> MediaFile:
    """100 seconds of 1280x720 at 25 pictures a second, in 3 GB."""
    found = media(
        ["v:h264/1280x720", "a:aac/2ch/ger", "a:aac/2ch/eng"], size=3 * GB, duration=100.0
    )
    picture, *sound = found.tracks
    return replace(found, tracks=(replace(picture, **{"frame_rate": "25", **facts}), *sound))


def plan(media: MediaFile, **phase: Any) -> Plan:
    policy = {"schema_version": 13, "phases": [{"name": "all", **phase}]}
    return evaluate([Policy.model_validate(policy)], media)


def encode(**video: Any) -> dict[str, Any]:
    return {"transcode": {"video": {"to": "hevc", "crf": 20, **video}}}


@pytest.mark.parametrize(
    ("facts", "phase", "expected"),
    [
        ({}, {"keep_audio": {"languages": ["eng"]}}, Cost("remux", 3 * GB)),
        ({}, {"default_flags": {}}, Cost("header", 3 * GB)),
        ({}, encode(), Cost("hevc", 100 * SECOND_OF_HD)),
        ({}, encode(preset="slow"), Cost("hevc slow", 100 * SECOND_OF_HD)),
        ({"duration": 90.0}, encode(), Cost("hevc", 90 * SECOND_OF_HD)),
        ({}, encode(max_resolution="480p"), Cost("hevc", 100 * 854 * 480 * 25)),
        ({"frame_rate": "24000/1001"}, encode(), Cost("hevc", 2_209_630_370)),
        ({"frame_rate": None}, encode(), Cost("transcode", 3 * GB)),
        ({"width": None, "height": None}, encode(), Cost("transcode", 3 * GB)),
        ({}, {"transcode": {"audio": {"to": "opus"}}}, Cost("transcode", 3 * GB)),
    ],
)
def test_cost_of_plan_is_bytes_or_pixels(
    facts: dict[str, Any], phase: dict[str, Any], expected: Cost
) -> None:
    assert plan_cost(plan(film(**facts), **phase)) == expected


def test_cost_without_duration_is_bytes() -> None:
    assert plan_cost(plan(replace(film(), duration=None), **encode())) == Cost("transcode", 3 * GB)


def test_cost_of_outcome_counts_encodes_that_were_done() -> None:
    planned = plan(film(), **encode())
    done = Outcome("/x.mkv", "changed", strategy="transcode", plan=planned, size_before=3 * GB)
    assert outcome_cost(done) == Cost("hevc", 100 * SECOND_OF_HD)
    assert outcome_cost(done._replace(status="unchanged", strategy="none")) == Cost("none", 3 * GB)
    assert outcome_cost(Outcome("/x.mkv", "skipped")) is None
