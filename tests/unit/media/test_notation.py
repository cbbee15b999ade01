"""The notation of media: what is written is read back, and what is wrong is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from tests.generated import media as made_up

from vpo.media import notation
from vpo.media.model import MediaFile

LINES = (
    "v:hevc(Main 10)/3840x2160/yuv420p10le/24000:1001fps/hdr10/dolby_vision(8.1)/8M",
    "v:ffv1/128x96/format(pal8)/interlaced(tt)/bars_around(128:72:0:12)",
    'a:dts(DTS-HD MA)/6ch/5.1(side)/eng/4607999bps "say \\"A\\\\B\\"" [default original]',
    "a:pcm_s16le/4ch/FL+FR+LFE+BC/pt-BR/640k",
    's:subrip ""',
    "d:bin_data",
    "f:font.ttf",
    "c:",
)


def test_lines_are_read_and_written_back() -> None:
    found = notation.media(LINES)
    assert tuple(notation.lines(found)) == LINES
    video, other, sound, mono = found.tracks[:4]
    assert (video.dynamic_range, video.dolby_vision, video.bit_rate) == ("HDR10", True, 8_000_000)
    assert (other.pixel_format, other.field_order, other.picture) == ("pal8", "tt", "128:72:0:12")
    assert (sound.layout, sound.title, sound.bit_rate) == ("5.1(side)", 'say "A\\B"', 4_607_999)
    assert (mono.channels, mono.layout, mono.language) == (4, "FL+FR+LFE+BC", "pt-BR")
    assert [item.mime_type for item in found.attachments] == ["application/x-truetype-font", None]


def test_layout_that_has_no_name_is_left_out() -> None:
    found = replace(notation.track("a:mp3/2ch"), layout="2 channels", language="")
    assert notation.line(found) == "a:mp3/2ch"


@settings(max_examples=15, deadline=None, derandomize=True)
@given(media=made_up())
def test_written_lines_are_read_back(media: MediaFile) -> None:
    written = notation.lines(media)
    found = notation.media(written, media.container)
    assert notation.lines(found) == written
    for one, other in zip(media.tracks, found.tracks, strict=True):
        assert (one.codec, one.language, one.title, one.dispositions) == (
            other.codec,
            other.language,
            other.title,
            other.dispositions,
        )
        assert replace(one, bit_rate=None, color=None).dynamic_range is None
        assert one.dynamic_range == other.dynamic_range


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x:aac", "`x:aac` is not a track"),
        ("a:aac/6chh", "`6chh` in `a:aac/6chh` is no fact"),
        ("a:aac eng", "is not a track"),
        ('a:aac "Title', "is not a track"),
    ],
)
def test_line_that_is_wrong_is_an_error(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        notation.media([line])
