"""Subtitle files beside a film: written, taken in, never overwritten, and undone with the film."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo
from tests.reading import read

CUES = ("Hello there", "Second line")
OUT = "subtitles: {extract: {language: any}}, keep_subtitles: {remove_all: true}"
KEPT = "subtitles: {extract: {language: any}}"
IN = "subtitles: {add: sidecar}"


def srt(*cues: str) -> str:
    """One cue a second, from half a second on."""
    return "\n".join(
        f"{n + 1}\n00:00:0{n},500 --> 00:00:0{n},900\n{cue}\n" for n, cue in enumerate(cues)
    )


@pytest.fixture
def film(library: Library) -> Path:
    return library("Film.mkv=multi-audio.mkv") / "Film.mkv"


def with_subtitles(film: Path, *tracks: tuple[Sequence[str], str]) -> None:
    """Give a film subtitle tracks: options of mkvmerge, and the text."""
    folder = film.parent.parent
    words: list[str | Path] = []
    for number, (options, text) in enumerate(tracks):
        path = folder / f"{number}.srt"
        path.write_text(text, encoding="utf-8")
        words += [*options, path]
    made = folder / "made.mkv"
    argv = ["mkvmerge", "-q", "-o", made, "--no-subtitles", film, *words]
    subprocess.run(argv, check=True)
    made.replace(film)


def process(vpo: Vpo, film: Path, phase: str, *options: str) -> dict[str, Any]:
    text = f"schema_version: 13\nphases:\n  - {{name: one, {phase}}}\n"
    done = vpo("process", "--format", "json", "-p", vpo.policy(text), *options, film)
    found: dict[str, Any] = done.json["files"][0]
    return found


def beside(film: Path) -> list[str]:
    return sorted(path.name for path in film.parent.iterdir() if path.name != film.name)


def languages(film: Path) -> list[str]:
    return [f"{t.codec} {t.language} {t.title or ''}".strip() for t in read(film).of("subtitle")]


def extracted(film: Path, number: int) -> str:
    """The text of a subtitle track, as ffmpeg reads it."""
    argv = ["ffmpeg", "-v", "error", "-i", str(film), "-map", f"0:s:{number}", "-f", "srt", "-"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_subtitles_go_out_and_come_back(vpo: Vpo, film: Path) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    forced = ("--language", "0:ger", "--forced-display-flag", "0:1", "--default-track-flag", "0:0")
    other = ("--language", "0:eng", "--track-name", "0:../../A/B", "--default-track-flag", "0:0")
    with_subtitles(film, (other, srt(*CUES)), (forced, srt("Halt")), (other, srt("Third")))
    original, texts = film.read_bytes(), [extracted(film, n) for n in range(3)]
    done = process(vpo, film, OUT)
    assert (done["status"], done["strategy"]) == ("changed", "remux"), done
    names = ["Film.2.en.srt", "Film.de.forced.srt", "Film.en.srt"]
    assert beside(film) == [".vpo-originals", *names]
    assert languages(film) == []
    assert (film.parent / "Film.en.srt").read_text() == texts[0]
    assert process(vpo, film, IN)["status"] == "changed"
    assert languages(film) == ["subrip eng", "subrip ger", "subrip eng"]
    assert [extracted(film, n) for n in range(3)] == [texts[2], texts[1], texts[0]]
    assert process(vpo, film, KEPT)["status"] == "unchanged"
    (film.parent / "Film.de.forced.srt").write_text("changed")
    for _ in range(2):
        assert vpo("undo", film).rc == 0
    assert film.read_bytes() == original
    assert beside(film) == ["Film.de.forced.srt"]  # somebody has changed it since


def test_film_stays_where_subtitles_are_only_extracted(vpo: Vpo, film: Path) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    with_subtitles(film, (("--language", "0:eng", "--default-track-flag", "0:0"), srt(*CUES)))
    os.link(film, film.parent.parent / "link.mkv")
    before, status = film.read_bytes(), film.stat()
    done = process(vpo, film, KEPT)
    assert (done["status"], done["strategy"]) == ("changed", "extract"), done
    assert (film.read_bytes(), film.stat().st_mtime_ns) == (before, status.st_mtime_ns)
    written = film.parent / "Film.en.srt"
    assert written.stat().st_mode & 0o777 == status.st_mode & 0o666
    # What a run leaves that is killed before it replaces the film: the next one goes on.
    film.parent.joinpath("../link.mkv").unlink()
    assert process(vpo, film, OUT)["changes"][0]["kind"] == "remove"
    assert beside(film) == [".vpo-originals", "Film.en.srt"]
    for _ in range(2):
        assert vpo("undo", film).rc == 0
    assert (film.read_bytes(), beside(film)) == (before, [])


def test_nothing_is_overwritten(vpo: Vpo, film: Path) -> None:
    options = ("--language", "0:eng", "--default-track-flag", "0:0")
    with_subtitles(film, (options, srt(*CUES)))
    mine, link = film.parent / "Film.en.srt", film.parent / "Film.2.en.srt"
    mine.write_text(srt("Mine"))
    link.symlink_to("/nowhere/at all")
    done = process(vpo, film, OUT)
    assert done["status"] == "changed", done
    assert mine.read_text() == srt("Mine")
    assert link.is_symlink()
    assert beside(film) == ["Film.2.en.srt", "Film.3.en.srt", "Film.en.srt"]
    found = process(vpo, film, IN)
    assert "Film.2.en.srt is not added: it is a link" in found["warnings"]
    assert len(languages(film)) == 2


def test_forty_tracks_become_forty_files(vpo: Vpo, film: Path) -> None:
    options = ("--language", "0:eng", "--default-track-flag", "0:0")
    with_subtitles(film, *((options, srt(f"Number {n}")) for n in range(40)))
    assert process(vpo, film, KEPT)["status"] == "changed"
    assert len(beside(film)) == 40
    assert "Number 39" in (film.parent / "Film.40.en.srt").read_text()


def test_new_sidecar_of_a_compliant_film_is_found(vpo: Vpo, film: Path) -> None:
    assert process(vpo, film, IN)["status"] == "unchanged"
    russian = film.parent / "Film.ru.srt"
    russian.write_bytes(srt("Привет").encode("cp1251"))
    done = process(vpo, film, IN)
    assert done["status"] == "changed", done
    assert "Film.ru.srt is not UTF-8: it is read as cp1251" in done["warnings"]
    assert "Привет" in extracted(film, len(languages(film)) - 1)
    assert process(vpo, film, IN)["status"] == "unchanged"


def test_hearing_impaired_text_becomes_plain_and_stays_so(vpo: Vpo, film: Path) -> None:
    options = ("--language", "0:eng", "--track-name", "0:English (SDH)")
    with_subtitles(film, (options, srt("[door slams]", "JOHN: Hi <i>(sighs)</i>", "♪ La ♪")))
    phase = "subtitles: {remove_hearing_impaired: true}"
    done = process(vpo, film, phase)
    assert done["status"] == "changed", done
    assert languages(film) == ["subrip eng English"]
    text = extracted(film, 0)
    assert "Hi\n" in text
    assert "La" in text
    assert "JOHN" not in text
    assert "door" not in text
    assert "00:00:01,500" in text
    assert process(vpo, film, phase)["status"] == "unchanged"


def test_library_check_counts_sidecars(vpo: Vpo, film: Path) -> None:
    policy = vpo.policy(f"schema_version: 13\nphases:\n  - {{name: one, {IN}}}\n")
    assert process(vpo, film, IN)["status"] == "unchanged"
    assert vpo("library", "check", "-p", policy).rc == 0
    (film.parent / "Film.de.srt").write_text(srt(*CUES), encoding="utf-8")
    found = vpo("library", "check", "--format", "json", "-p", policy)
    assert found.rc == 1
    (file,) = found.json["files"]
    assert (file["strategy"], [change["kind"] for change in file["changes"]]) == ("remux", ["add"])
    assert process(vpo, film, IN)["status"] == "changed"
    assert vpo("library", "check", "-p", policy).rc == 0
