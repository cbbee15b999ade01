"""Conditions: both forms are one, what is printed reads back, what is not understood says where."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests import generated

from vpo.errors import PolicyError
from vpo.media.model import MediaFile
from vpo.policy.loader import loads
from vpo.policy.operation import PolicyConfig
from vpo.policy.rules.evaluation import Scene, findings, holds
from vpo.policy.rules.expression import parse
from vpo.policy.rules.printer import expression
from vpo.policy.rules.tokens import ExpressionError
from vpo.policy.rules.when import When

often = settings(max_examples=120, deadline=None, derandomize=True)


def when(form: Any) -> When:
    return When.model_validate(form)


@often
@given(generated.CONDITIONS)
def test_condition_prints_as_expression_that_parses_back(form: Any) -> None:
    found = when(form)
    printed = expression(found)
    assert when(printed) == found
    assert expression(when(printed)) == printed


@often
@given(generated.CONDITIONS, st.data())
def test_expression_ignores_spacing(form: Any, data: st.DataObject) -> None:
    printed = expression(when(form))
    spaced = "".join(
        f"{data.draw(st.sampled_from(('', ' ', '  ')))}{char} " if char in "()[]," else char
        for char in printed
    )
    if '"' not in printed:
        assert when(f"  {spaced} ") == when(printed) == when(f"({printed})")


SAME = [
    ("exists(audio)", {"exists": {"track_type": "audio"}}),
    ("exists(audio, lang == eng)", {"exists": {"track_type": "audio", "language": "eng"}}),
    (
        "exists(audio, language in [eng, 'jpn'])",
        {"exists": {"track_type": "audio", "language": ["eng", "jpn"]}},
    ),
    ("exists(audio, lang != no)", {"exists": {"track_type": "audio", "language": {"neq": "no"}}}),
    (
        "exists(subtitle, lang not in [eng, und])",
        {"exists": {"track_type": "subtitle", "language": {"neq": ["eng", "und"]}}},
    ),
    ("exists(audio, codec == dts-hd)", {"exists": {"track_type": "audio", "codec": "dts-hd"}}),
    (
        "exists(audio, channels >= 2, channels < 6)",
        {"exists": {"track_type": "audio", "channels": {"gte": 2, "lt": 6}}},
    ),
    ("exists(audio, channels == 6)", {"exists": {"track_type": "audio", "channels": 6}}),
    (
        "exists(video, height >= 4k)",
        {"exists": {"track_type": "video", "height": {"gte": "2160p"}}},
    ),
    ("exists(video, width < 1280)", {"exists": {"track_type": "video", "width": {"lt": 1280}}}),
    (
        'exists(audio, "commentary" in title)',
        {"exists": {"track_type": "audio", "title": "commentary"}},
    ),
    (
        "exists(audio, title == commentary)",
        {"exists": {"track_type": "audio", "title": {"contains": "commentary"}}},
    ),
    (
        r'exists(audio, title == regex("^\d+$"))',
        {"exists": {"track_type": "audio", "title": {"regex": r"^\d+$"}}},
    ),
    (
        "exists(subtitle, is_default, not is_forced, not_commentary)",
        {
            "exists": {
                "track_type": "subtitle",
                "is_default": True,
                "is_forced": False,
                "not_commentary": True,
            }
        },
    ),
    (
        "exists(audio, is_default == false)",
        {"exists": {"track_type": "audio", "is_default": False}},
    ),
    ("count(subtitle) == 0", {"count": {"track_type": "subtitle", "eq": 0}}),
    (
        "count(audio, lang == eng) >= 2",
        {"count": {"track_type": "audio", "language": "eng", "gte": 2}},
    ),
    ("count(audio) != 1", {"count": {"track_type": "audio", "neq": 1}}),
    ("count(audio) in [1, 2]", {"count": {"track_type": "audio", "eq": [1, 2]}}),
    (
        "count(audio) >= 1 and count(audio) < 4",
        {"count": {"track_type": "audio", "gte": 1, "lt": 4}},
    ),
    (
        "exists(audio, lang == eng) and not count(subtitle) == 0",
        {
            "and": [
                {"exists": {"track_type": "audio", "language": "eng"}},
                {"not": {"count": {"track_type": "subtitle", "eq": 0}}},
            ]
        },
    ),
    # not before and, and before or
    (
        "not is_dubbed and is_original or is_original",
        {
            "or": [
                {"and": [{"not": {"is_dubbed": True}}, {"is_original": True}]},
                {"is_original": True},
            ]
        },
    ),
    (
        "is_original or is_dubbed and not is_original",
        {
            "or": [
                {"is_original": True},
                {"and": [{"is_dubbed": True}, {"not": {"is_original": True}}]},
            ]
        },
    ),
    (
        "not (is_original or is_dubbed)",
        {"not": {"or": [{"is_original": True}, {"is_dubbed": True}]}},
    ),
    ("not not is_original()", {"not": {"not": "is_original"}}),
    ("is_original == false", {"is_original": False}),
    (
        "is_dubbed(min_confidence == 0.8, lang == eng)",
        {"is_dubbed": {"value": True, "min_confidence": 0.8, "language": "eng"}},
    ),
    ("multi_language()", {"audio_is_multi_language": {}}),
    (
        "multi_language(threshold == 0.1, track_index == 1, primary_language == eng)",
        {
            "audio_is_multi_language": {
                "threshold": 0.1,
                "track_index": 1,
                "primary_language": "eng",
            }
        },
    ),
    (
        "plugin(radarr, original_language) == jpn",
        {
            "plugin_metadata": {
                "plugin": "radarr",
                "field": "original_language",
                "operator": "eq",
                "value": "jpn",
            }
        },
    ),
    (
        "plugin(year) >= 2000",
        {"plugin_metadata": {"field": "year", "operator": "gte", "value": 2000}},
    ),
    (
        '"anime" in plugin(sonarr, genres)',
        {
            "plugin_metadata": {
                "plugin": "sonarr",
                "field": "genres",
                "operator": "contains",
                "value": "anime",
            }
        },
    ),
    ("plugin(imdb_id)", {"plugin_metadata": {"field": "imdb_id", "operator": "exists"}}),
    (
        "not plugin(imdb_id)",
        {"plugin_metadata": {"field": "imdb_id", "operator": "exists", "value": False}},
    ),
    (
        "plugin(size) > 500MB",
        {"plugin_metadata": {"field": "size", "operator": "gt", "value": 500_000_000}},
    ),
    (
        "plugin(rating) < 5.5",
        {"plugin_metadata": {"field": "rating", "operator": "lt", "value": 5.5}},
    ),
    (
        'container_meta(title) == "One"',
        {"container_metadata": {"field": "title", "value": "One"}},
    ),
    (
        "container_meta(genre) not in [Drama, Anime]",
        {"container_metadata": {"field": "genre", "operator": "neq", "value": ["Drama", "Anime"]}},
    ),
]


@pytest.mark.parametrize(("text", "mapping"), SAME, ids=[text for text, _ in SAME])
def test_expression_and_mapping_are_equal(text: str, mapping: dict[str, Any]) -> None:
    assert when(text) == when(mapping)


@pytest.mark.parametrize("key", ["and", "or"])
def test_single_condition_needs_no_and(key: str) -> None:
    assert when({key: ["is_original"]}) == when("is_original")


# Each with the column (from 1) at which the error is.
WRONG = [
    ("exist(audio)", 1, "`exist` is no function; did you mean `exists`?"),
    ("exists", 7, "`(` is needed here, not the end"),
    ("exists(", 8, "a type is needed here, not the end"),
    ("exists()", 8, "`)` is no type of track; known: video, audio, subtitle, attachment"),
    ("exists(audi)", 8, "`audi` is no type of track; did you mean `audio`?"),
    ("exists(audio", 13, "`)` is needed here, not the end"),
    ("exists(audio,)", 14, "a filter is needed here, not `)`"),
    ("exists(audio lang == eng)", 14, "`)` is needed here, not `lang`"),
    ("exists(audio, langage == eng)", 15, "`langage` is not known here; did you mean `language`?"),
    ("exists(audio, lang)", 19, "a comparison, as in `lang == ...` is needed here, not `)`"),
    ("exists(audio, lang = eng)", 20, "`=` has no meaning here; did you mean `==`?"),
    ("exists(audio, lang == )", 23, "a value is needed here, not `)`"),
    ("exists(audio, lang == 5)", 23, "`language` is compared with text"),
    ("exists(audio, lang in eng)", 23, "`[` is needed here, not `eng`"),
    ("exists(audio, lang in [eng, 3])", 29, "`language` is compared with text"),
    ("exists(audio, lang in [])", 24, "a value is needed here, not `]`"),
    ("exists(audio, lang in [eng)", 27, "`]` is needed here, not `)`"),
    ("exists(audio, lang >= eng)", 20, "`>=` says nothing of `language`"),
    ("exists(audio, lang == eng, lang == jpn)", 28, "`lang` is compared twice in the same way"),
    ("exists(audio, is_default, is_default)", 27, "`is_default` is there twice"),
    ("exists(audio, is_default == yes)", 29, "`is_default` is true or false"),
    ("exists(audio, not lang)", 19, "`lang` is not known here; known: is_default"),
    ("exists(audio, channels > two)", 26, "a whole number is needed here"),
    ("exists(audio, channels > 1080p)", 26, "a whole number is needed here"),
    ("exists(audio, channels == 5.1)", 27, "a whole number is needed here"),
    ("exists(video, height > 500x)", 24, "`500x` is no number, no size like 500MB"),
    ("exists(video, height > tall)", 24, "`tall` is not a resolution"),
    ("exists(video, channels > 2)", 15, "`channels` says nothing of video; only of audio"),
    ("exists(audio, width > 2)", 15, "`width` says nothing of audio; only of video"),
    ("exists(attachment, lang == eng)", 20, "`language` says nothing of attachment"),
    ("exists(audio, title == regex('('))", 30, "not a regular expression"),
    ('exists(audio, title == "")', 24, "an empty text is in every title"),
    ("exists(audio, title == regex(x))", 30, "a regular expression in quotes is needed here"),
    ("exists(audio, codec == regex('x'))", 29, "`)` is needed here, not `(`"),
    ('exists(audio, "x" in codec)', 22, "`title` is needed here, not `codec`"),
    ("exists(audio, title == 'x)", 24, "the text that begins with ' has no end"),
    ("count(audio)", 13, "a comparison, as in `count(audio) > 1` is needed here, not the end"),
    ("count(audio) > x", 16, "a whole number is needed here"),
    ("count(audio) = 1", 14, "`=` has no meaning here; did you mean `==`?"),
    ("exists(audio) and", 18, "a function is needed here, not the end"),
    ("exists(audio) && exists(video)", 15, "`&` has no meaning here; did you mean `and`?"),
    ("!exists(audio)", 1, "`!` has no meaning here; did you mean `not`?"),
    ("exists(audio) exists(video)", 15, "`and`, `or` or the end is needed here, not `exists`"),
    ("exists(audio) AND exists(video)", 15, "`and`, `or` or the end is needed here, not `AND`"),
    ("(exists(audio)", 15, "`)` is needed here, not the end"),
    ("exists(audio))", 14, "`and`, `or` or the end is needed here, not `)`"),
    ("and exists(audio)", 1, "a function is needed here, not `and`"),
    ("true", 5, "`in` is needed here, not the end"),
    ("plugin()", 8, "the name of a field is needed here, not `)`"),
    ("plugin(a, b, c) == 1", 12, "`)` is needed here, not `,`"),
    ("plugin(a) == ", 13, "a value is needed here, not the end"),
    ("plugin(a) not 5", 15, "`in` is needed here, not `5`"),
    ("container_meta(a, b)", 17, "`)` is needed here, not `,`"),
    ("5 in exists(audio)", 6, "`plugin` or `container_meta` is needed here, not `exists`"),
    ("plugin(a) < [1, 2]", 13, "a value is needed here, not `[`"),
    ("is_original(lang == eng, lang == jpn)", 26, "`lang` is compared twice"),
    ("is_original(confidence == 1)", 13, "`confidence` is not known here"),
    ("is_original(min_confidence == 3)", 31, "less than or equal to 1"),
    ("is_original(min_confidence > 0)", 28, "`==` is needed here"),
    ("is_original == 5", 16, "`is_original` is true or false"),
    ("multi_language(threshold == x)", 29, "must be a number, not `x`"),
    ("multi_language() == true", 18, "`and`, `or` or the end is needed here, not `==`"),
    ("not", 4, "a function is needed here, not the end"),
    ("(" * 40 + "is_original", 31, "nested too deeply"),
    ("exists(audio) # no comment", 15, "`#` has no meaning here"),
]


POLICY = """\
schema_version: 13
phases:
  - name: a
    rules:
      items:
        - name: b
          then: []
          when: """


@pytest.mark.parametrize(("text", "column", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_bad_expression_is_reported_with_its_position(text: str, column: int, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        loads(f"{POLICY}|\n            {text}\n", "p")
    assert str(error.value).startswith(f"p:9:{column + 12}: ")
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_expression_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match=r"p:8:1[78]: a function is needed here, not the end"):
        loads(f"{POLICY}'{text}'", "p")


# How YAML writes a text, and where the wrong part of it then stands.
SCALARS = [
    ("exists(audio) nor", 8, 31),
    ("'exists(audio) nor'", 8, 32),
    ('"exists(audio) nor"', 8, 32),
    ("'exists(audio, lang == ''eng'') nor'", 8, 49),
    (r'"exists(audio, lang == \"eng\") nor"', 8, 49),
    (r'"exists(audio, lang == \x22eng\u0022) nor"', 8, 55),
    (r'"exists(audio)\tnor"', 8, 33),
    ("exists(audio)\n            nor", 9, 13),
    ("'exists(audio)\n\n            nor'", 10, 13),
    (">\n            exists(audio)\n            nor", 10, 13),
    (">-  # a comment\n\n              exists(audio)\n\n              nor", 12, 15),
    ("|\n            exists(audio)\n              nor\n", 10, 15),
    ("&anchor exists(audio) nor", 8, 39),
    ("!!str 'exists(audio) nor'", 8, 38),
    ("{and: [is_original, exists(audio) nor]}", 8, 51),
    ("{not: 'exists(audio) nor'}", 8, 38),
]


@pytest.mark.parametrize(("text", "line", "column"), SCALARS, ids=[row[0] for row in SCALARS])
def test_position_is_right_in_every_yaml_scalar_style(text: str, line: int, column: int) -> None:
    with pytest.raises(PolicyError) as error:
        loads(f"{POLICY}{text}", "p")
    assert str(error.value).startswith(f"p:{line}:{column}: `and`, `or` or the end is needed")


MAPPINGS = [
    ("{}", 11, "0 conditions where there must be one; known: exists, count, and"),
    ("{exists: {track_type: audio}, is_original: true}", 11, "2 conditions where there must be"),
    ("{exist: {track_type: audio}}", 18, "unknown key `exist`; did you mean `exists`?"),
    ("{exists: {}}", 18, "`track_type` is missing"),
    ("{exists: {track_type: audo}}", 39, "`track_type` cannot be `audo`; did you mean `audio`?"),
    (
        "{exists: {track_type: audio, lang: eng}}",
        46,
        "unknown key `lang`; did you mean `language`?",
    ),
    ("{exists: {track_type: audio, language: 5}}", 56, "must be text, not `5`"),
    ("{exists: {track_type: audio, language: {lt: x}}}", 57, "unknown key `lt`; known: eq, neq"),
    ("{exists: {track_type: audio, channels: x}}", 56, "`x` is not a whole number"),
    ("{exists: {track_type: audio, channels: {gt: x}}}", 61, "`x` is not a whole number"),
    ("{exists: {track_type: audio, height: 5}}", 54, "`height` says nothing of audio"),
    ("{exists: {track_type: video, height: 5x}}", 54, "`5x` is not a resolution"),
    ("{exists: {track_type: video, title: {regex: '('}}}", 61, "not a regular expression"),
    ("{count: {track_type: video}}", 18, "`count` needs a number to compare with"),
    ("{and: []}", 23, "`and` must not be empty"),
    ("{or: [{exists: {}}]}", 24, "`track_type` is missing"),
    ("{not: 5}", 23, "`not` must be a mapping, not `5`"),
    ("{plugin_metadata: {field: a}}", 18, "`operator: eq` needs a `value`"),
    ("{plugin_metadata: {field: a, operator: is}}", 56, "`operator` cannot be `is`"),
    ("{plugin_metadata: {field: a, operator: lt, value: [1, 2]}}", 18, "takes one `value`"),
    ("{container_metadata: {field: a, plugin: b, value: 1}}", 49, "unknown key `plugin`"),
    ("{is_original: {value: maybe}}", 39, "must be true or false"),
    ("{is_dubbed: {min_confidence: 2}}", 46, "`min_confidence`"),
    ("{audio_is_multi_language: {threshold: -1}}", 55, "`threshold`"),
]


@pytest.mark.parametrize(("text", "column", "words"), MAPPINGS, ids=[row[0] for row in MAPPINGS])
def test_bad_mapping_is_reported_with_its_position(text: str, column: int, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        loads(f"{POLICY}{text}", "p")
    assert str(error.value).startswith(f"p:8:{column}: ")
    assert words in str(error.value)


@often
@given(st.text(alphabet="existaudo(),=! <>[]\"'\\ nl4k5.-_\n#", max_size=30) | st.text(max_size=10))
def test_parse_accepts_text_or_reports_offset_inside_it(text: str) -> None:
    try:
        parsed = parse(text)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
        assert error.problem
    else:
        assert isinstance(parsed.data, dict)


@often
@given(generated.CONDITIONS, st.integers(0, 400))
def test_prefix_of_expression_parses_or_reports_offset_inside_it(form: Any, end: int) -> None:
    text = expression(when(form))[:end]
    try:
        when(text)
    except ValidationError as error:
        (detail,) = error.errors()
        assert 0 <= detail["ctx"]["offset"] <= len(text)


@often
@given(generated.CONDITIONS, generated.media())
def test_findings_agree_with_holds(form: Any, media: MediaFile) -> None:
    found, scene = when(form), Scene(media, generated.KNOWN, PolicyConfig())
    first, *parts = findings(found, scene)
    assert first.true == holds(found, scene) == holds(when(expression(found)), scene)
    key = found.stated[0]
    inner = [part.true for part in parts if part.depth == 1]
    expected = {"and": all(inner), "or": any(inner), "not": inner == [False]}.get(key, first.true)
    assert first.true == expected
    assert all(part.text for part in parts)


@often
@given(generated.CONDITIONS)
def test_condition_survives_pickle_and_json(form: Any) -> None:
    found = when(form)
    assert found.stated
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    dumped = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert when(json.loads(json.dumps(dumped))) == found
