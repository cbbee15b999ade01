"""Policies that extend others: what comes of it, and in which file an error is."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.errors import PolicyError
from vpo.policy.inheritance import MergedPolicy
from vpo.policy.loader import PolicyLines, load_policy, migrate_text
from vpo.policy.policy_files import PolicyFiles
from vpo.policy.policy_text import read_policy
from vpo.policy.yaml_source import write_yaml

BASE = """\
schema_version: 13
name: base
config: {audio_languages: [eng], on_error: skip}
phases:
  - name: filter
    keep_audio: {languages: [eng]}
  - name: check
    rules:
      match: all
      items:
        - {name: one, when: exists(audio), then: {warn: audio}}
  - name: arrange
    default_flags: {}
"""
CHILD = """\
schema_version: 13
extends: base.yaml
config: {audio_languages: [ger]}
phases:
  - name: filter
    keep_subtitles: {languages: [ger]}
  - name: check
    append: true
    track_order: [video]
    rules:
      items:
        - {name: two, when: exists(video), then: {warn: video}}
  - name: more
    titles: {video: ""}
"""


def written(folder: Path, **texts: str) -> Path:
    """Write policies by name; return the path of the last."""
    for name, text in texts.items():
        path = folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    return path


def test_extends_replaces_appends_and_adds_phases(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, base=BASE, child=CHILD))
    assert policy.name == "base"
    assert (policy.config.audio_languages, policy.config.on_error) == (("ger",), "skip")
    found = [(phase.name, [one.key for one in phase.operations]) for phase in policy.phases]
    assert found == [
        ("filter", ["keep_subtitles"]),
        ("check", ["rules", "track_order", "rules"]),  # their flags are applied last
        ("arrange", ["default_flags"]),
        ("more", ["titles"]),
    ]
    rules = policy.phases[1].model_dump()["rules"]
    assert (rules["match"], [item["name"] for item in rules["items"]]) == ("all", ["one", "two"])


def test_merged_policy_has_the_fingerprint_of_one_that_is_written_out(tmp_path: Path) -> None:
    child = written(tmp_path, base=BASE, child=CHILD)
    whole = tmp_path / "whole.yaml"
    whole.write_text(write_yaml(MergedPolicy.of(read_policy(child)).data), encoding="utf-8")
    files = [PolicyFiles((str(path),)) for path in (child, whole)]
    assert files[0].fingerprint == files[1].fingerprint
    before = files[0].content_hash
    written(tmp_path, base=BASE.replace("[eng]}\n  - name", "[eng, ger]}\n  - name"))
    assert PolicyFiles((str(child),)).content_hash != before


def test_lines_are_those_of_the_file_that_has_them(tmp_path: Path) -> None:
    lines = PolicyLines(read_policy(written(tmp_path, base=BASE, child=CHILD)))
    places = [
        lines.phase("filter"),
        lines.phase("arrange"),
        lines.operation("check", "track_order"),
        lines.operation("check", "rules", ("items", 0)),
        lines.operation("check", "rules", ("items", 1)),
    ]
    assert [(Path(place.file).name, place.line) for place in places] == [
        ("child.yaml", 5),
        ("base.yaml", 12),
        ("child.yaml", 9),
        ("base.yaml", 11),
        ("child.yaml", 12),
    ]


OLD = BASE.replace("13", "12").replace("audio_languages", "audio_language_preference")
BAD = {
    "error of the base": (
        BASE.replace("[eng]}\n  - name: check", "[jp]}\n  - name: check"),
        "schema_version: 13\nextends: base.yaml\n",
        "base.yaml:6:30: `jp` is not a language; did you mean `jpn`?",
    ),
    "error of the child": (BASE, CHILD.replace("[ger]}\nph", "[jp]}\nph"), "child.yaml:3:28: `jp`"),
    "rule of the child": (BASE, CHILD.replace("(video)", "(vido)"), "child.yaml:12:36: `vido`"),
    "rule of the base": (BASE.replace("(audio)", "(audoi)"), CHILD, "base.yaml:11:36: `audoi`"),
    "key in an old base": (
        OLD.replace("[eng],", "[jp],"),
        "schema_version: 13\nextends: base.yaml\n",
        "base.yaml:3:38: `jp`",
    ),
    "no such phase": (
        BASE,
        CHILD.replace("name: check", "name: chekc"),
        "child.yaml:8:13: there is no phase `chekc` to append to; did you mean `check`?",
    ),
    "other match": (
        BASE,
        CHILD.replace("    rules:\n", "    rules:\n      match: first\n"),
        "child.yaml:11:14: the rules that these are appended to have `match: all`",
    ),
    "nothing extended": (
        BASE,
        CHILD.replace("extends: base.yaml\n", ""),
        "child.yaml:7:13: `append` needs a policy that this one extends",
    ),
    "append is no boolean": (BASE, CHILD.replace("true", "yes"), "child.yaml:8:13: `append` must"),
    "phase twice": (
        BASE,
        CHILD.replace("name: more", "name: filter"),
        "child.yaml:13:11: a second phase has the name `filter`",
    ),
    "missing file": (
        BASE,
        CHILD.replace("base.yaml", "bsae.yaml"),
        "child.yaml:2:10: cannot read the policy",
    ),
    "no name": (BASE, CHILD.replace("base.yaml", "[base.yaml]"), "child.yaml:2:10: `extends` must"),
    "circle": (
        f"extends: child.yaml\n{BASE}",
        CHILD,
        "base.yaml:1:10: `child.yaml` extends this policy itself",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_error_is_named_with_its_file(tmp_path: Path, name: str) -> None:
    base, child, message = BAD[name]
    path = written(tmp_path, base=base, child=child)
    with pytest.raises(PolicyError) as error:
        load_policy(path)
    assert f"{tmp_path}/{message}" in str(error.value)


def test_chain_of_policies_has_an_end(tmp_path: Path) -> None:
    head = "schema_version: 13\nextends: "
    for number in range(12):
        written(tmp_path, **{f"p{number}": f"{head}p{number + 1}.yaml\n"})
    written(tmp_path, p12=BASE)
    assert len(load_policy(tmp_path / "p2.yaml").phases) == 3
    with pytest.raises(PolicyError, match=r"p10.yaml:2:10: more than 10 policies extend"):
        load_policy(tmp_path / "p0.yaml")


def test_migrate_leaves_extends_alone(tmp_path: Path) -> None:
    text = CHILD.replace("13", "12").replace("audio_languages", "audio_language_preference")
    assert migrate_text(text, "child.yaml") == CHILD
    assert load_policy(written(tmp_path, base=BASE, child=text)).config.audio_languages == ("ger",)
