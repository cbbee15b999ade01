"""What no tool can write is refused by the plan; what is written in another way is the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo
from tests.reading import read, stream_hashes

pytestmark = pytest.mark.usefixtures("media_tools")

TO_MKV = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
TO_MP4 = TO_MKV.replace("mkv", "mp4")
ORDER = "schema_version: 13\nphases: [{name: o, track_order: [audio_main, video]}]\n"
LANGUAGE = (
    "schema_version: 13\nphases: [{name: l, rules: {items: [{name: l, when: {exists: {track_type:"
    " video}}, then: [{set_language: {track_type: video, new_language: ger}}]}]}}]\n"
)
HEVC = (
    "schema_version: 13\nphases: [{name: t, transcode: {video: {to: hevc, preset: ultrafast}}}]\n"
)
VIDEO = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=2")
AUDIO = ("-f", "lavfi", "-i", "sine=d=2")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


def film(path: Path, *options: str, inputs: tuple[str, ...] = (*VIDEO, *AUDIO)) -> Path:
    argv = ["ffmpeg", "-v", "error", "-nostdin", "-y", *inputs, *options, str(path)]
    subprocess.run(argv, check=True)
    return path


def box(kind: bytes, data: bytes) -> bytes:
    return (len(data) + 8).to_bytes(4, "big") + kind + data


def refusal(vpo: Vpo, policy: str, path: Path) -> str:
    """What the plan says; the run must say the same, and leave the file."""
    before = path.read_bytes()
    messages = set()
    for dry in (["-n"], []):
        done = vpo("process", "--format", "json", *dry, "-p", vpo.policy(policy), path)
        assert done.rc == 1, done
        messages.add(done.json["files"][0]["error"]["message"])
    assert path.read_bytes() == before
    (message,) = messages
    return str(message)


def changed(vpo: Vpo, policy: str, path: Path) -> dict[str, Any]:
    done = vpo("process", "--format", "json", "-p", vpo.policy(policy), path)
    (outcome,) = done.json["files"]
    assert outcome["status"] == "changed", done.stdout
    return dict(outcome)


def shown(path: Path, entries: str) -> Any:
    argv = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", str(path)]
    return json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("policy", [LANGUAGE, TO_MKV, HEVC], ids=["language", "mkv", "hevc"])
def test_encrypted_tracks_are_refused_by_the_plan(vpo: Vpo, tmp_path: Path, policy: str) -> None:
    key = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "01" * 16]
    path = film(tmp_path / "film.mp4", *H264, *key, "-encryption_kid", "02" * 16)
    assert "the encryption data of video 0" in refusal(vpo, policy, path)


@pytest.mark.parametrize("policy", [LANGUAGE, TO_MKV, HEVC], ids=["language", "mkv", "hevc"])
def test_frames_that_an_edit_list_hides_are_refused_by_the_plan(
    vpo: Vpo, tmp_path: Path, policy: str
) -> None:
    whole = film(tmp_path / "whole.mp4", *H264)
    cut = ("-ss", "1.15", "-i", str(whole))
    path = film(tmp_path / "film.mp4", "-c", "copy", inputs=cut)
    assert "trimming (frames that the edit list leaves out)" in refusal(vpo, policy, path)


def test_b_frames_alone_are_no_trimming(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", "-c:v", "libx264", "-bf", "2", "-c:a", "aac")
    hashes = stream_hashes(path)
    changed(vpo, LANGUAGE, path)
    assert stream_hashes(path) == hashes


@pytest.mark.parametrize(
    ("codec", "policy", "extension", "said"),
    [
        ("adpcm_ima_qt", TO_MKV, "mov", "mkv cannot hold audio 1 (adpcm_ima_qt"),
        ("pcm_s8", TO_MKV, "mov", "mkv cannot hold audio 1 (pcm_s8"),
        ("pcm_s16le", TO_MP4, "mkv", "mp4 cannot hold audio 1 (pcm_s16le"),
    ],
)
def test_codecs_without_a_place_are_refused_by_the_plan(
    vpo: Vpo, tmp_path: Path, codec: str, policy: str, extension: str, said: str
) -> None:
    path = film(tmp_path / f"film.{extension}", *H264, "-c:a", codec)
    assert said in refusal(vpo, policy, path)


def test_pictures_of_chapters_are_never_lost(vpo: Vpo, tmp_path: Path) -> None:
    chapters = tmp_path / "chapters.txt"
    chapters.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=One\n")
    maps = ("-map", "0", "-map", "0", "-c:v:0", "libx264", "-c:v:1", "mjpeg")
    path = film(tmp_path / "film.mp4", *maps, inputs=(*VIDEO, "-i", str(chapters)))
    # The chapters of the video are told by its second track instead of the third, their text.
    found = path.read_bytes()
    third, second = (b"chap" + bytes((0, 0, 0, number)) for number in (3, 2))
    assert third in found
    path.write_bytes(found.replace(third, second))
    assert "ffmpeg would lose the pictures of its chapters" in refusal(vpo, LANGUAGE, path)


def test_webvtt_of_matroska_is_refused_where_nothing_reads_it(vpo: Vpo, library: Library) -> None:
    path = library("webvtt.mkv") / "webvtt.mkv"
    said = "mp4 cannot hold subtitle 2 (webvtt, eng), which ffmpeg cannot read"
    assert said in refusal(vpo, TO_MP4, path)


def test_what_lies_outside_the_known_boxes_is_named(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", *H264)
    path.write_bytes(path.read_bytes() + box(b"sefd", bytes(40)))
    planned = vpo("process", "-n", "-p", vpo.policy(LANGUAGE), path)
    assert "ffmpeg does not keep the box 'sefd' (40 bytes)" in planned.stdout
    changed(vpo, LANGUAGE, path)
    assert read(path).of("video")[0].language in ("ger", "deu")


def test_quicktime_without_a_brand_is_quicktime(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mov", *H264, "-c:a", "pcm_s16le")
    data = path.read_bytes()
    # The offsets stay right: a box of the same size has nothing in it.
    path.write_bytes(data[:4] + b"free" + data[8:])
    assert "mp4 cannot hold audio 1 (pcm_s16le" in refusal(vpo, TO_MP4, path)
    hashes = stream_hashes(path)
    changed(vpo, LANGUAGE, path)
    assert read(path).container == "mov"
    assert read(path).of("video")[0].language == "ger"
    assert stream_hashes(path) == hashes


def test_a_place_is_the_same_however_it_is_spelt(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", *H264, "-metadata", "location=+37.7750-122.4183+012.345/")
    changed(vpo, LANGUAGE, path)
    assert read(path).tags["location"].startswith("+37.7750-122.4183")


def test_interlaced_video_stays_marked(vpo: Vpo, tmp_path: Path) -> None:
    marked = ("-vf", "setfield=tff", "-c:v", "ffv1", "-field_order", "tt", "-c:a", "flac")
    path = film(tmp_path / "film.mkv", *marked)
    order = shown(path, "stream=field_order")["streams"][0]["field_order"]
    assert order != "progressive"
    changed(vpo, ORDER, path)
    assert shown(path, "stream=field_order")["streams"][1]["field_order"] == order
