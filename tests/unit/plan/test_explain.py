"""explain(): every step with its decisions and the lines of the policy that they come from."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from tests import generated

from vpo.media.model import MediaFile
from vpo.media.notation import media as media_of
from vpo.plan.evaluate import evaluate
from vpo.plan.explain import explain
from vpo.policy.document import Policy
from vpo.policy.loader import PolicyLines, parse_policy
from vpo.policy.policy_text import PolicyText
from vpo.report.explain import explanation_json, explanation_lines

POLICY = """\
schema_version: 13
phases:
  - name: decide
    rules:
      match: first
      items:
        - name: japanese
          when: exists(audio, lang == jpn) and not exists(subtitle)
          then: [{warn: no subtitles}]
        - name: english
          when: {exists: {track_type: audio, language: eng}}
          then:
            - set_default: {track_type: audio, language: eng}
            - set_language: {track_type: subtitle, new_language: eng}
        - name: never reached
          when: is_original
          then: {fail: no}
    keep_audio:
      languages: [eng]
      keep_music_tracks: false
    keep_subtitles: {languages: [ger], preserve_forced: true}
    track_order:
      - video
      - audio_main
    default_flags: {}
  - name: after
    run_if: {phase_modified: decide}
  - name: other
    skip_when: {container: mkv}
    keep_audio: {languages: [jpn]}
"""
MEDIA = media_of(
    [
        "a:aac/jpn [default]",
        'a:aac/eng "Main"',
        'a:aac/eng "Music"',
        "v:h264 [default]",
        "s:subrip [forced]",
        "s:subrip/ger",
    ]
)


def told(policy: str = POLICY, media: MediaFile = MEDIA) -> list[str]:
    plan, stories = explain(parse_policy(policy, "p"), media)
    return [line for line, _ in explanation_lines(plan, stories, lines(policy))]


def lines(policy: str) -> PolicyLines:
    return PolicyLines(PolicyText("p", policy))


STORY = """\
phase decide (line 3) changed
  rules (line 4)
    no  japanese: exists(audio, language == jpn) and not exists(subtitle)  (line 8)
      yes exists(audio, language == jpn)
        audio 0 (aac, jpn): matches
        audio 1 (aac, eng, "Main"): language does not match
        audio 2 (aac, eng, "Music"): language does not match
      no  not exists(subtitle)
        yes exists(subtitle)
          subtitle 4 (subrip, und): matches
          subtitle 5 (subrip, ger): matches
    yes english: exists(audio, language == eng)  (line 11)
      audio 0 (aac, jpn): language does not match
      audio 1 (aac, eng, "Main"): matches
      audio 2 (aac, eng, "Music"): matches
      then: set_default track_type audio, language == eng, value true  (line 13)
      then: set_language track_type subtitle, new_language eng  (line 14)
    never reached: not reached, as an earlier rule is true  (line 15)
    ~ subtitle 4 (subrip, und): language: none -> eng  (rule 'english': set_language)
    ~ subtitle 5 (subrip, ger): language: ger -> eng  (rule 'english': set_language)
  keep_audio (line 18)
    audio 0 (aac, jpn) removed: language jpn is not in eng  (line 19)
    audio 1 (aac, eng, "Main") kept: eng is wanted
    audio 2 (aac, eng, "Music") removed: music tracks are not kept  (line 20)
  keep_subtitles (line 21)
    subtitle 4 (subrip, eng) kept: forced tracks are kept
    subtitle 5 (subrip, eng) removed: language eng is not in ger
  track_order (line 22)
    audio 1 (aac, eng, "Main") is audio_main  (line 24)
    video 3 (h264, und) is video  (line 23)
    subtitle 4 (subrip, eng) is subtitle_forced, which comes last  (line 22)
    ~ video 3 (h264, und): moves from position 3 to 0  (video comes first)
  default_flags (line 25)
    ~ audio 1 (aac, eng, "Main"): default: no -> yes  (preferred audio: eng)

phase after (line 26) unchanged

phase other (line 28) skipped: container is mkv
"""


def test_explain_shows_every_step_with_its_line() -> None:
    found = "\n".join(told())
    story, _, end = found.partition("\nresult: ")
    assert story.rstrip() == STORY.rstrip()
    assert end.startswith("6 changes (remux)\n")
    assert "decide/rules: rule 'english': set_language" in end


def test_explain_shows_what_a_rule_sets_at_its_step() -> None:
    policy = POLICY.replace(
        "language: eng}\n            -", "language: eng, value: false}\n            -"
    )
    policy = policy.replace("preserve_forced: true", "remove_all: true")
    found = told(policy)
    place = found.index("  rules, applied (line 4)")
    assert "default: yes -> no  (rule 'english': set_default)" in found[place + 1]


def test_explain_ends_at_rule_that_fails() -> None:
    found = told(
        POLICY.replace("is_original", "exists(video)").replace("language: eng}}", "language: kor}}")
    )
    assert found[0] == "phase decide (line 3) failed: rules: no"
    assert "    yes never reached: exists(video)  (line 16)" in found
    assert "      then: fail no  (line 17)" in found
    assert "    failed: no" in found
    assert "  keep_audio (line 18)" not in found
    assert found[-1] == "result: phase 'decide': no"


def test_explain_reports_skipped_filters() -> None:
    policy = POLICY.replace("then: [{warn: no subtitles}]", "then: [skip_track_filter]")
    found = told(policy, media_of(["v:h264", "a:aac/jpn"]))
    place = found.index("  keep_audio (line 18)")
    assert found[place + 1] == "    skipped: a rule of this phase says skip_track_filter"


def test_explain_uses_line_numbers_of_older_policy() -> None:
    old = """\
schema_version: 12
phases:
  - name: a
    conditional:
      - name: r
        when: {exists: {track_type: video}}
        then: [{warn: seen}]
    audio_filter:
      languages: [eng]
      fallback: {mode: keep_all}
"""
    found = told(old, media_of(["v:h264", "a:aac/ger"]))
    assert found[:9] == [
        "phase a (line 3) unchanged",
        "  rules (line 4)",
        "    yes r: exists(video)  (line 6)",
        "      video 0 (h264, und): matches",
        "      then: warn seen  (line 7)",
        "    warning: seen",
        "  keep_audio (line 8)",
        "    too few tracks: keep_all  (line 10)",
        "    audio 1 (aac, ger) kept: by keep_all  (line 9)",
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(generated.policies(), generated.media())
def test_explain_has_the_same_plan_as_evaluate(policy: Policy, media: MediaFile) -> None:
    plan, stories = explain(policy, media)
    again = evaluate([policy], media)
    assert (plan.changes, plan.phases, str(plan.error)) == (
        again.changes,
        again.phases,
        str(again.error),
    )
    assert tuple(story.report for story in stories) == plan.phases
    for story in stories:
        errors = [step.error for step in story.steps if step.error]
        assert len(errors) == (story.report.outcome == "failed")


def test_as_json() -> None:
    plan, stories = explain(parse_policy(POLICY, "p"), MEDIA)
    document: dict[str, Any] = explanation_json("p", plan, stories, lines(POLICY))
    assert json.loads(json.dumps(document)) == document
    rules = document["phases"][0]["steps"][0]
    assert (rules["operation"], rules["line"]) == ("rules", 4)
    assert rules["notes"][0] == {
        "text": "japanese: exists(audio, language == jpn) and not exists(subtitle)",
        "file": "p",
        "line": 8,
        "true": False,
        "depth": 0,
        "track": None,
    }
    assert rules["changes"][0]["reason"] == "rule 'english': set_language"
