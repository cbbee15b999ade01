"""The models: order, selection, fingerprint; and the schema that is made from them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from vpo.policy.document import Policy, fingerprint
from vpo.policy.loader import load_policy, parse_policy
from vpo.policy.operations import all_operations
from vpo.policy.schema import json_schema

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yaml"))
TEXT = """\
schema_version: 13
name: mine
phases:
  - {name: one, default_flags: {}, keep_audio: {languages: [eng]}}
  - {name: two, depends_on: [one], audio_actions: {}}
  - {name: three, run_if: {phase_modified: two}, file_timestamp: {}}
"""
POLICY = parse_policy(TEXT, "mine")


def changed(old: str, new: str) -> Policy:
    assert old in TEXT
    return parse_policy(TEXT.replace(old, new), "mine")


def test_the_operations_and_their_order() -> None:
    assert {key: item.step for key, item in all_operations().items()} == {
        "audio_actions": 10,
        "subtitle_actions": 11,
        "video_actions": 12,
        "transcription": 15,
        "rules": 20,
        "keep_data": 28,
        "container": 30,
        "subtitles": 35,
        "captions": 36,
        "keep_video": 39,
        "keep_audio": 40,
        "keep_subtitles": 41,
        "filter_attachments": 42,
        "flags": 45,
        "track_order": 50,
        "default_flags": 60,
        "audio_synthesis": 80,
        "transcode": 90,
        "titles": 95,
        "rename": 97,
        "file_timestamp": 100,
    }


def test_operations_are_in_step_order() -> None:
    assert [op.key for op in POLICY.phases[0].operations] == ["keep_audio", "default_flags"]


def test_policy_can_be_pickled() -> None:
    assert POLICY.phases[0].operations
    assert pickle.loads(pickle.dumps(POLICY)) == POLICY  # noqa: S301


def test_select_keeps_the_order_of_the_policy() -> None:
    assert [phase.name for phase in POLICY.select(("three", "one")).phases] == ["one", "three"]
    assert POLICY.select(("three",)).phases[0].run_if is not None
    assert [phase.name for phase in POLICY.select(("two", "other")).phases] == ["two"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: mine", "name: yours"),
        ("name: mine", "name: mine\ndescription: d\ncategory: c"),
        ("default_flags: {}", "default_flags: {clear_other_defaults: true}"),
        ("name: mine", "config: {on_error: continue}"),
        ("{name: one, default_flags: {}, keep_audio: {languages: [eng]}}",
         "{keep_audio: {languages: [eng]}, default_flags: {}, name: one}"),
    ],
)  # fmt: skip
def test_fingerprint_ignores_display_text_and_order_of_keys(old: str, new: str) -> None:
    assert fingerprint([changed(old, new)]) == fingerprint([POLICY])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[eng]", "[fra]"),
        (", default_flags: {}", ""),
        ("default_flags: {}", "default_flags: {clear_other_defaults: false}"),
        ("name: mine", "config: {audio_languages: [jpn]}"),
        (", depends_on: [one]", ""),
        ("phase_modified", "phase_completed"),
    ],
)
def test_fingerprint_differs_if_meaning_differs(old: str, new: str) -> None:
    assert fingerprint([changed(old, new)]) != fingerprint([POLICY])


def test_fingerprints_of_selections_and_sequences() -> None:
    found = [
        fingerprint(policies)
        for policies in (
            [],
            [POLICY],
            [POLICY, POLICY],
            [POLICY.select(("one",))],
            [POLICY.select(("two",))],
        )
    ]
    assert len(set(found)) == len(found)
    assert all(len(item) == 64 for item in found)


def test_expression_and_mapping_have_equal_fingerprints() -> None:
    text = """\
schema_version: 13
phases:
  - name: a
    rules: {items: [{name: b, when: WHEN, then: {warn: c}}]}
"""
    forms = ("exists(audio, lang == eng)", "{exists: {track_type: audio, language: eng}}")
    written = (text.replace("WHEN", f"'{forms[0]}'"), text.replace("WHEN", forms[1]))
    one, other = (fingerprint([parse_policy(item, "p")]) for item in written)
    assert one == other != fingerprint([parse_policy(written[0].replace("eng", "jpn"), "p")])


def test_schema_has_every_key() -> None:
    schema = json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    phase = definitions["FullPhase"]
    assert set(all_operations()) < set(phase["properties"])
    assert not phase["additionalProperties"]
    assert not schema["additionalProperties"]
    assert schema["required"] == ["schema_version"]
    assert schema["anyOf"] == [{"required": ["phases"]}, {"required": ["extends"]}]
    assert definitions["TrackOrder"]["type"] == "array"
    assert definitions["When"]["type"] == ["object", "string"]
    for name, model in definitions.items():
        assert model.get("additionalProperties") is False or name in (
            "Captions",
            "KeepData",
            "TrackOrder",
            "AudioSynthesis",
            "Transcode",
        )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_policies_load(path: Path) -> None:
    policy = load_policy(path)
    assert policy.description
    assert not policy.warnings


def test_example_policies_exist() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("key", all_operations())
def test_every_operation_is_documented(key: str) -> None:
    page = (REPOSITORY / "docs" / "policy.md").read_text(encoding="utf-8")
    assert f"`{key}`" in page
    for field in all_operations()[key].model_fields:
        if key != "track_order":
            assert f"`{field}`" in page, field
