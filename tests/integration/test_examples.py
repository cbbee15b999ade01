"""The policies in ``examples/`` do what their pages say, once, and so do those of ``vpo init``."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.integration.facts import litter
from tests.reading import Reading, read

from vpo.config.templates import GOALS, Goal, policies

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
FOLDER = EXAMPLES[0].parent
Source = Callable[[Path], Path]
VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1")
SURROUND = "aevalsrc=" + "|".join(["0.1*sin(2000*t)"] * 6) + ":c=5.1:d=1"


def make(target: Path, *arguments: str) -> Path:
    """Make a video of one second with ffmpeg."""
    target.parent.mkdir(exist_ok=True)
    command = ["ffmpeg", "-nostdin", "-v", "error", *VIDEO, *arguments, str(target)]
    subprocess.run(command, check=True)
    return target


def tone(pitch: int) -> tuple[str, ...]:
    return "-f", "lavfi", "-i", f"sine=f={pitch}:d=1"


def french(folder: Path) -> Path:
    """A French original whose English dub comes first and is the default."""
    (folder / "words.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n")
    maps = [option for number in range(5) for option in ("-map", str(number))]
    words = ("-i", str(folder / "words.srt")) * 2
    about = ("0:und", "1:eng", "2:fre", "3:eng", "4:fre")
    tags = [option for one in about for option in (f"-metadata:s:{one[0]}", f"language={one[2:]}")]
    flags = ("-disposition:1", "default", "-disposition:2", "original")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "ac3", "-c:s", "srt")
    sound = (*tone(300), *tone(500))
    return make(folder / "films/french.mkv", *sound, *words, *maps, *codecs, *tags, *flags)


def foreign(folder: Path) -> Path:
    """A Japanese film without a dub, whose English subtitles are on."""
    (folder / "words.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n")
    tags = ("-metadata:s:a:0", "language=jpn", "-metadata:s:s:0", "language=eng")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt")
    source = (*tone(300), "-i", str(folder / "words.srt"), "-map", "0", "-map", "1", "-map", "2")
    options = (*codecs, *tags, "-disposition:s:0", "default")
    return make(folder / "films/foreign.mkv", *source, *options)


def avi(folder: Path, sound: str = "mp3") -> Path:
    source = ("-f", "lavfi", "-i", SURROUND) if sound == "ac3" else tone(300)
    codec = {"mp3": "libmp3lame"}.get(sound, sound)
    return make(folder / f"films/{sound}.avi", *source, "-c:v", "mjpeg", "-c:a", codec)


def webm(folder: Path) -> Path:
    codecs = ("-c:v", "libvpx", "-b:v", "2M", "-deadline", "realtime", "-c:a", "libopus")
    return make(folder / "films/clip.webm", *tone(300), *codecs)


def hlg(folder: Path) -> Path:
    """HEVC in HLG, as a telephone films."""
    color = ("-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc")
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=1")
    return make(folder / "films/hlg.mkv", "-pix_fmt", "yuv420p10le", *codec, *color)


def flv(folder: Path) -> Path:
    """A film whose sound ffmpeg reads first: FLV has no order of tracks."""
    sound = ("-c:a", "libmp3lame", "-ar", "44100")
    return make(folder / "films/flash.flv", *tone(300), "-c:v", "flv", *sound)


def run(vpo: Vpo, policy: Path | str, *films: Path) -> dict[str, dict[str, object]]:
    """Process films with an example or another policy; return the outcomes by name."""
    path = FOLDER / f"{policy}.yaml" if isinstance(policy, str) else policy
    done = vpo("process", "--format", "json", "-p", path, films[0].parent)
    found = {Path(entry["path"]).name: entry for entry in done.json["files"]}
    assert set(found) == {film.name for film in films}
    return found


def sound(reading: Reading) -> list[tuple[str | None, bool]]:
    return [(track.language, track.default) for track in reading.of("audio")]


def codecs(path: Path) -> list[str]:
    return [track.codec for track in read(path).tracks]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_policy_is_stable_on_sample_media(vpo: Vpo, library: Library, path: Path) -> None:
    root = library("multi-audio.mkv", "no-language.mp4", "wrong-flags.mkv")
    done = vpo("process", "--format", "json", "-p", path, root)
    assert done.json["summary"]["total"] == 3
    for outcome in done.json["files"]:
        assert outcome["status"] in ("changed", "unchanged", "failed")
        if outcome["status"] == "failed":
            # A policy may refuse a file, but not fail at its work.
            assert outcome["error"]["type"] == "PlanError", outcome
    again = vpo("process", "--format", "json", "--force", "-p", path, root)
    assert "changed" not in {outcome["status"] for outcome in again.json["files"]}, again
    assert litter(root) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_policy_does_not_fail_on_avi_webm_and_flv(
    vpo: Vpo, tmp_path: Path, path: Path
) -> None:
    found = run(vpo, path, avi(tmp_path), webm(tmp_path), flv(tmp_path))
    # The page of this one says so: MP4 cannot hold Motion JPEG as players want it, nor VP8.
    refused = {"mp4-for-tv": "PlanError"}.get(path.stem)
    for outcome in found.values():
        error = outcome["error"]
        assert error is None or (isinstance(error, dict) and error["type"] == refused), outcome


@pytest.mark.parametrize("goal", GOALS)
def test_policy_of_init_does_not_fail_on_avi_and_webm(vpo: Vpo, tmp_path: Path, goal: Goal) -> None:
    films: Sequence[Path] = avi(tmp_path), webm(tmp_path)
    for name, text in policies(["eng"], goal).items():
        path = tmp_path / name
        path.write_text(text)
        for outcome in run(vpo, path, *films).values():
            error = outcome["error"]
            refused = "PlanError" if goal == "mp4" else None
            assert error is None or (isinstance(error, dict) and error["type"] == refused), outcome
        films = list(films[0].parent.iterdir())


@pytest.mark.parametrize("policy", ["keep-original-and-english", "original-first"])
def test_original_audio_stays_and_comes_first(vpo: Vpo, tmp_path: Path, policy: str) -> None:
    film = french(tmp_path)
    assert run(vpo, policy, film)[film.name]["status"] == "changed"
    reading = read(film)
    assert sound(reading) == [("fre", True), ("eng", False)]
    on = [track.language for track in reading.of("subtitle") if track.default]
    assert on == ["eng"]
    kept = len(reading.of("subtitle"))
    assert kept == (1 if policy == "keep-original-and-english" else 2)


@pytest.mark.parametrize(
    "policy", ["tidy-flags", "tidy", "keep-original-and-english", "original-first", "anime"]
)
def test_subtitles_of_a_foreign_film_stay_on(vpo: Vpo, tmp_path: Path, policy: str) -> None:
    film = foreign(tmp_path)
    path = FOLDER / f"{policy}.yaml"
    if policy == "tidy":
        path = tmp_path / "tidy.yaml"
        path.write_text(policies(["eng"], "space")["tidy.yaml"])
    assert run(vpo, path, film)[film.name]["status"] == "changed"
    assert [(t.language, t.default) for t in read(film).of("subtitle")] == [("eng", True)]


def test_anime_prefers_full_subtitles_to_signs_and_removes_other_languages(
    vpo: Vpo, tmp_path: Path
) -> None:
    (tmp_path / "words.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n")
    maps = [option for number in range(6) for option in ("-map", str(number))]
    languages = ("eng", "jpn", "eng", "eng", "ger")
    about = [f"-metadata:s:{number}" for number in range(1, 6)]
    tags = [word for pair in zip(about, languages, strict=True) for word in pair]
    tags = [word if word.startswith("-") else f"language={word}" for word in tags]
    titles = ("-metadata:s:3", "title=Signs & Songs", "-metadata:s:4", "title=Full Subtitles")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt")
    source = (*tone(300), *tone(500), *(("-i", str(tmp_path / "words.srt")) * 3), *maps)
    film = make(
        tmp_path / "films/anime.mkv", *source, *codecs, *tags, *titles,
        "-disposition:1", "default", "-disposition:3", "default",
    )  # fmt: skip
    assert run(vpo, "anime", film)[film.name]["status"] == "changed"
    reading = read(film)
    assert sound(reading) == [("jpn", True), ("eng", False)]
    shown = [(track.title, track.default) for track in reading.of("subtitle")]
    assert sorted(shown) == [("Full Subtitles", True), ("Signs & Songs", False)]


def test_tidy_flags_turns_subtitles_of_an_understood_film_off(vpo: Vpo, library: Library) -> None:
    film = library("attachments.mkv") / "attachments.mkv"
    assert [track.default for track in read(film).of("subtitle")] == [True]
    run(vpo, "tidy-flags", film)
    understood = read(film).of("audio")[0].language == "eng"
    assert [track.default for track in read(film).of("subtitle")] == [not understood]


def test_check_library_changes_nothing(vpo: Vpo, tmp_path: Path) -> None:
    films = french(tmp_path), avi(tmp_path), webm(tmp_path)
    before = [hashlib.sha256(film.read_bytes()).hexdigest() for film in films]
    found = run(vpo, "check-library", *films)
    assert [hashlib.sha256(film.read_bytes()).hexdigest() for film in films] == before
    assert {outcome["status"] for outcome in found.values()} == {"unchanged"}


def test_check_library_warns_of_missing_languages(vpo: Vpo, tmp_path: Path) -> None:
    film = avi(tmp_path)
    warnings = run(vpo, "check-library", film)[film.name]["warnings"]
    assert f"{film.name} has audio without a language" in str(warnings)


@pytest.mark.parametrize("policy", ["small-hevc", "space"])
def test_hevc_takes_avi_to_matroska(vpo: Vpo, tmp_path: Path, policy: str) -> None:
    film, path = avi(tmp_path), FOLDER / f"{policy}.yaml"
    if policy == "space":
        path = tmp_path / "space.yaml"
        path.write_text(policies(["eng"], "space")["space.yaml"])
    run(vpo, path, film)
    assert not film.exists()
    assert codecs(film.with_suffix(".mkv")) == ["hevc", "mp3" if policy == "space" else "aac"]


@pytest.mark.parametrize("source", [avi, webm])
def test_old_television_gets_mp4_with_h264_and_aac(
    vpo: Vpo, tmp_path: Path, source: Source
) -> None:
    film = source(tmp_path)
    run(vpo, "old-television", film)
    assert codecs(film.with_suffix(".mp4")) == ["h264", "aac"]


@pytest.mark.parametrize("source", [hlg, webm])
def test_sdr_for_tablet_gets_h264(vpo: Vpo, tmp_path: Path, source: Source) -> None:
    film = source(tmp_path)
    run(vpo, "sdr-for-tablet", film)
    assert codecs(film.with_suffix(".mkv"))[0] == "h264"
    argv = ["ffprobe", "-v", "error", "-show_entries", "stream=color_transfer,pix_fmt"]
    shown = subprocess.run([*argv, film.with_suffix(".mkv")], check=True, capture_output=True)
    assert b"arib-std-b67" not in shown.stdout
    assert b"pix_fmt=yuv420p\n" in shown.stdout


def test_kitchen_stereo_adds_to_surround_only(vpo: Vpo, tmp_path: Path) -> None:
    surround = avi(tmp_path, "ac3")
    five = ["-i", str(surround), "-map", "1", "-c", "copy"]
    film = make(tmp_path / "films/surround.mkv", *five)
    mono = make(tmp_path / "films/mono.mkv", *tone(300), "-c:v", "mjpeg", "-c:a", "aac")
    found = run(vpo, "kitchen-stereo", surround, film, mono)
    assert {name: entry["status"] for name, entry in found.items()} == {
        surround.name: "unchanged",
        film.name: "changed",
        mono.name: "unchanged",
    }
    added = [(track.codec, track.channels) for track in read(film).of("audio")]
    assert added == [("ac3", 6), ("aac", 2)]


@pytest.mark.parametrize("policy", ["mp4-for-tv", "mp4"])
def test_film_that_mp4_cannot_hold_keeps_all_it_has(
    vpo: Vpo, library: Library, tmp_path: Path, policy: str
) -> None:
    """Not even the tracks are removed that were to make room for MP4."""
    film = library("bitmap-subtitles.mkv") / "bitmap-subtitles.mkv"
    subprocess.run(["mkvpropedit", film, "--add-attachment", __file__], check=True)
    before = film.read_bytes()
    path = FOLDER / f"{policy}.yaml"
    if policy == "mp4":
        path = tmp_path / "mp4.yaml"
        path.write_text(policies(["eng"], "mp4")["mp4.yaml"])
    outcome = run(vpo, path, film)[film.name]
    assert "mp4 cannot hold subtitle 2" in str(outcome["error"])
    assert film.read_bytes() == before


def test_how_to_page_links_all_ten_examples() -> None:
    page = (EXAMPLES[0].parents[1] / "docs" / "how-to.md").read_text()
    assert len(EXAMPLES) == 10
    assert all(f"(../examples/{path.name})" in page for path in EXAMPLES)
