"""What subtitle files say, in whatever character set, and text tracks as files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.errors import ProbeError
from vpo.probe.cues import Cue, alike, decoded, plain_cues, read_sidecar, sidecar_text

SRT = """\
1
00:00:10,000 --> 00:00:12,000
[door slams]

2
00:00:01,500 --> 00:00:02,000
{bom}JOHN: <i>Grüße</i>, é
"""
ASS = """\
[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.50,0:00:02.00,Default,,0,0,0,,{\\i1}[sighs] One,{\\i0}\\Ntwo
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,(gasps)
"""
VTT = "WEBVTT\n\nname\n00:01.500 --> 00:02.000 align:start\nMARY: One\n"


@pytest.mark.parametrize(
    ("encoding", "language", "charset"),
    [
        ("utf-8", None, "utf-8"),
        ("utf-8-sig", None, "utf-8"),
        ("utf-16", None, "utf-16"),
        ("cp1252", "de", "cp1252"),
        ("cp1252", None, "cp1252"),
        ("cp1250", "pol", "cp1250"),
    ],
)
def test_text_is_read_in_its_character_set(
    tmp_path: Path, encoding: str, language: str | None, charset: str
) -> None:
    path = tmp_path / "Film.srt"
    path.write_bytes(SRT.replace("{bom}", "").encode(encoding))
    content = read_sidecar(str(path), "subrip", language)
    assert content.charset == charset
    assert content.cues == [
        Cue(1500, "JOHNGrüßeé", "Grüßeé"),
        Cue(10000, "doorslams", ""),
    ]
    assert content.size == path.stat().st_size


def test_language_says_the_character_set() -> None:
    for text, language, charset in (("Привет", "rus", "cp1251"), ("日本", "ja", "cp932")):
        assert decoded(text.encode(charset), language) == (charset, text)


def test_bytes_that_fit_no_usual_set_are_read_all_the_same() -> None:
    assert decoded(b"\x81\xff", "ja")[0] == "latin-1"


@pytest.mark.parametrize(("codec", "text"), [("ass", ASS), ("webvtt", VTT)])
def test_formats_of_text_are_read_and_made_plain(tmp_path: Path, codec: str, text: str) -> None:
    path = tmp_path / "Film"
    path.write_text(text)
    cues = read_sidecar(str(path), codec, None).cues
    plain = tmp_path / "Plain"
    plain.write_text(sidecar_text(str(path), codec, None, True))
    assert read_sidecar(str(plain), codec, None).cues == plain_cues(cues)
    assert sidecar_text(str(path), codec, None, False) == text
    assert "sighs" not in plain.read_text()
    assert "MARY" not in plain.read_text()
    assert "Style: Default,Arial" in plain.read_text() or codec == "webvtt"


def test_links_and_other_files_are_not_read(tmp_path: Path) -> None:
    link, folder, other = tmp_path / "a.srt", tmp_path / "b.srt", tmp_path / "c.sup"
    link.symlink_to("/etc/passwd")
    folder.mkdir()
    other.write_text("no pictures")
    with pytest.raises(ProbeError, match="link"):
        read_sidecar(str(link), "subrip", None)
    with pytest.raises(ProbeError, match="not a regular file"):
        read_sidecar(str(folder), "subrip", None)
    with pytest.raises(ProbeError, match="cannot be read"):
        read_sidecar(str(other), "hdmv_pgs_subtitle", None)
    os.mkfifo(tmp_path / "d.srt")
    with pytest.raises(ProbeError, match="not a regular file"):
        read_sidecar(str(tmp_path / "d.srt"), "subrip", None)


def test_empty_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "Film.srt"
    path.touch()
    assert read_sidecar(str(path), "subrip", None).cues == []


def test_cues_are_alike_within_what_conversions_round() -> None:
    one = [Cue(1000, "a", "a"), Cue(2000, "b", "")]
    assert alike(one, [Cue(1040, "a", ""), Cue(1960, "b", "b")])
    assert not alike(one, [Cue(1000, "a", "a"), Cue(2200, "b", "")])
    assert not alike(one, one[:1])
    assert not alike(one, [Cue(1000, "a", "a"), Cue(2000, "c", "")])
