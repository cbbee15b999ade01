"""What of a payload is compared where a tool changes the rest by design."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vpo.probe.content import read_content

SUBTITLES = """\
1
00:00:01,000 --> 00:00:02,000
Where <i>are</i> you?
- "Here" & there, 3 < 4

2
00:00:03,000 --> 00:00:04,000
{\\an8}Über allen Gipfeln

3
00:00:05,000 --> 00:00:06,000
♪♪

"""


def digest_of_words(path: Path) -> tuple[int, str]:
    stream = read_content(str(path), {0: "words"}, lambda _: None).streams[0]
    return stream.packets, stream.digest.hexdigest()


def convert(source: Path, name: str, codec: str) -> Path:
    target = source.with_name(name)
    words = [
        "ffmpeg",
        "-nostdin",
        "-v",
        "error",
        "-y",
        "-i",
        str(source),
        "-c:s",
        codec,
        str(target),
    ]
    subprocess.run(words, check=True)
    return target


@pytest.fixture
def original(tmp_path: Path) -> Path:
    text = tmp_path / "a.srt"
    text.write_text(SUBTITLES, "utf-8")
    return convert(text, "a.mkv", "srt")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("b.mp4", "mov_text"), ("b.mkv", "ass"), ("b.webm", "webvtt"), ("c.mkv", "srt")],
)
def test_converted_subtitles_have_the_same_words(original: Path, name: str, codec: str) -> None:
    converted = convert(original, name, codec)
    assert digest_of_words(converted) == digest_of_words(original)
    assert digest_of_words(original)[0] == 3


def test_styled_subtitles_have_the_same_words_without_their_style(original: Path) -> None:
    text = convert(original, "b.ass", "ass")
    text.write_text(text.read_text("utf-8").replace("Where ", r"{\k20}Wh{\k9}ere \h"), "utf-8")
    styled = convert(text, "b.mkv", "ass")
    assert digest_of_words(convert(styled, "c.mp4", "mov_text")) == digest_of_words(styled)


def test_another_word_is_another_digest(original: Path) -> None:
    other = original.with_name("b.srt")
    other.write_text(SUBTITLES.replace("Gipfeln", "Wipfeln"), "utf-8")
    assert digest_of_words(convert(other, "b.mkv", "srt")) != digest_of_words(original)
