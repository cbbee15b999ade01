"""Text of subtitles without sounds and speakers."""

from __future__ import annotations

import pytest

from vpo.media.hearing_impaired import plain_text

CASES = [
    ("[door slams]", ""),
    ("(SIGHS)", ""),
    ("<i>[music playing]</i>", ""),
    (r"{\i1}[door slams]{\i0}", ""),
    ("[door\nslams]", ""),
    ("♪ [upbeat music] ♪", ""),
    ("JOHN: Hi", "Hi"),
    ("JOHN:\nHi there", "Hi there"),
    ("- JOHN: Hi\n- MARY: Ho", "- Hi\n- Ho"),
    ("- [gasps]\n- Who is it?", "Who is it?"),
    ("<i>JOHN: Hi</i>", "<i>Hi</i>"),
    (r"{\an8}MAN 2: Stop!\NNow!", r"{\an8}Stop!\NNow!"),
    ("DR. O'BRIEN-SMITH: Well.", "Well."),
    ("[laughs] Very funny [coughs], John.", "Very funny, John."),
    ("ИВАН: Привет", "Привет"),
    ("\uff08ドアの音\uff09\nはい", "はい"),
    # What stays as it is:
    ("Hi, John.", "Hi, John."),
    ("Note: this is it", "Note: this is it"),
    ("It's 3:30", "It's 3:30"),
    ("AT 10:30 SHARP", "AT 10:30 SHARP"),
    ("I: me", "I: me"),
    ("♪ La la la ♪", "♪ La la la ♪"),
    ("...", "..."),
    ("-", "-"),
    ("An [unclosed bracket", "An [unclosed bracket"),
    ("- One\n- Two", "- One\n- Two"),
    ("a  b", "a  b"),
    ("", ""),
    ("他说\uff1a好", "他说\uff1a好"),
]


@pytest.mark.parametrize(("text", "plain"), CASES, ids=[case[0] for case in CASES])
def test_text_becomes_plain(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize("text", [case[0] for case in CASES])
def test_plain_text_stays(text: str) -> None:
    assert plain_text(plain_text(text)) == plain_text(text)


def test_long_hostile_text_takes_no_time() -> None:
    for text in ("[" * 50_000, "(" * 50_000, "<i>" * 20_000, "- " * 30_000, "A" * 50_000 + ":"):
        assert plain_text(text) is not None
