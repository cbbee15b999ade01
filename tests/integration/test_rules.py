"""Rules on real files, and what ``vpo policy explain`` says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import Library, Vpo
from tests.reading import read, stream_hashes

POLICY = """\
schema_version: 13
phases:
  - name: decide
    default_flags: {}
    rules:
      match: all
      items:
        - name: japanese original
          when: is_original(lang == jpn) and exists(subtitle, lang == eng, not is_forced)
          then:
            - set_default: {track_type: audio, language: jpn}
            - set_forced: {track_type: subtitle, language: fre}
            - set_language: {track_type: subtitle, new_language: ger, match_language: fre}
        - name: no commentary
          when: not exists(audio, not_commentary == false)
          then: {fail: "{filename} has no commentary ({rule_name})"}
"""
TITLE = """\
schema_version: 13
phases:
  - name: title
    rules:
      items:
        - name: untitled
          when: not container_meta(title)
          then: {set_container_metadata: {field: title, value: "One = Two"}}
          else: {set_container_metadata: {field: title, value: ""}}
"""


def test_rules_are_applied_in_one_header_edit(vpo: Vpo, library: Library) -> None:
    root = library("multi-audio.mkv")
    policy = vpo.policy(POLICY)
    streams = stream_hashes(root / "multi-audio.mkv")
    result = vpo("process", "--format", "json", "-p", policy, root)
    (file,) = result.json["files"]
    assert (result.rc, file["status"], file["strategy"]) == (0, "changed", "header"), result
    reasons = {change["reason"] for change in file["changes"]}
    assert "rule 'japanese original': set_default" in reasons
    tracks = read(root / "multi-audio.mkv").tracks
    assert [t.index for t in tracks if t.type == "audio" and t.default] == [3]
    # The language is set early, so that no track is French when flags are set.
    assert [(t.language, t.forced) for t in tracks[6:]] == [
        ("eng", False),
        ("eng", True),
        ("ger", False),
        ("jpn", False),
    ]
    assert stream_hashes(root / "multi-audio.mkv") == streams
    assert vpo("process", "-p", policy, root).stdout.endswith("1 unchanged\n")


def test_fail_action_leaves_file_unchanged(vpo: Vpo, library: Library) -> None:
    root = library("chapters.mkv")
    before = (root / "chapters.mkv").read_bytes()
    result = vpo("process", "-p", vpo.policy(POLICY), root)
    assert result.rc == 1
    assert "chapters.mkv has no commentary (no commentary)" in result.stderr + result.stdout
    assert (root / "chapters.mkv").read_bytes() == before


@pytest.mark.parametrize("name", ["multi-audio.mkv", "no-language.mp4"])
def test_set_container_metadata_action_writes_tags(vpo: Vpo, library: Library, name: str) -> None:
    root = library(name)
    streams = stream_hashes(root / name)
    policy = vpo.policy(TITLE.partition("          else:")[0])
    assert vpo("process", "-p", policy, root).rc == 0
    assert read(root / name).tags["title"] == "One = Two"
    assert stream_hashes(root / name) == streams
    assert vpo("process", "-p", policy, root).stdout.endswith("1 unchanged\n")


def test_rule_that_undoes_itself_is_a_contradiction(vpo: Vpo, library: Library) -> None:
    root = library("multi-audio.mkv")
    before = (root / "multi-audio.mkv").read_bytes()
    result = vpo("process", "-p", vpo.policy(TITLE), root)
    assert result.rc == 1
    assert "contradicts itself" in result.stderr + result.stdout
    assert result.stdout.count("rule 'untitled'") + result.stderr.count("rule 'untitled'") >= 2
    assert (root / "multi-audio.mkv").read_bytes() == before


# explain


def test_policy_explain_shows_what_process_would_do(vpo: Vpo, library: Library) -> None:
    film = library("multi-audio.mkv") / "multi-audio.mkv"
    before = film.read_bytes()
    policy = vpo.policy(POLICY)
    result = vpo("policy", "explain", policy, film)
    assert result.rc == 0, result
    lines = result.stdout.splitlines()
    assert lines[0] == "phase decide (line 3) changed"
    assert any(line.startswith("    yes japanese original: is_original(") for line in lines)
    assert (
        "      then: set_default track_type audio, language == jpn, value true  (line 11)" in lines
    )
    assert "  rules, applied (line 5)" in lines
    planned = vpo("process", "-n", "--format", "json", "-p", policy, film).json["files"][0]
    told = vpo("policy", "explain", "--format", "json", policy, film).json
    assert told["changes"] == planned["changes"]
    assert film.read_bytes() == before


def test_policy_explain_shows_why_it_fails(vpo: Vpo, library: Library) -> None:
    film = library("chapters.mkv") / "chapters.mkv"
    result = vpo("policy", "explain", vpo.policy(POLICY), film)
    assert result.rc == 1
    assert "    failed: chapters.mkv has no commentary (no commentary)" in result.stdout
    assert "      then: fail {filename} has no commentary ({rule_name})  (line 16)" in result.stdout


def test_policy_explain_takes_phases(vpo: Vpo, library: Library) -> None:
    film = library("multi-audio.mkv") / "multi-audio.mkv"
    policy = vpo.policy(POLICY + "  - name: titles\n    audio_actions: {clear_all_titles: true}\n")
    result = vpo("policy", "explain", "--phases", "titles", policy, film)
    assert (result.rc, result.stderr) == (0, "")
    assert result.stdout.startswith("phase titles (line 17) changed\n  audio_actions (line 18)\n")


@pytest.mark.parametrize(
    ("arguments", "rc", "words"),
    [
        (["POLICY", "nowhere.mkv"], 2, "nowhere.mkv"),
        (["POLICY", "."], 1, "."),
        (["nowhere.yaml", "FILM"], 2, "cannot read the policy nowhere.yaml"),
        (["--phases", "none", "POLICY", "FILM"], 2, "no phase is called 'none'"),
    ],
)
def test_policy_explain_refuses_missing_policy_or_file(
    vpo: Vpo, library: Library, arguments: list[str], rc: int, words: str
) -> None:
    film = library("chapters.mkv") / "chapters.mkv"
    names: dict[str, Any] = {"POLICY": vpo.policy(POLICY), "FILM": film}
    result = vpo("policy", "explain", *(names.get(word, word) for word in arguments))
    assert (result.rc, result.stdout) == (rc, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_process_reports_position_of_bad_expression(vpo: Vpo, library: Library) -> None:
    root = library("chapters.mkv")
    policy = vpo.policy(POLICY.replace("lang == eng,", "lang = eng,"))
    result = vpo("process", "-p", policy, root)
    assert result.rc == 2
    assert f"{policy}:9:68: unexpected `=`; did you mean `==`?" in result.stderr
    assert json.loads(vpo("policy", "schema").stdout)["$defs"]["When"]
