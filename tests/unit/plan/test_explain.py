"""explain(): every step with its decisions and the lines of the policy that they come from."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from tests import generated
from tests.notation import media as media_of

from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.plan.explain import explain
from vpo.policy.document import Policy
from vpo.policy.loader import Places, loads
from vpo.report.explain import PolicyLines, explanation_json, explanation_lines

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
    plan, stories = explain(loads(policy, "p"), media)
    return [line for line, _ in explanation_lines(plan, stories, lines(policy))]


def lines(policy: str) -> PolicyLines:
    return PolicyLines(Places(policy, "p"))


STORY = """\
phase decide (line 3) changed
  rules (line 4)
    no  japanese: exists(audio, language == jpn) and not exists(subtitle)  (line 8)
      yes exists(audio, language == jpn)
        audio 0 (aac, jpn): passes
        audio 1 (aac, eng, "Main"): language does not fit
        audio 2 (aac, eng, "Music"): language does not fit
      no  not exists(subtitle)
        yes exists(subtitle)
          subtitle 4 (subrip, und): passes
          subtitle 5 (subrip, ger): passes
    yes english: exists(audio, language == eng)  (line 11)
      audio 0 (aac, jpn): language does not fit
      audio 1 (aac, eng, "Main"): passes
      audio 2 (aac, eng, "Music"): passes
      then: set_default track_type audio, language == eng, value true  (line 13)
      then: set_language track_type subtitle, new_language eng  (line 14)
    never reached: not reached, as an earlier rule holds  (line 15)
    ~ subtitle 4 (subrip, und): language: none -> eng  (rule 'english': set_language)
    ~ subtitle 5 (subrip, ger): language: ger -> eng  (rule 'english': set_language)
  keep_audio (line 18)
    audio 0 (aac, jpn) removed: language jpn is not in eng  (line 19)
    audio 1 (aac, eng, "Main") stays: eng is wanted
    audio 2 (aac, eng, "Music") removed: music tracks are not kept  (line 20)
  keep_subtitles (line 21)
    subtitle 4 (subrip, eng) stays: forced tracks stay
    subtitle 5 (subrip, eng) removed: language eng is not in ger
  track_order (line 22)
    audio 1 (aac, eng, "Main") is audio_main  (line 24)
    video 3 (h264, und) is video  (line 23)
    subtitle 4 (subrip, eng) is subtitle_forced, which comes last  (line 22)
    ~ audio 1 (aac, eng, "Main"): moves from position 1 to 2  (main audio comes after video)
  default_flags (line 25)
    ~ audio 1 (aac, eng, "Main"): default: no -> yes  (preferred audio: eng)

phase after (line 26) unchanged

phase other (line 28) skipped: container is mkv
"""


def test_every_step_with_its_line() -> None:
    found = "\n".join(told())
    story, _, end = found.partition("\nresult: ")
    assert story.rstrip() == STORY.rstrip()
    assert end.startswith("6 changes (remux)\n")
    assert "decide/rules: rule 'english': set_language" in end


def test_what_a_rule_sets_is_shown_when_it_is_set() -> None:
    policy = POLICY.replace(
        "language: eng}\n            -", "language: eng, value: false}\n            -"
    )
    policy = policy.replace("preserve_forced: true", "remove_all: true")
    found = told(policy)
    place = found.index("  rules, applied (line 4)")
    assert "default: yes -> no  (rule 'english': set_default)" in found[place + 1]


def test_a_rule_that_fails_is_the_last_step() -> None:
    found = told(
        POLICY.replace("is_original", "exists(video)").replace("language: eng}}", "language: kor}}")
    )
    assert found[0] == "phase decide (line 3) failed: rules: no"
    assert "    yes never reached: exists(video)  (line 16)" in found
    assert "      then: fail no  (line 17)" in found
    assert "    failed: no" in found
    assert "  keep_audio (line 18)" not in found
    assert found[-1] == "result: phase 'decide': no"


def test_skipped_filters_say_so() -> None:
    policy = POLICY.replace("then: [{warn: no subtitles}]", "then: [skip_track_filter]")
    found = told(policy, media_of(["v:h264", "a:aac/jpn"]))
    place = found.index("  keep_audio (line 18)")
    assert found[place + 1] == "    skipped: a rule of this phase says skip_track_filter"


def test_lines_of_an_older_policy_are_those_of_its_own_text() -> None:
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
        "      video 0 (h264, und): passes",
        "      then: warn seen  (line 7)",
        "    warning: seen",
        "  keep_audio (line 8)",
        "    too few tracks: keep_all  (line 10)",
        "    audio 1 (aac, ger) stays: by keep_all  (line 9)",
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(generated.policies(), generated.media())
def test_the_plan_is_the_one_that_would_run(policy: Policy, media: MediaFile) -> None:
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
    plan, stories = explain(loads(POLICY, "p"), MEDIA)
    document: dict[str, Any] = explanation_json("p", plan, stories, lines(POLICY))
    assert json.loads(json.dumps(document)) == document
    rules = document["phases"][0]["steps"][0]
    assert (rules["operation"], rules["line"]) == ("rules", 4)
    assert rules["notes"][0] == {
        "text": "japanese: exists(audio, language == jpn) and not exists(subtitle)",
        "line": 8,
        "true": False,
        "depth": 0,
        "track": None,
    }
    assert rules["changes"][0]["reason"] == "rule 'english': set_language"
