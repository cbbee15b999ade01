"""Languages are compared as languages."""

from __future__ import annotations

import langcodes
import pytest

from vpo.media import languages
from vpo.media.languages import (
    alpha3,
    checked,
    english_name,
    is_language,
    language_fits,
    primary,
    rank,
    same,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("eng", "en"),
        ("ENG", "en-GB"),
        ("ger", "deu"),
        ("deu", "de-AT"),
        ("fre", "fra"),
        ("pt-BR", "por"),
        ("pt_BR", "pt"),
        ("chi", "zho"),
        ("cmn", "zh-Hant"),
        ("nob", "no"),
        ("nno", "nor"),
        ("", None),
        (None, "und"),
        ("  ", "UND"),
        ("klingon", "Klingon"),
    ],
)
def test_same_is_true_for_all_tags_of_a_language(one: str | None, other: str | None) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("eng", "fra"),
        ("eng", None),
        ("klingon", None),
        ("klingon", "und"),
        ("e!", "en"),
        ("x-one", "x-two"),
        ("qaa", "qab"),
        ("cmn", "yue"),
        ("no", "false"),
    ],
)
def test_same_is_false_for_other_languages(one: str | None, other: str | None) -> None:
    assert not same(one, other)


def test_primary_returns_shortest_tag() -> None:
    assert [primary(tag) for tag in ("ger", "pt-BR", "", "E!", "zxx")] == [
        "de",
        "pt",
        "und",
        "e!",
        "zxx",
    ]


def test_rank_is_position_of_language() -> None:
    assert rank("ger", ("en", "de", "deu")) == (1, 0)
    assert rank(None, ("en", "und")) == (1, 0)
    assert rank("fr", ("en", "any")) == (1, 0)
    assert rank("fr", ("en", "und")) is None
    assert rank("fr", ()) is None


def test_alpha3_returns_three_letter_code() -> None:
    assert [alpha3(tag) for tag in ("pt-BR", "de", "ger", None, "", "klingon")] == [
        "por",
        "deu",
        "ger",
        "und",
        "und",
        "und",
    ]


def test_common_languages_agree_with_langcodes(monkeypatch: pytest.MonkeyPatch) -> None:
    common = {tag for pair in languages._COMMON.items() for tag in pair}
    told = {tag: primary(tag) for tag in common}
    monkeypatch.setattr(languages, "_COMMON", {})
    monkeypatch.setattr(languages, "_SHORT", frozenset())
    assert told == {tag: primary.__wrapped__(tag) for tag in common}
    assert all(map(langcodes.tag_is_valid, common | {"und"}))
    assert is_language("sv")
    assert not is_language("q?")


@pytest.mark.parametrize(
    ("wanted", "best_first"),
    [
        ("pt-BR", ["pt-BR", "por", "pt-PT"]),
        ("pt-PT", ["pt_PT", "pt", "pt-BR"]),
        ("zh-Hant", ["zh-TW", "chi", "zh-CN"]),
        ("zh-TW", ["zh-TW", "zh-Hant", "zh-Hans"]),
        ("es-419", ["es-MX", "spa", "es-ES"]),
    ],
)
def test_rank_prefers_the_most_exact_variant(wanted: str, best_first: list[str]) -> None:
    found = [rank(tag, (wanted, "eng")) for tag in best_first]
    assert found == [(0, 0), (0, 1), (0, 2)]
    assert [language_fits(tag, wanted) for tag in best_first] == [True, True, False]
    assert all(rank(tag, ("eng", wanted.split("-")[0])) == (1, 0) for tag in best_first)


def test_rank_takes_a_variant_for_the_one_in_the_list() -> None:
    assert rank("pt-PT", ("pt-BR", "pt-PT")) == (1, 0)
    assert rank("pt", ("pt-BR", "pt")) == (1, 0)


@pytest.mark.parametrize(
    ("tag", "title", "wanted"),
    [
        ("por", "Brazilian Portuguese", "pt-BR"),
        ("spa", "Español (Latin American)", "es-419"),
        ("spa", "Castilian", "es-ES"),
        ("chi", "繁體", "zh-Hant"),
        ("fre", "VFQ", "fr-CA"),
    ],
)
def test_rank_reads_the_region_from_the_title(tag: str, title: str, wanted: str) -> None:
    assert rank(tag, (wanted,)) == (0, 1)
    assert rank(tag, (wanted,), title) == (0, 0)


def test_rank_believes_a_stated_region_before_the_title() -> None:
    assert rank("pt-PT", ("pt-BR",), "Brazilian") == (0, 2)


@pytest.mark.parametrize(
    ("written", "code"),
    [("english", "eng"), ("jp", "jpn"), ("all", "any"), ("*", "any"), ("German", "ger")],
)
def test_what_is_no_language_is_an_error_with_the_code(written: str, code: str) -> None:
    with pytest.raises(ValueError, match=f"not a language; did you mean `{code}`"):
        checked(written)


@pytest.mark.parametrize("written", ["", " ", "q?", "xx-yy-zz-1"])
def test_what_is_no_language_at_all_is_an_error(written: str) -> None:
    with pytest.raises(ValueError, match="language"):
        checked(written)


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("sr-Latn", "Serbian (Latin)"),
        ("sr-Latn-RS", "Serbian (Latin, Serbia)"),
        ("zh-TW", "Chinese (Taiwan)"),
        ("pt-BR", "Portuguese (Brazil)"),
        ("zxx", "No linguistic content"),
        ("mul", "Multiple languages"),
        ("mis", "Other language"),
        ("und", ""),
        ("tlh", "tlh"),
    ],
)
def test_titles_have_plain_names_of_languages(tag: str, name: str) -> None:
    assert english_name(tag) == name
