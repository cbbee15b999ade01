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
from vpo.policy.condition_context import ConditionContext
from vpo.policy.loader import parse_policy
from vpo.policy.operation import PolicyConfig
from vpo.policy.rules.evaluation import condition_results, holds
from vpo.policy.rules.expression import parse_expression
from vpo.policy.rules.printer import format_condition
from vpo.policy.rules.tokens import ExpressionError
from vpo.policy.rules.when import When

often = settings(max_examples=60, deadline=None, derandomize=True)


def when(form: Any) -> When:
    return When.model_validate(form)


@often
@given(generated.CONDITIONS)
def test_format_condition_round_trips(form: Any) -> None:
    found = when(form)
    printed = format_condition(found)
    assert when(printed) == found
    assert format_condition(when(printed)) == printed


@often
@given(generated.CONDITIONS, st.data())
def test_parse_expression_ignores_spacing(form: Any, data: st.DataObject) -> None:
    printed = format_condition(when(form))
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
    (
        "exists(audio, default, not forced)",
        {"exists": {"track_type": "audio", "is_default": True, "is_forced": False}},
    ),
    (
        "exists(audio, default == false)",
        {"exists": {"track_type": "audio", "is_default": False}},
    ),
    (
        "exists(audio, commentary)",
        {"exists": {"track_type": "audio", "not_commentary": False}},
    ),
    (
        "exists(audio, is_commentary == false)",
        {"exists": {"track_type": "audio", "not_commentary": True}},
    ),
    (
        "exists(audio, not commentary)",
        {"exists": {"track_type": "audio", "not_commentary": True}},
    ),
    ("is_original(confidence == 0.8)", {"is_original": {"min_confidence": 0.8}}),
    ("is_original(confidence >= 0.8)", {"is_original": {"min_confidence": 0.8}}),
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
    ("exist(audio)", 1, "`exist` is not a function; did you mean `exists`?"),
    ("exists", 7, "expected `(`, not the end"),
    ("exists(", 8, "expected a type, not the end"),
    ("exists()", 8, "`)` is not a track type; known: video, audio, subtitle, attachment"),
    ("exists(audi)", 8, "`audi` is not a track type; did you mean `audio`?"),
    ("exists(audio", 13, "expected `)`, not the end"),
    ("exists(audio,)", 14, "expected a filter, not `)`"),
    ("exists(audio lang == eng)", 14, "expected `)`, not `lang`"),
    ("exists(audio, langage == eng)", 15, "unknown name `langage`; did you mean `language`?"),
    ("exists(audio, lang)", 19, "expected a comparison, as in `lang == ...`, not `)`"),
    ("exists(audio, lang = eng)", 20, "unexpected `=`; did you mean `==`?"),
    ("exists(audio, lang == )", 23, "expected a value, not `)`"),
    ("exists(audio, lang == 5)", 23, "`language` is compared with text"),
    ("exists(audio, lang in eng)", 23, "expected `[`, not `eng`"),
    ("exists(audio, lang in [eng, 3])", 29, "`language` is compared with text"),
    ("exists(audio, lang in [])", 24, "expected a value, not `]`"),
    ("exists(audio, lang in [eng)", 27, "expected `]`, not `)`"),
    ("exists(audio, lang >= eng)", 20, "`>=` does not apply to `language`"),
    (
        "exists(audio, lang == eng, lang == jpn)",
        28,
        "`lang` is compared twice with the same operator",
    ),
    ("exists(audio, is_default, is_default)", 27, "`is_default` is set twice"),
    ("exists(audio, is_default == yes)", 29, "`is_default` is true or false"),
    ("exists(audio, not lang)", 19, "unknown name `lang`; known: lossless"),
    ("exists(audio, channels > two)", 26, "expected a whole number"),
    ("exists(audio, channels > 1080p)", 26, "expected a whole number"),
    ("exists(audio, channels == 5.1)", 27, "expected a whole number"),
    ("exists(video, height > 500x)", 24, "`500x` is neither a number, nor a size like 500MB"),
    ("exists(video, height > tall)", 24, "`tall` is not a resolution"),
    ("exists(video, channels > 2)", 15, "`channels` does not apply to video, only to audio"),
    ("exists(audio, width > 2)", 15, "`width` does not apply to audio, only to video"),
    ("exists(attachment, lang == eng)", 20, "`language` does not apply to attachment"),
    ("exists(audio, title == regex('('))", 30, "not a regular expression"),
    ('exists(audio, title == "")', 24, "an empty text is in every title"),
    ("exists(audio, title == regex(x))", 30, "expected a regular expression in quotes"),
    ("exists(audio, codec == regex('x'))", 29, "expected `)`, not `(`"),
    ('exists(audio, "x" in codec)', 22, "expected `title`, not `codec`"),
    ("exists(audio, title == 'x)", 24, "the text that begins with ' is not closed"),
    ("count(audio)", 13, "expected a comparison, as in `count(audio) > 1`, not the end"),
    ("count(audio) > x", 16, "expected a whole number"),
    ("count(audio) = 1", 14, "unexpected `=`; did you mean `==`?"),
    ("exists(audio) and", 18, "expected a function, not the end"),
    ("exists(audio) && exists(video)", 15, "unexpected `&`; did you mean `and`?"),
    ("!exists(audio)", 1, "unexpected `!`; did you mean `not`?"),
    ("exists(audio) exists(video)", 15, "expected `and`, `or` or the end, not `exists`"),
    ("exists(audio) AND exists(video)", 15, "expected `and`, `or` or the end, not `AND`"),
    ("(exists(audio)", 15, "expected `)`, not the end"),
    ("exists(audio))", 14, "expected `and`, `or` or the end, not `)`"),
    ("and exists(audio)", 1, "expected a function, not `and`"),
    ("true", 5, "expected `in`, not the end"),
    ("plugin()", 8, "expected the name of a field, not `)`"),
    ("plugin(a, b, c) == 1", 12, "expected `)`, not `,`"),
    ("plugin(a) == ", 13, "expected a value, not the end"),
    ("plugin(a) not 5", 15, "expected `in`, not `5`"),
    ("container_meta(a, b)", 17, "expected `)`, not `,`"),
    ("5 in exists(audio)", 6, "expected `plugin` or `container_meta`, not `exists`"),
    ("plugin(a) < [1, 2]", 13, "expected a value, not `[`"),
    ("is_original(lang == eng, lang == jpn)", 26, "`lang` is compared twice"),
    ("is_original(certainty == 1)", 13, "unknown name `certainty`"),
    ("is_original(min_confidence == 3)", 31, "must be at most 1, not 3"),
    ("is_original(min_confidence > 0)", 28, "expected `==`"),
    ("is_original == 5", 16, "`is_original` is true or false"),
    ("multi_language(threshold == x)", 29, "must be a number, not `x`"),
    ("multi_language() == true", 18, "expected `and`, `or` or the end, not `==`"),
    ("not", 4, "expected a function, not the end"),
    ("(" * 40 + "is_original", 31, "nested too deeply"),
    ("exists(audio) # no comment", 15, "unexpected `#`"),
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
def test_expression_error_and_position(text: str, column: int, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(f"{POLICY}|\n            {text}\n", "p")
    assert str(error.value).startswith(f"p:9:{column + 12}: ")
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_expression(text: str) -> None:
    with pytest.raises(PolicyError, match=r"p:8:1[78]: expected a function, not the end"):
        parse_policy(f"{POLICY}'{text}'", "p")


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
def test_error_position_in_every_style_of_scalar(text: str, line: int, column: int) -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(f"{POLICY}{text}", "p")
    assert str(error.value).startswith(f"p:{line}:{column}: expected `and`, `or` or the end")


MAPPINGS = [
    ("{}", 11, "no condition is set; known: exists, count, and"),
    (
        "{exists: {track_type: audio}, is_original: true}",
        11,
        "`exists` and `is_original` cannot be in one mapping",
    ),
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
    ("{exists: {track_type: audio, height: 5}}", 54, "`height` does not apply to audio"),
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
def test_mapping_error_and_position(text: str, column: int, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(f"{POLICY}{text}", "p")
    assert str(error.value).startswith(f"p:8:{column}: ")
    assert words in str(error.value)


@often
@given(st.text(alphabet="existaudo(),=! <>[]\"'\\ nl4k5.-_\n#", max_size=30) | st.text(max_size=10))
def test_parse_expression_parses_any_text_or_reports_a_position(text: str) -> None:
    try:
        parsed = parse_expression(text)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
        assert error.problem
    else:
        assert isinstance(parsed.data, dict)


@often
@given(generated.CONDITIONS, st.integers(0, 400))
def test_truncated_expression_parses_or_reports_a_position(form: Any, end: int) -> None:
    text = format_condition(when(form))[:end]
    try:
        when(text)
    except ValidationError as error:
        (detail,) = error.errors()
        assert 0 <= detail["ctx"]["offset"] <= len(text)


@often
@given(generated.CONDITIONS, generated.media())
def test_condition_results_agree_with_holds(form: Any, media: MediaFile) -> None:
    found, context = when(form), ConditionContext(media, generated.KNOWN, PolicyConfig())
    first, *parts = condition_results(found, context)
    assert first.true == holds(found, context) == holds(when(format_condition(found)), context)
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
