"""Policies that load_policy, and for those that do not: where, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.errors import PolicyError
from vpo.policy.loader import load_policy, migrate_text, parse_policy, replace_policy_file

GOOD = """\
schema_version: 13
name: good  # a comment
config:
  audio_languages: [jpn, no, eng]
  on_error: skip
phases:
  - name: first
    track_order: [video, audio_main]
    keep_audio:
      languages: &languages [jpn, "no"]
      fallback: {mode: keep_all}
  - name: second
    depends_on: [first]
    keep_subtitles: {languages: *languages}
"""

PHASE = "schema_version: 13\nphases:\n  - name: a\n"
NEW_TRACK = f"{PHASE}    audio_synthesis:\n      tracks:\n        - {{name: n, codec: aac"
RULE = f"{PHASE}    rules:\n      items:\n        - name: r\n  "
THEN = f"{RULE}        when: is_original\n          then: "


def test_a_policy_loads() -> None:
    policy = parse_policy(GOOD, "good.yaml")
    assert policy.name == "good"
    assert policy.config.audio_languages == ("jpn", "no", "eng")
    assert [op.key for op in policy.phases[0].operations] == ["keep_audio", "track_order"]
    assert policy.phases[1].depends_on == ("first",)
    assert policy.warnings == ()


def test_no_is_norwegian() -> None:
    policy = parse_policy(f"{PHASE}    keep_subtitles: {{languages: [no], remove_all: False}}", "p")
    (operation,) = policy.phases[0].operations
    assert operation.model_dump(exclude_none=True) == {
        "languages": ("no",),
        "loose_regions": False,
        "preserve_forced": False,
        "remove_all": False,
    }


def test_loads_reads_yaml_1_1_as_1_2() -> None:
    text = f"%YAML 1.1\n---\n{PHASE}    keep_subtitles: {{languages: [no]}}"
    assert parse_policy(text, "p").phases[0].operations[0].model_dump()["languages"] == ("no",)


BAD = [
    ("", 1, 1, "the policy is empty"),
    ("# only a comment\n", 1, 1, "the policy is empty"),
    ("just text", 1, 1, "a policy must be a mapping"),
    ("- a\n- b", 1, 1, "a policy must be a mapping"),
    ("name: x\nphases: []", 1, 1, "`schema_version` is missing"),
    ("shema_version: 13", 1, 1, "unknown key `shema_version`; did you mean `schema_version`?"),
    ("schema_version: '13'", 1, 17, "`schema_version` must be a number, like 13"),
    ("schema_version: true", 1, 17, "`schema_version` must be a number"),
    ("schema_version: 14", 1, 17, "newer than this vpo, which reads up to 13"),
    ("schema_version: 10", 1, 17, "too old; this vpo reads 11 to 13"),
    ("schema_version: 13", 1, 1, "`phases` is missing"),
    ("schema_version: 13\nphases: []", 2, 9, "`phases` must not be empty"),
    ("schema_version: 13\nphases: x", 2, 9, "`phases` must be a list, not `x`"),
    ("schema_version: 13\nphases:\n", 2, 1, "`phases` must be a list, but is empty"),
    ("schema_version: 13\nphases:\n  - x", 3, 5, "`phases` (item 1) must be a mapping"),
    ("schema_version: 13\nphases:\n  - keep_audio: {languages: [eng]}", 3, 5, "`name` is missing"),
    ("schema_version: 13\nphase: []\nphases: [{name: a}]", 2, 1, "did you mean `phases`?"),
    ("schema_version: 13\nname: 5\nphases: [{name: a}]", 2, 7, "`name` must be text, not `5`"),
    (f"{PHASE}    keep_audo: {{}}", 4, 5, "unknown key `keep_audo`; did you mean `keep_audio`?"),
    (f"{PHASE}    keep_audio: {{}}", 4, 5, "needs `languages`, `drop` or `per_language`"),
    (f"{PHASE}    keep_audio:", 4, 5, "`keep_audio` must be a mapping, but is empty"),
    (f"{PHASE}    keep_audio: {{languages: eng}}", 4, 29, "`languages` must be a list, not `eng`"),
    (f"{PHASE}    keep_audio: {{languages: []}}", 4, 29, "`languages` must not be empty"),
    (f"{PHASE}    keep_audio: {{languages: [eng, 5]}}", 4, 35, "`languages` (item 2) must be text"),
    (f"{PHASE}    keep_audio: {{languages: [eng, true]}}", 4, 35, "must be text, not `true`"),
    (
        f"{PHASE}    keep_audio: {{languages: [en], minimum: -1}}",
        4,
        44,
        "`minimum` must be at least 0, not -1",
    ),
    (f"{PHASE}    keep_audio: {{languages: [en], minimum: x}}", 4, 44, "must be a whole number"),
    (
        f"{PHASE}    keep_audio: {{languages: [en], fallback: {{mode: keep_al}}}}",
        4,
        52,
        "`mode` cannot be `keep_al`; did you mean `keep_all`?",
    ),
    (
        f"{PHASE}    keep_audio:\n      languages: [eng]\n      minimun: 1",
        6,
        7,
        "unknown key `minimun`; did you mean `minimum`?",
    ),
    (
        f"{PHASE}    keep_subtitles: {{}}",
        4,
        5,
        "needs `languages`, `drop`, `per_language`, or `remove_all: true`",
    ),
    (f"{PHASE}    default_flags: {{clear_other_defaults: maybe}}", 4, 43, "must be true or false"),
    (f"{PHASE}    keep_subtitles: {{remove_all: yes}}", 4, 34, "true or false, not `yes`"),
    (f"{PHASE}    keep_subtitles: {{remove_all: 'true'}}", 4, 34, "true or false, not `true`"),
    (f"{PHASE}    keep_subtitles: {{remove_all: 1}}", 4, 34, "true or false, not `1`"),
    (f"{PHASE}    keep_subtitles: {{remove_all: 0.0}}", 4, 34, "true or false, not `0.0`"),
    (f"{PHASE}    keep_audio: {{languages: [en], minimum: true}}", 4, 44, "a whole number"),
    (f"{PHASE}    keep_audio: {{languages: [en], minimum: '2'}}", 4, 44, "a whole number"),
    (f"{PHASE}    transcription: {{confidence_threshold: '0.5'}}", 4, 43, "must be a number"),
    (
        f"{PHASE}    track_order: [video, audio_man]",
        4,
        26,
        "`track_order` (item 2) cannot be `audio_man`; did you mean `audio_main`?",
    ),
    (f"{PHASE}    track_order: video", 4, 18, "`track_order` must be a list, not `video`"),
    (f"{PHASE}    track_order: [video, video]", 4, 18, "`video` is in `track_order` twice"),
    (f"{PHASE}    container: {{target: mov}}", 4, 25, "`target` cannot be `mov`"),
    (f"{PHASE}    container: {{}}", 4, 5, "`target` is missing"),
    (
        f"{PHASE}    container: {{target: mkv, codec_mappings: {{dts: {{codec: hvec}}}}}}",
        4,
        60,
        "`hvec` cannot be encoded to; did you mean `hevc`?",
    ),
    (
        f"{PHASE}    container: {{target: mkv, codec_mappings: {{dts: {{action: convert}}}}}}",
        4,
        47,
        "`action: convert` needs a `codec`",
    ),
    (
        f"{PHASE}    container: {{target: mp4, codec_mappings: {{ass: {{codec: srt}}}}}}",
        4,
        5,
        "`codec_mappings` of ass: mp4 cannot hold subrip",
    ),
    (f"{PHASE}    rules: {{}}", 4, 5, "`items` is missing"),
    (f"{PHASE}    rules: {{items: []}}", 4, 20, "`items` must not be empty"),
    (
        f"{RULE}        when: is_original\n          then: []\n      match: one",
        9,
        14,
        "cannot be `one`",
    ),
    (f"{RULE}        then: []", 6, 11, "`when` is missing"),
    (f"{RULE}        when: is_original", 6, 11, "a rule needs `then` or `else`"),
    (f"{RULE}        when: is_original\n          esle: []", 8, 11, "did you mean `else`?"),
    (f"{THEN}[{{warn: a, fail: b}}]", 8, 18, "`warn` and `fail` cannot be in one mapping"),
    (f"{THEN}[skip_audio]", 8, 18, "`then` (item 1) must be a mapping, not `skip_audio`"),
    (f"{THEN}{{wran: a}}", 8, 18, "unknown key `wran`; did you mean `warn`?"),
    (f"{THEN}{{warn: 'a {{rule}}'}}", 8, 27, "`{rule}` is not a placeholder; known: {filename}, "),
    (f"{THEN}{{fail: ''}}", 8, 24, "`fail` must not be empty"),
    (f"{THEN}{{set_default: {{language: eng}}}}", 8, 18, "`track_type` is missing"),
    (f"{THEN}{{set_default: {{track_type: attachment}}}}", 8, 44, "cannot be `attachment`"),
    (f"{THEN}{{set_forced: {{track_type: audio, value: 3}}}}", 8, 57, "must be true or false"),
    (f"{THEN}{{set_language: {{track_type: audio}}}}", 8, 18, "takes one of `new_language` and"),
    (
        f"{THEN}{{set_language: {{track_type: audio, new_language: english}}}}",
        8,
        66,
        "`english` is not a language; did you mean `eng`?",
    ),
    (
        f"{THEN}{{set_container_metadata: {{field: encoder, value: x}}}}",
        8,
        18,
        "`encoder` is written by the tools and cannot be set",
    ),
    (
        f"{THEN}{{set_container_metadata: {{field: title}}}}",
        8,
        18,
        "takes one of `value` and `from_plugin_metadata`",
    ),
    (
        f"{THEN}{{set_language: {{track_type: audio, from_plugin_metadata: {{plugin: Radarr, "
        f"field: orignal_language}}}}}}",
        8,
        52,
        "Radarr gives no field `orignal_language`; did you mean `original_language`?",
    ),
    (f'{PHASE}    transcode: {{video: {{to: hevc, crf: "22"}}}}', 4, 40, "write 22 without quotes"),
    (
        f"{PHASE}    transcode: {{video: {{to: hevc, target_bitrate: 4000}}}}",
        4,
        51,
        "did you mean 4000k?",
    ),
    (f"{PHASE}    transcode: {{video: {{to: hevc, two_pass: 'yes'}}}}", 4, 45, "true or false"),
    (
        "schema_version: 12\naudio_filter: {languages: [eng]}\n",
        2,
        1,
        "put the keys under `phases`, in a phase with a `name`: `audio_filter`",
    ),
    (f"{PHASE}    transcode: {{}}", 4, 5, "`transcode` needs `video`, `audio` or both"),
    (
        f"{PHASE}    transcode: {{video: {{to: hevc, skip_if: {{}}}}}}",
        4,
        35,
        "no condition is set; known: language, codec, kind",
    ),
    (f"{NEW_TRACK}, channels: 9}}", 6, 43, "must be at most 8, not 9"),
    (f"{NEW_TRACK}, channels: 7.1}}".replace("aac", "eac3"), 6, 11, "eac3 has at most 6 channels"),
    (f"{NEW_TRACK}, channels: 2, bitrate: 900k}}", 6, 11, "aac takes at most 576k here"),
    (f"{NEW_TRACK}, channels: 2, position: first}}", 6, 56, "first"),
    (f"{NEW_TRACK}, channels: 2, skip_if_exists: {{}}}}", 6, 46, "no filter is set"),
    (f"{NEW_TRACK}, channels: 2, source: {{prefer: [{{}}]}}}}", 6, 64, "no criterion is set"),
    (f"{PHASE}    audio_synthesis:\n      tracks: []", 5, 15, "`tracks` must not be empty"),
    (f"{PHASE}    transcription: {{confidence_threshold: 2}}", 4, 43, "`confidence_threshold`"),
    (f"{PHASE}    depends_on: [b]", 4, 18, "there is no phase `b`"),
    (f"{PHASE}    depends_on: [a]", 4, 18, "phase `a` does not come before `a`"),
    (f"{PHASE}  - name: a", 4, 11, "a second phase has the name `a`"),
    (
        f"{PHASE}    run_if: {{phase_modified: bee}}\n  - name: been",
        4,
        30,
        "there is no phase `bee`; did you mean `been`?",
    ),
    (f"{PHASE}    run_if: {{}}", 4, 5, "`run_if` takes one of"),
    (f"{PHASE}    skip_when: {{mode: all}}", 4, 5, "`skip_when` needs at least one condition"),
    (f"{PHASE}    skip_when: {{file_size_over: big}}", 4, 33, "`big` is not a size like 500MB"),
    (f"{PHASE}    skip_when: {{duration_under: 1:30}}", 4, 33, "`1:30` is not a duration like 90s"),
    (f"{PHASE}    skip_when: {{resolution: 1080}}", 4, 29, "did you mean `1080p`?"),
    (f"{PHASE}    skip_when: {{container: mkw}}", 4, 28, "did you mean `mkv`?"),
    (
        f"{PHASE}    on_error: stop",
        4,
        15,
        "`on_error` cannot be `stop`; known: skip, continue, fail",
    ),
    (
        "schema_version: 13\nconfig: {commentary_patterns: ['ok', '(']}\nphases: [{name: a}]",
        2,
        38,
        "not a regular expression",
    ),
    # the text itself
    ("schema_version: 13\nname: a\nname: b", 3, 1, "duplicate key `name`; first on line 2"),
    ("a: [1, 2", 1, 9, "not YAML"),
    ("a: 1\n\tb: 2", 2, 1, "not YAML"),
    ("a: 1\n---\nb: 2", 2, 1, "not YAML"),
    ("a: *nowhere", 1, 4, "not YAML"),
    ("a: !python/object:os.system x", 1, 4, "is not supported"),
    ("a: !!binary aGk=", 1, 4, "is not supported"),
    ("a: &x {b: 1}\nc:\n  <<: *x", 3, 3, "merge keys"),
    ("1: a", 1, 1, "a key must be text"),
    ("? [a]\n: b", 1, 3, "a key must be text"),
    ("a: &x [*x]", 1, 4, "nested too deeply"),
    ("a: " + "[" * 2000, 1, 1, "nested too deeply"),
    ("a: \x00", 1, 4, "a control character, which YAML does not allow"),
    ("a: " + "x" * 1_000_001, 1, 1, "more than 1000 kB"),
]


BAD_FILTERS = [
    ("keep_audio: {drop: {width: 1920}}", 32, "`width` does not apply to audio, only to video"),
    ("keep_audio: {drop: [{not: {width: 1}}]}", 39, "`width` does not apply to audio"),
    ("keep_subtitles: {drop: [{kind: main}]}", 36, "`main` is no kind of subtitle; known: full"),
    ("default_flags: {prefer_audio: {kind: full}}", 42, "`full` is no kind of audio"),
    ("default_flags: {prefer_subtitle: [{channels: 2}]}", 50, "`channels` does not apply to subt"),
    ("transcode: {video: {to: hevc, skip_if: {channels: 2}}}", 55, "`channels` does not apply"),
    ("keep_video: {drop: {not_commentary: x}}", 41, "`not_commentary` must be true or false"),
    ("keep_video: {drop: {is_forced: yes}}", 36, "`is_forced` must be true or false, not `yes`"),
    ("keep_video: {drop: {is_default: true, default: true}}", 52, "`is_default` and `default` are"),
    ("keep_video: {drop: {channels: 2}}", 35, "no video matches that; use `keep_audio`"),
    ("keep_video: {drop: [{codec: h264}, {kind: [extra, sdh]}]}", 47, "use `keep_subtitles`"),
    ("keep_video: {drop: {commentary: true}}", 37, "use `keep_audio` or `keep_subtitles`"),
    ('titles: {subtitle: "{title} {kind}"}', 24, "would make titles longer at every run"),
    ('titles: {audio: "{language:d}"}', 21, "`{language}` takes no format"),
    ("subtitles: {convrt: {ass: srt}}", 17, "unknown key `convrt`; did you mean `convert`?"),
    ("subtitles: {convert: {as: srt}}", 31, "can be converted; did you mean `ass`?"),
    ("subtitles: {convert: {ass: str}}", 32, "can be made; did you mean `srt`?"),
    ("subtitles: {convert: {ass: srt, ssa: vtt}}", 42, "`ssa` is there twice"),
    ("subtitles: {convert: {ass: srt, srt: vtt}}", 32, "`srt` is itself converted"),
    ("subtitles: {convert: ass}", 26, "`convert` must be a mapping, not `ass`"),
    ("subtitles: {extract: [{langage: eng}]}", 28, "did you mean `language`?"),
    ("subtitles: {extract: {width: 5}}", 34, "`width` does not apply to subtitle"),
    ("subtitles: {add: sidecars}", 22, "`add` cannot be `sidecars`; did you mean `sidecar`?"),
    ("subtitles: {remove_hearing_impaired: no}", 42, "can only be `true`, not `no`"),
    ("captions: kep", 15, "`captions` cannot be `kep`; did you mean `keep`?"),
    ("default_flags: {prefer_subtitle: {kind: sdh}}", 5, "needs `set_preferred_subtitle"),
    ("titles: {}", 5, "no template is set"),
    ("titles: {only: empty}", 5, "no template is set"),
    ('titles: {subtitle: "{layout}"}', 24, "`{layout}` is not a placeholder"),
    ("rename: film", 13, "`film` has no placeholder"),
    ('rename: {template: "{title}", replace: [video_codec]}', 5, "keep one of them"),
    ("flags: {from_titles: yes}", 26, "can only be `true`, not `yes`"),
    ("keep_audio: {languages: [orignal]}", 30, "did you mean `original`?"),
    ("keep_audio: {per_language: {max: 0}}", 38, "`max` must be at least 1, not 0"),
    ("transcode: {video: {to: hevc, crf: {720: 20}}}", 41, "write the resolution as `720p`"),
    ("transcode: {video: {to: hevc, crf: {720p: 99}}}", 47, "is at most 51, not 99"),
    ('titles: {container: "{title}"}', 25, "`{title}` is not a placeholder; known: filename"),
]


@pytest.mark.parametrize(("operation", "column", "words"), BAD_FILTERS)
def test_policy_error_of_a_filter_or_template_names_its_place(
    operation: str, column: int, words: str
) -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(f"{PHASE}    {operation}\n", "p.yaml")
    assert words in str(error.value)
    assert str(error.value).startswith(f"p.yaml:4:{column}: ")


@pytest.mark.parametrize(("text", "line", "column", "words"), BAD)
def test_policy_error_and_position(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "p.yaml")
    position = error.value.position
    assert position is not None
    assert words in str(error.value)
    assert (position.line, position.column) == (line, column)
    assert str(error.value).startswith(f"p.yaml:{line}:{column}: ")


def test_loads_lists_all_problems_in_order() -> None:
    text = (
        f"{PHASE}    keep_audo: {{}}\n    skip_when: {{duration_over: x}}\n  - name: b\n    z: 1\n"
    )
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "p")
    lines = str(error.value).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["p:4:5:", "p:5:32:", "p:7:5:"]


def test_long_list_of_problems_is_shortened() -> None:
    text = PHASE + "".join(f"    key{n}: 1\n" for n in range(30))
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "p")
    lines = str(error.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "... and 20 more"


def test_loads_refuses_multiplying_aliases() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 9):
        bomb += f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"
    with pytest.raises(PolicyError, match="more than 20000 values"):
        parse_policy(bomb, "p")


def test_truncated_policy_loads_or_raises_policy_error() -> None:
    for end in range(len(GOOD)):
        try:
            parse_policy(GOOD[:end], "p")
        except PolicyError as error:
            assert error.position


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfes\x00c\x00", ":1:1: not UTF-8 text"),
        (b"name: a\nx: caf\xe9\n", ":2:7: not UTF-8 text"),
        (b"\x1a\x45\xdf\xa3\x00\x00", ":1:1: a control character, which YAML does not allow"),
        (b"a" * 1_000_001, ":1:1: more than 1000 kB: too large for a policy"),
        (b"", ":1:1: the policy is empty"),
    ],
)
def test_load_policy_refuses_other_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(PolicyError) as error:
        load_policy(path)
    assert str(error.value) == f"{path}{words}"


def test_load_accepts_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_policy(path) == parse_policy(GOOD, "p")


def test_load_policy_reports_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="No such file"):
        load_policy(tmp_path / "none.yaml")
    with pytest.raises(PolicyError, match="is a folder; name the policy file in it"):
        load_policy(tmp_path)


OLD = """\
schema_version: 12
config:
  audio_language_preference: [jpn, 5]
phases:
  - name: a
    audio_filter:
      languages: [eng]
      minimun: 1
    conditional:
      - name: x
    skip_when:
      video_codecs: hevc
"""


def test_errors_in_an_old_policy_point_into_its_text() -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(OLD, "old")
    assert str(error.value).splitlines() == [
        "old:3:36: `audio_language_preference` (item 2) must be text, not `5`",
        "old:8:7: unknown key `minimun`; did you mean `minimum`?",
        "old:10:9: `when` is missing",
        "old:12:7: unknown key `video_codecs`; did you mean `video_codec`?",
    ]


def test_version_12_loads_without_warning() -> None:
    policy = parse_policy(f"{PHASE}    audio_filter: {{languages: [eng]}}".replace("13", "12"), "p")
    assert [op.key for op in policy.phases[0].operations] == ["keep_audio"]
    assert (policy.schema_version, policy.warnings) == (13, ())


def test_version_13_with_keys_of_12_is_accepted_with_one_warning() -> None:
    text = (
        f"{PHASE}    audio_filter: {{languages: [eng]}}\n    attachment_filter: {{}}\n"
        "  - name: b\n    audio_filter: {languages: [jpn]}\n"
    )
    assert parse_policy(text, "p").warnings == (
        "p: is version 13 but has keys of older versions: `audio_filter`, `attachment_filter`",
    )


def test_old_key_next_to_its_new_name_is_an_error() -> None:
    text = f"{PHASE}    keep_audio: {{languages: [eng]}}\n    audio_filter: {{languages: [jpn]}}"
    with pytest.raises(PolicyError, match="p:5:5: `audio_filter` is the old name of `keep_audio`"):
        parse_policy(text, "p")


def test_migrate_text_keeps_comments_and_order() -> None:
    text = """\
# my policy
schema_version: 12
phases:
- name: a   # the only one
  audio_filter:
    languages: [eng, no]   # both
  default_flags: {}
"""
    assert (
        migrate_text(text, "p")
        == """\
# my policy
schema_version: 13
phases:
- name: a   # the only one
  keep_audio:
    languages: [eng, no]   # both
  default_flags: {}
"""
    )


INDENTED = """\
schema_version: 12
phases:
  # the only one
  - name: a
    audio_filter:
      languages:
        - eng
"""
NOT_INDENTED = """\
schema_version: 12
phases:
- name: a
  audio_filter:
    languages:
    - eng
"""


@pytest.mark.parametrize("text", [INDENTED, NOT_INDENTED])
def test_migrate_text_keeps_list_indentation(text: str) -> None:
    assert migrate_text(text, "p") == text.replace("12", "13").replace("audio_filter", "keep_audio")


def test_migrate_text_keeps_current_version_unchanged() -> None:
    text = "schema_version:   13\nphases: [ {name: a} ]  # odd blanks\n"
    assert migrate_text(text, "p") == text


def test_migrate_text_does_not_validate() -> None:
    text = "schema_version: 12\nphases:\n- name: a\n  transcode: {video: {target_codec: hevc}}\n"
    assert "transcode: {video: {to: hevc, hw: none}}" in migrate_text(text, "p")


def test_migrated_does_not_fold_long_lines() -> None:
    words = " ".join(["word"] * 60)
    assert f"description: {words}\n" in migrate_text(
        f"schema_version: 12\ndescription: {words}\n", "p"
    )


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text("old")
    path.chmod(0o640)
    return path


def test_replace_policy_file_keeps_the_old_file(old: Path) -> None:
    kept = Path(replace_policy_file(str(old), "new é"))
    assert old.read_text("utf-8") == "new é"
    assert (kept.name, kept.read_text()) == ("p.yaml.v12", "old")
    assert {path.name for path in old.parent.iterdir()} == {"p.yaml", "p.yaml.v12"}
    assert old.stat().st_mode == kept.stat().st_mode == 0o100640


def test_replace_policy_file_keeps_symlinks(old: Path) -> None:
    link = old.parent / "link.yaml"
    link.symlink_to(old.name)
    replace_policy_file(str(link), "new")
    assert link.is_symlink()
    assert old.read_text() == "new"


@pytest.mark.parametrize("name", ["p.yaml.v12", "p.yaml.new"])
def test_replace_policy_file_overwrites_nothing(old: Path, name: str) -> None:
    there = old.parent / name
    there.write_text("mine")
    with pytest.raises(PolicyError, match=f"{name} already exists"):
        replace_policy_file(str(old), "new")
    assert (old.read_text(), there.read_text()) == ("old", "mine")
    assert {path.name for path in old.parent.iterdir()} == {"p.yaml", name}
