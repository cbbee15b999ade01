"""Files whose streams begin, end or are stored in a way that few programs write."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo
from tests.integration.test_odd_videos import FAST, ffmpeg
from tests.integration.test_transcode import process, streams
from tests.reading import identify

ENCODE = "transcode: {video: {to: hevc, crf: 40, preset: ultrafast}}"
TO_MKV = "schema_version: 13\nphases: [{name: p, container: {target: mkv}}]"


def times(film: Path, kind: str) -> list[float]:
    """When each packet of the tracks of a kind is shown or heard, in seconds."""
    argv = ["ffprobe", "-v", "error", "-select_streams", kind, "-of", "csv=p=0"]
    argv += ["-show_entries", "packet=pts_time", str(film)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return [float(line.strip(",")) for line in said.split()]


def with_late_audio(film: Path, seconds: float) -> None:
    picture = ("-f", "lavfi", "-i", f"testsrc=s=64x48:r=25:d={seconds + 0.5}")
    sound = ("-itsoffset", str(seconds), "-f", "lavfi", "-i", "sine=d=0.5:r=48000")
    codecs = ("-c:v", "mpeg2video", "-c:a", "mp2")
    ffmpeg(*picture, *sound, "-map", "0", "-map", "1", *codecs, film)


@pytest.mark.usefixtures("media_tools")
@pytest.mark.parametrize(("name", "seconds"), [("film.ts", 3), ("film.mpg", 7)])
def test_audio_that_begins_late_is_recognized_and_keeps_its_times(
    vpo: Vpo, tmp_path: Path, name: str, seconds: float
) -> None:
    film = tmp_path / name
    with_late_audio(film, seconds)
    assert process(vpo, TO_MKV, film).json["files"][0]["status"] == "changed"
    result = film.with_suffix(".mkv")
    assert [stream["codec_name"] for stream in streams(result)] == ["mpeg2video", "mp2"]
    video, audio = times(result, "v"), times(result, "a")
    assert audio[0] - video[0] == pytest.approx(seconds, abs=0.05)
    assert audio[1] - audio[0] == pytest.approx(0.024, abs=0.004)


@pytest.mark.usefixtures("media_tools")
def test_recordings_that_were_joined_are_processed_unless_their_times_begin_again(
    vpo: Vpo, tmp_path: Path
) -> None:
    parts = [tmp_path / "1", tmp_path / "2"]
    for number, part in enumerate(parts):
        size = ("-f", "lavfi", "-i", f"testsrc=s={(number + 1) * 64}x48:r=25:d=1")
        ffmpeg(*size, *FAST, "-output_ts_offset", str(3 * number), "-f", "mpegts", part)
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(part.read_bytes() for part in reversed(parts)))
    refused = process(vpo, TO_MKV, film).json["files"][0]["error"]
    assert refused["type"] == "DamagedError"
    assert "begin again" in refused["message"]
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert process(vpo, TO_MKV, film).json["files"][0]["status"] == "changed"
    assert len(times(film.with_suffix(".mkv"), "v")) == 50


@pytest.mark.usefixtures("media_tools")
def test_video_that_asf_stores_out_of_order_is_encoded_and_not_copied(
    vpo: Vpo, tmp_path: Path
) -> None:
    film = tmp_path / "film.wmv"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1")
    ffmpeg(*picture, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-f", "asf", film)
    refused = process(vpo, TO_MKV, film).json["files"][0]["error"]
    assert refused["type"] == "PlanError"
    assert "no tool can tell when the frames" in refused["message"]
    policy = f"schema_version: 13\nphases: [{{name: p, container: {{target: mkv}}, {ENCODE}}}]"
    assert process(vpo, policy, film).json["files"][0]["status"] == "changed"
    shown = sorted(times(film.with_suffix(".mkv"), "v"))
    assert [round(after - before, 3) for before, after in pairwise(shown)] == [0.04] * 24


@pytest.mark.usefixtures("media_tools")
def test_flac_that_ffmpeg_misreads_in_asf_is_encoded_and_not_copied(
    vpo: Vpo, tmp_path: Path
) -> None:
    film = tmp_path / "film.wmv"
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=3", "-f", "lavfi", "-i", "sine=d=3")
    ffmpeg(*inputs, "-c:v", "mpeg4", "-c:a", "flac", film)
    refused = process(vpo, TO_MKV, film).json["files"][0]["error"]
    assert refused["type"] == "PlanError"
    assert "reads the times of audio 1 (flac mono, und) wrongly" in refused["message"]
    encode = "transcode: {audio: {to: aac}}"
    policy = f"schema_version: 13\nphases: [{{name: p, container: {{target: mkv}}, {encode}}}]"
    assert process(vpo, policy, film).json["files"][0]["status"] == "changed"
    assert max(times(film.with_suffix(".mkv"), "a")) == pytest.approx(3, abs=0.15)


@pytest.mark.usefixtures("media_tools")
def test_video_that_begins_after_the_audio_is_processed(vpo: Vpo, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    picture = ("-itsoffset", "1.98", "-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=1")
    sound = ("-f", "lavfi", "-i", "sine=d=3:r=48000")
    ffmpeg(*picture, *sound, *FAST, "-c:a", "aac", film)
    before = times(film, "v") + times(film, "a")
    policy = "schema_version: 13\nphases: [{name: p, track_order: [audio_main, video]}]"
    done = process(vpo, policy, film)
    assert done.json["files"][0]["status"] == "changed", done
    assert times(film, "v") + times(film, "a") == pytest.approx(before, abs=0.004)


def test_keep_audio_reads_the_languages_of_old_ffmpeg_files(vpo: Vpo, library: Library) -> None:
    """They have a tag LANGUAGE beside the element; to ffmpeg, it hides that."""
    film = library("film.mkv=multi-audio.mkv") / "film.mkv"
    tracks = [t for t in identify(film)["tracks"] if t["type"] == "audio"]
    edits = ["--tags", f"all:{film.with_suffix('.xml')}"]
    for number in range(1, len(tracks) + 1):
        language = "eng" if number == 2 else "jpn"
        edits += ["--edit", f"track:a{number}", "--set", f"language={language}"]
    tags = film.with_suffix(".xml")
    tags.write_text(f"<Tags>{''.join(map(language_tag, tracks))}</Tags>")
    subprocess.run(["mkvpropedit", "-q", str(film), *edits], check=True)
    tags.unlink()
    keep = "keep_audio: {languages: [eng], fallback: {mode: keep_first}}"
    policy = f"schema_version: 13\nphases: [{{name: p, {keep}}}]"
    assert process(vpo, policy, film).json["files"][0]["status"] == "changed"
    kept = [t["properties"] for t in identify(film)["tracks"] if t["type"] == "audio"]
    assert [properties["language"] for properties in kept] == ["eng"]
    assert kept[0]["uid"] == tracks[1]["properties"]["uid"]


def language_tag(track: dict[str, Any]) -> str:
    uid = track["properties"]["uid"]
    text = "<Simple><Name>LANGUAGE</Name><String>und</String></Simple>"
    return f"<Tag><Targets><TrackUID>{uid}</TrackUID></Targets>{text}</Tag>"
