"""evaluate(): what every plan must satisfy, and what becomes of phases and contradictions."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests import generated

from vpo.errors import ConvergeError, PlanError
from vpo.media.containers import as_stored, container
from vpo.media.model import MediaFile, media_from_json, media_to_json
from vpo.media.notation import lines
from vpo.media.notation import media as media_of
from vpo.plan.evaluate import evaluate, known_of_result, rewritten
from vpo.plan.model import Change, Plan, as_written, changes_to_json
from vpo.policy.change_kind import ChangeKind
from vpo.policy.desired_state import Reason
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.operations import all_operations

few = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
many = settings(few, max_examples=150)


def policy(*phases: dict[str, Any], **config: Any) -> Policy:
    """A policy of these phases; one without a name is called after its place."""
    named = [{"name": f"p{n}", **phase} for n, phase in enumerate(phases, 1)]
    return Policy.model_validate({"schema_version": 13, "config": config, "phases": named})


def shown(changes: tuple[Change, ...]) -> list[str]:
    return [f"{c.fact.label} {c.track}: {c.before} -> {c.after}" for c in changes]


# What holds for every policy and every file.


def test_every_operation_is_generated() -> None:
    assert set(generated.OPERATIONS) == set(all_operations())


@many
@given(
    generated.policies(),
    generated.media(),
    st.sampled_from((ExternalFacts(), generated.KNOWN)) | generated.beside(),
)
def test_every_plan(policy: Policy, media: MediaFile, known: ExternalFacts) -> None:
    before, dumped = copy.deepcopy(media), policy.model_dump()
    plan = evaluate([policy], media, known=known)
    event(f"{plan.strategy}, {type(plan.error).__name__}")
    assert media == before
    assert policy.model_dump() == dumped
    is_a_function(plan, evaluate([policy], media_from_json(media_to_json(media)), known=known))
    is_a_function(plan, pickle.loads(pickle.dumps(plan)))  # noqa: S301 - our own bytes
    assert json.loads(json.dumps(changes_to_json(plan.changes))) == changes_to_json(plan.changes)
    nothing_is_lost(plan)
    every_difference_has_a_reason(plan)
    the_result_is_left_alone(plan, policy, known)


def is_a_function(plan: Plan, again: Plan) -> None:
    """Errors compare by identity; that they say the same is all that is wanted."""
    assert str(plan.error) == str(again.error)
    assert replace(plan, error=None) == replace(again, error=None)


def nothing_is_lost(plan: Plan) -> None:
    removed = [change for change in plan.changes if change.kind is ChangeKind.REMOVE]
    added = [change.track for change in plan.changes if change.kind is ChangeKind.ADD]
    kept = [item.index for item in plan.after.streams if item.index not in added]
    there = [item.index for item in plan.before.streams]
    assert sorted((*kept, *plan.removed)) == there
    assert len(kept) + len(added) == len(plan.after.streams)
    assert not set(added) & set(there)
    assert all(how.source in there for how in plan.audio_encodes.values())
    assert set(added) <= {*plan.audio_encodes, *dict(plan.sources)}
    assert plan.removed == tuple(change.track for change in removed)
    data = [track.index for track in plan.before.of("data")]
    assert all(c.reason.phase or c.track in data for c in removed)
    assert all(change.reason.text for change in removed)
    assert plan.after.chapters == plan.before.chapters


def every_difference_has_a_reason(plan: Plan) -> None:
    made = plan.encodes or plan.sources or plan.extracts
    assert bool(plan.changes) == (plan.after != plan.before or bool(made))
    assert (plan.strategy == "none") == (not plan.changes)
    for change in plan.changes:
        # In a reversed order, the track in the middle moves and keeps its position.
        again = change.kind is ChangeKind.CODEC and change.track in dict(plan.encodes)
        assert change.before != change.after or change.kind is ChangeKind.MOVE or again
        assert change.reason.text
        given_back = container(plan.after.container).one_default and change.fact.name == "default"
        uncarried = (
            change.kind is ChangeKind.REMOVE and change.reason.text == "no tool can carry it"
        )
        source = dict(plan.sources).get(change.track) if change.track is not None else None
        captions = source is not None and source.captions is not None
        assert change.reason.phase or given_back or uncarried or captions


def the_result_is_left_alone(plan: Plan, policy: Policy, known: ExternalFacts) -> None:
    if isinstance(plan.error, ConvergeError):
        assert plan.after == plan.before
        assert not plan.changes
        return
    again = evaluate([policy], plan.expected, known=known_of_result(plan, known))
    assert again.changes == ()
    assert again.after == plan.expected


@few
@given(generated.media())
def test_every_file(media: MediaFile) -> None:
    assert media_from_json(json.loads(json.dumps(media_to_json(media)))) == media
    plan = evaluate([policy({}, {"filter_attachments": {}, "audio_actions": {}})], media)
    assert plan.changes == ()
    assert plan.after is plan.before is media
    once = as_stored(media)
    assert as_stored(once) == once
    assert as_written(as_written(media)) == as_written(media)
    assert [t.index for t in as_written(media).streams] == list(range(len(media.streams)))


@few
@given(st.lists(generated.policies(most=1), min_size=2, max_size=2), generated.media())
def test_several_policies_make_one_sound_plan(policies: list[Policy], media: MediaFile) -> None:
    plan = evaluate(policies, media)
    nothing_is_lost(plan)
    if not plan.error:
        assert len(plan.phases) == 2
        known = ExternalFacts(encoded=bool(plan.video_encodes))
        assert not evaluate(policies, plan.expected, known=known).changes


# Strategies and changes.


def test_plan_has_the_cheapest_strategy() -> None:
    mkv = media_of(["v:h264", 'a:aac/eng "Title"', "a:aac/ger"])
    titles = policy({"audio_actions": {"clear_all_titles": True}})
    assert evaluate([titles], mkv).strategy == "header"
    assert evaluate([titles], media_of(["v:h264", 'a:aac "T"'], "mp4")).strategy == "header"
    assert evaluate([titles], media_of(["v:h264", 'a:aac "T"'], "mov")).strategy == "header"
    assert evaluate([policy({"keep_audio": {"languages": ["eng"]}})], mkv).strategy == "remux"
    assert evaluate([policy({})], mkv).strategy == "none"


def test_plan_remuxes_where_matroska_track_number_is_unknown() -> None:
    mkv = media_of(["v:h264", 'a:aac "Title"'])
    lost = replace(mkv, tracks=tuple(replace(t, matroska_id=None) for t in mkv.tracks))
    plan = evaluate([policy({"audio_actions": {"clear_all_titles": True}})], lost)
    assert plan.strategy == "remux"


def test_plan_reports_fewest_moves() -> None:
    media = media_of(["s:subrip/eng", "v:h264", "a:aac/eng", "a:aac/ger"])
    order = policy({"track_order": ["video", "audio_main", "audio_alternate", "subtitle_main"]})
    plan = evaluate([order], media)
    assert shown(plan.changes) == ["move 0: 0 -> 3"]


def test_move_positions_count_all_tracks_of_source_and_result_from_0() -> None:
    media = media_of(["a:aac/ger", "a:aac/fre", "a:aac/eng", "v:h264"])
    both = policy({"keep_audio": {"languages": ["eng"]}, "track_order": ["video", "audio_main"]})
    plan = evaluate([both], media)
    kinds = [change.kind for change in plan.changes]
    assert kinds == [ChangeKind.REMOVE, ChangeKind.REMOVE, ChangeKind.MOVE]
    assert shown(plan.changes)[2] in ("move 2: 2 -> 1", "move 3: 3 -> 0")
    assert lines(plan.after) == ["v:h264", "a:aac/eng"]
    assert [t.matroska_id for t in plan.after.tracks] == [3, 2]
    assert [t.matroska_id for t in plan.expected.tracks] == [0, 1]


def test_changes_name_phase_operation_and_reason() -> None:
    media = media_of(["v:h264", "a:aac/fre [default]", "a:aac/eng"])
    plan = evaluate([policy({"name": "flags", "default_flags": {}})], media)
    assert changes_to_json(plan.changes)[2] == {
        "kind": "default",
        "track": 2,
        "from": False,
        "to": True,
        "phase": "flags",
        "operation": "default_flags",
        "reason": "preferred audio: eng",
    }


def test_later_phase_sees_result_of_earlier_phase() -> None:
    media = media_of(["v:h264 [default]", "a:aac/ger [default]", "a:aac/eng"])
    plan = evaluate([policy({"keep_audio": {"languages": ["eng"]}}, {"default_flags": {}})], media)
    assert lines(plan.after) == ["v:h264 [default]", "a:aac/eng [default]"]
    assert shown(plan.changes)[1:] == ["default 2: False -> True"]


def test_change_undone_by_later_phase_is_no_change() -> None:
    media = media_of(["v:h264 [default]", "a:aac/eng [default]"])
    both = policy({"audio_actions": {"clear_all_default": True}}, {"default_flags": {}})
    plan = evaluate([both], media)
    assert plan.changes == ()
    assert [r.outcome for r in plan.phases] == ["changed", "changed"]


# What a container does by itself.


def test_plan_leaves_mp4_without_default_flags_alone() -> None:
    """ffmpeg would enable a track of each type; nobody asked for a rewrite."""
    media = media_of(["v:h264 [default]", "a:aac/eng", "s:mov_text", "d:bin_data"], "mp4")
    assert evaluate([policy({"default_flags": {"set_preferred_audio_default": False}})], media)
    plan = evaluate([policy({"subtitle_actions": {"clear_all_default": True}})], media)
    assert plan.strategy == "none"
    assert plan.after == media


def test_plan_reports_default_flags_set_by_mp4_muxer() -> None:
    media = media_of(['v:h264 "x" [default]', "a:aac/eng", "s:mov_text"], "mp4")
    plan = evaluate([policy({"video_actions": {"clear_all_titles": True}})], media)
    assert shown(plan.changes) == [
        "title 0: x -> None",
        "default 1: False -> True",
        "default 2: False -> True",
    ]
    assert str(plan.changes[1].reason) == "the container gives every track type a default track"


def test_data_track_never_gets_the_default_flag() -> None:
    media = media_of(["v:h264", "d:bin_data"], "mov")
    assert lines(as_stored(media)) == ["v:h264 [default]", "d:bin_data"]


def test_timecode_stays_in_its_place_unless_the_file_is_written_anew() -> None:
    media = media_of(["d:tmcd", 'v:h264 "x" [default]', "a:aac [default]"], "mov")
    time = (("timecode", "01:00:00:00"),)
    tracks = [replace(t, tags=time) if t.type == "video" else t for t in media.tracks]
    media = replace(media, tracks=tuple(tracks))
    plan = evaluate([policy({"video_actions": {"clear_all_titles": True}})], media)
    assert (plan.strategy, shown(plan.changes)) == ("header", ["title 1: x -> None"])
    anew = rewritten(plan)
    assert anew.strategy == "remux"
    assert [track.codec for track in anew.after.tracks] == ["h264", "aac", "tmcd"]
    assert {change.kind for change in anew.changes} == {ChangeKind.TITLE, ChangeKind.MOVE}


def test_data_that_no_tool_can_carry_is_left_out_only_where_the_file_is_written_anew() -> None:
    media = media_of(['v:h264 "x" [default]', "d:mebx"], "mov")
    titles = {"video_actions": {"clear_all_titles": True}}
    plan = evaluate([policy(titles)], media)
    assert (plan.strategy, plan.warnings, len(plan.after.tracks)) == ("header", (), 2)
    anew = rewritten(plan)
    assert [change.kind for change in anew.changes] == [ChangeKind.TITLE, ChangeKind.REMOVE]
    assert "is left out" in anew.warnings[0]
    required = evaluate([policy({"keep_data": True, **titles})], media)
    assert required.strategy == "header"
    with pytest.raises(PlanError, match="keep_data is true"):
        rewritten(required)


@pytest.mark.parametrize(
    ("container", "strategy"), [("mp4", "header"), ("mov", "header"), ("avi", "remux")]
)
def test_tags_are_header_edits_where_vpo_edits_headers(container: str, strategy: str) -> None:
    rule = {"name": "r", "when": {"exists": {"track_type": "audio"}}, "then": [
        {"set_container_metadata": {"field": "title", "value": "A film"}}
    ]}  # fmt: skip
    media = media_of(["v:h264 [default]", "a:aac [default]"], container)
    plan = evaluate([policy({"rules": {"match": "all", "items": [rule]}})], media)
    assert plan.strategy == strategy


def test_flags_cleared_before_container_change_do_not_contradict() -> None:
    """A phase that clears what the old container insists on does not contradict the new one."""
    media = media_of(["v:h264 [default]", "a:aac/eng [default]", "s:mov_text/eng [default]"], "mp4")
    plan = evaluate([policy({"default_flags": {}}, {"container": {"target": "mkv"}})], media)
    assert plan.error is None
    assert lines(plan.after)[-1] == "s:subrip/eng"


# Phases that do not run, and errors.


MEDIA = media_of(["v:h264 [default]", 'a:aac/eng "A"', 's:subrip/ger "B"'], duration=90.0)
CHANGES = {"audio_actions": {"clear_all_titles": True}}
NOTHING = {"video_actions": {"clear_all_titles": True}}
FAILS = {"keep_audio": {"languages": ["jpn"]}}
THEN = {"subtitle_actions": {"clear_all_titles": True}}


@pytest.mark.parametrize(
    ("first", "condition", "outcome", "detail"),
    [
        (CHANGES, {"run_if": {"phase_modified": "p1"}}, "changed", ""),
        (NOTHING, {"run_if": {"phase_modified": "p1"}}, "skipped", "'p1' changed nothing"),
        (NOTHING, {"run_if": {"phase_completed": "p1"}}, "changed", ""),
        (FAILS, {"run_if": {"phase_completed": "p1"}}, "skipped", "'p1' did not complete"),
        (NOTHING, {"depends_on": ["p1"]}, "changed", ""),
        (FAILS, {"depends_on": ["p1"]}, "skipped", "depends on 'p1', which did not complete"),
        (
            {"skip_when": {"container": "mkv"}},
            {"depends_on": ["p1"]},
            "skipped",
            "depends on 'p1', which did not complete",
        ),
        (
            {},
            {"skip_when": {"duration_under": "2m"}},
            "skipped",
            "duration 0:01:30 is under 0:02:00",
        ),
        ({}, {"skip_when": {"duration_under": "90s"}}, "changed", ""),
    ],
)
def test_phase_runs_when_its_condition_holds(
    first: dict[str, Any], condition: dict[str, Any], outcome: str, detail: str
) -> None:
    plan = evaluate([policy(first, {**THEN, **condition})], MEDIA)
    assert (plan.phases[1].outcome, plan.phases[1].detail) == (outcome, detail)
    assert ("title 2: B -> None" in shown(plan.changes)) == (outcome == "changed")


def test_phase_modified_ignores_changes_the_container_reverts() -> None:
    media = media_of(['v:h264 "T" [default]', "s:mov_text [default]"], "mp4")
    clear = {"subtitle_actions": {"clear_all_default": True}}
    titles = {"video_actions": {"clear_all_titles": True}, "run_if": {"phase_modified": "p1"}}
    plan = evaluate([policy(clear, titles)], media)
    assert [report.outcome for report in plan.phases] == ["unchanged", "skipped"]


def test_on_error_continue_drops_failed_phase() -> None:
    half = {**FAILS, **CHANGES}
    plan = evaluate([policy(half, THEN, on_error="continue")], MEDIA)
    assert shown(plan.changes) == ["title 2: B -> None"]
    assert [r.outcome for r in plan.phases] == ["failed", "changed"]
    assert isinstance(plan.error, PlanError)
    assert str(plan.error).startswith("phase 'p1': 0 audio tracks would be kept")


@pytest.mark.parametrize("mode", ["skip", "fail"])
@pytest.mark.parametrize("where", ["policy", "phase", "caller"])
def test_on_error_skip_and_fail_leave_file_unchanged(mode: Any, where: str) -> None:
    failing = {**FAILS, "on_error": mode} if where == "phase" else FAILS
    config = {"on_error": mode} if where == "policy" else {}
    asked = mode if where == "caller" else None
    plan = evaluate([policy(CHANGES, failing, THEN, **config)], MEDIA, asked)
    assert plan.changes == ()
    assert plan.after == MEDIA
    assert [r.outcome for r in plan.phases] == ["changed", "failed"]
    assert plan.on_error == mode
    assert isinstance(plan.error, PlanError)


def test_on_error_of_caller_overrides_phase() -> None:
    plan = evaluate([policy({**FAILS, "on_error": "fail"}, THEN)], MEDIA, "continue")
    assert shown(plan.changes) == ["title 2: B -> None"]


def test_plan_on_error_is_that_of_strictest_active_phase() -> None:
    one = {**CHANGES, "on_error": "skip"}
    idle = {**NOTHING, "on_error": "fail"}
    assert evaluate([policy(one, idle, THEN)], MEDIA).on_error == "skip"


ORDER = ["subtitle_forced", "video", "subtitle_main"]


@pytest.mark.parametrize(
    ("phases", "media", "first", "second"),
    [
        (
            [{"track_order": ORDER}, {"subtitle_actions": {"clear_all_forced": True}}],
            media_of(["v:h264", "s:subrip/eng [forced]"]),
            "p1/track_order",
            "p1/track_order",
        ),
        (
            [
                {
                    "filter_attachments": {"remove_all": True},
                    "skip_when": {"subtitle_language_exists": "ger"},
                },
                {"keep_subtitles": {"languages": ["eng"]}},
            ],
            media_of(["v:h264", "s:subrip/ger", "f:font.ttf"]),
            "p2/keep_subtitles",
            "p1/filter_attachments",
        ),
        (
            [
                {"keep_audio": {"languages": ["eng"]}, "skip_when": {"container": "webm"}},
                {"container": {"target": "mkv"}},
            ],
            media_of(["v:vp9", "a:opus/eng", "a:opus/ger"], "webm"),
            "p2/container",
            "p1/keep_audio",
        ),
        (
            [
                {
                    "rules": {
                        "items": [
                            {
                                "name": "swap",
                                "when": "exists(subtitle, lang == eng, not is_default)",
                                "then": {"set_default": {"track_type": "subtitle"}},
                                "else": {"set_default": {"track_type": "subtitle", "value": False}},
                            }
                        ]
                    }
                }
            ],
            media_of(["v:h264", "s:subrip/eng"]),
            "p1/rules: rule 'swap'",
            "p1/rules: rule 'swap'",
        ),
    ],
)
def test_contradicting_phases_are_an_error(
    phases: Any, media: MediaFile, first: str, second: str
) -> None:
    plan = evaluate([policy(*phases)], media)
    assert isinstance(plan.error, ConvergeError)
    assert (plan.after, plan.changes) == (media, ())
    assert str(plan.error).startswith(f"the policy contradicts itself: what {first}: ")
    assert f"leads to, {second}: " in str(plan.error)


@pytest.mark.parametrize(
    "phases",
    [
        [{"track_order": ["audio_main", "video"]}, {"track_order": ["video", "audio_main"]}],
        [
            {"filter_attachments": {"remove_all": True}, "skip_when": {"container": "mkv"}},
            {"container": {"target": "mkv"}},
        ],
        [{"default_flags": {}}, {"audio_actions": {"clear_all_default": True}}],
    ],
)
def test_phases_whose_last_wins_are_no_contradiction(phases: Any) -> None:
    """The last phase wins each time, so the result stays as it is."""
    media = media_of(["v:vp9 [default]", "a:opus/eng", "a:opus/ger"], "webm")
    assert evaluate([policy(*phases)], media).error is None


def test_reason_without_phase_is_only_its_text() -> None:
    assert str(Reason("", "", "so it is")) == "so it is"
