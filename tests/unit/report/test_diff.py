"""Changes in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.errors import PlanError
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Change, PhaseReport, Plan
from vpo.policy.change_kind import ChangeKind, Fact, FactValue
from vpo.policy.desired_state import Reason
from vpo.report.diff import change_text, plan_lines


@pytest.mark.parametrize(
    ("label", "before", "after", "expected"),
    [
        ("default", False, True, "default: no -> yes"),
        ("title", "a", None, "title: a -> none"),
        ("title", "x" * 61, "", f"title: {'x' * 59}… -> none"),
        ("move", 3, 0, "moves from position 3 to 0"),
        ("move", 2, 2, "moves past other tracks"),
        ("add", None, "audio 2 (aac)", "added: audio 2 (aac)"),
        ("tag:title", None, "a", "tag:title: none -> a"),
        ("kind of a newer vpo", 1, 2, "kind of a newer vpo: 1 -> 2"),
        ("remove", "audio 1 (aac, eng)", None, "removed: audio 1 (aac, eng)"),
    ],
)
def test_change_text(label: str, before: FactValue, after: FactValue, expected: str) -> None:
    assert change_text(Fact.parse(label, 1), before, after) == expected


def test_plan_lines_name_failed_phases_but_the_first_whose_error_is_that_of_the_plan() -> None:
    media = MediaFile("/v/a.mkv", "mkv", 1)
    one = PhaseReport("one", "filter", "failed", "continue", "too few")
    two = PhaseReport("two", "filter", "failed", "continue", "too many")
    plan = Plan(media, media, phases=(one, two), error=PlanError("phase 'filter': too few"))
    assert [text for text, _ in plan_lines(plan)] == ["    phase filter failed: too many"]


def test_plan_lines_name_the_file_that_a_removed_track_is_written_to() -> None:
    track = Track(index=0, type="subtitle", codec="subrip", language="eng")
    media = MediaFile("/v/a.mkv", "mkv", 1, tracks=(track,))
    changes = (
        Change(Fact(ChangeKind.SIDECAR, 0), None, "a.en.srt", Reason("p", "subtitles", "wanted")),
        Change(Fact(ChangeKind.REMOVE, 0), "it", None, Reason("p", "keep_subtitles", "unwanted")),
    )
    first, second = (
        text for text, _ in plan_lines(Plan(media, replace(media, tracks=()), changes))
    )
    assert first.startswith("  - subtitle")
    assert "written to a.en.srt" in second
