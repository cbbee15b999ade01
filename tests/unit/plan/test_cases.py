"""Cases of policies: how they are read, compared and written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vpo.errors import PolicyError
from vpo.media import notation
from vpo.media.model import Chapter, MediaFile
from vpo.plan.cases import Case, case_differences, evaluated, new_case, parse_cases
from vpo.plan.evaluate import evaluate
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import parse_policy

POLICY = parse_policy(
    """\
schema_version: 13
phases:
  - name: one
    keep_audio: {languages: [eng, original]}
    default_flags: {}
    rules: {items: [{name: r, when: exists(video), then: {warn: "a video"}}]}
  - name: two
    container: {target: mp4}
""",
    "p.yaml",
)
BEFORE = ["v:h264", "a:aac/2ch/eng", "a:aac/2ch/fre", "a:aac/2ch/ger", "s:ass/eng"]


FRENCH = ExternalFacts({"radarr": {"original_language": "fre"}})


def media(**facts: Any) -> MediaFile:
    return notation.media(BEFORE, path="/films/Film.mkv", duration=60.0, **facts)


def written(known: ExternalFacts | None = None, **facts: Any) -> tuple[str, bool]:
    known = known or ExternalFacts()
    plan = evaluate([POLICY], media(**facts), known=known)
    return new_case([POLICY], ["../p.yaml"], "../Film.mkv", plan, known)


def only(text: str) -> Case:
    found = parse_cases(text, "c.yaml")
    assert found is not None
    ((line, case),) = found.cases
    assert line == 1
    return case


def test_new_case_is_fulfilled_and_read_by_people() -> None:
    text, complete = written(FRENCH)
    assert complete
    assert (
        text
        == """\
- case: Film
  policy: ../p.yaml
  metadata:
    radarr:
      original_language: fre
  path: /films/Film.mkv
  size: 1000000
  duration: 60.0
  before:
    - v:h264
    - a:aac/2ch/eng
    - a:aac/2ch/fre
    - a:aac/2ch/ger
    - s:ass/eng
  after:
    - v:h264 [default]
    - a:aac/2ch/eng [default]
    - a:aac/2ch/fre
    - s:mov_text/eng [default]
  becomes: mp4
  strategy: remux
  changes:
    - 'container: container mp4 instead of mkv'
    - 'remove 3: language ger is not in eng, fre'
    - 'default 0: first video track'
    - 'default 1: preferred audio: eng'
    - 'codec 4: mp4 holds text subtitles as mov_text'
    - 'default 4: the container gives every track type a default track'
  warnings:
    - a video
    - styled subtitles lose their styling in mp4
"""
    )
    case = only(text)
    assert case_differences(case, evaluated(case, [POLICY], case.media)) == ()


def test_new_case_names_the_file_where_the_notation_does_not_suffice() -> None:
    text, complete = written(fragile=("2 editions of chapters",))
    assert not complete
    assert only(text).file == "../Film.mkv"
    assert written(chapters=(Chapter(0, 1),))[1]


def test_each_difference_is_named() -> None:
    case = only(written(FRENCH)[0])
    other = replace(media(), tracks=media().tracks[:2])
    found = case_differences(case, evaluate([POLICY], other))
    assert [item.key for item in found] == ["after", "changes", "warnings"]
    wrong = only(
        "- {case: c, policy: p, before: ['v:h264'], error: [one, other], strategy: header}"
    )
    found = case_differences(wrong, evaluate([POLICY], wrong.media))
    assert [item.key for item in found] == [
        "error",
        "after",
        "becomes",
        "strategy",
        "warnings",
    ]


def test_flags_and_facts_have_any_order() -> None:
    case = only("- {case: c, policy: p, before: ['a:aac/eng/2ch [original default]']}")
    assert case_differences(case, evaluate([], case.media)) == ()
    spelled = only(
        "- {case: c, policy: p, before: [a:aac/2ch/eng], after: ['a:aac/eng/2ch']}",
    )
    assert case_differences(spelled, evaluate([], spelled.media)) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b", "c.yaml:1:1: cases must be a list"),
        ("", "c.yaml:1:1: the file of cases is empty"),
        ("- {case: c, before: []}", "c.yaml:1:3: `policy` is missing"),
        ("- {case: c, policy: p}", "c.yaml:1:3: a case needs `before`, or else `file`"),
        (
            "- {case: c, policy: p, file: f, size: 1}",
            "c.yaml:1:3: `size` is known of a real `file`; leave it out",
        ),
        (
            "- {case: c, policy: p, befor: []}",
            "c.yaml:1:24: unknown key `befor`; did you mean `before`?",
        ),
        ("- {case: c, policy: p, before: ['x']}", "c.yaml:1:32: `x` is not a track"),
        (
            "- {case: c, policy: p, before: [], container: mk}",
            "c.yaml:1:47: `mk` is not a container; did you mean `mkv`?",
        ),
        (
            "[{case: a, policy: p.yaml, before: ['v:h265']}]",
            "c.yaml:1:36: `h265` is called `hevc` here, as by ffprobe",
        ),
    ],
)
def test_case_that_is_invalid_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse_cases(text, "c.yaml")
    assert problem in str(error.value)


def test_policy_is_no_file_of_cases() -> None:
    assert parse_cases("schema_version: 13\nphases: []", "p.yaml") is None
