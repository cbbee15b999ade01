"""Languages are compared as languages."""

from __future__ import annotations

import langcodes
import pytest

from vpo.media import languages
from vpo.media.languages import alpha3, is_language, primary, rank, same


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
    assert rank("ger", ("en", "de", "deu")) == 1
    assert rank(None, ("en", "und")) == 1
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
