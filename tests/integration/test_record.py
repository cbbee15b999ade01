"""What is recorded of files is true of them, whatever happens during a run and between runs."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo
from tests.reading import read

DEFAULT_AUDIO = """\
schema_version: 13
config: {{audio_languages: [{language}]}}
phases:
  - name: one
    default_flags: {{set_preferred_audio_default: true, clear_other_defaults: true}}
"""


def audio_policy(vpo: Vpo, language: str) -> Path:
    return vpo.policy(DEFAULT_AUDIO.format(language=language), f"{language}.yaml")


def default_audio(path: Path) -> list[str]:
    return [track.language for track in read(path).of("audio") if track.default]


# Policies that take turns


def test_in_place_edit_invalidates_compliance_with_other_policy(vpo: Vpo, library: Library) -> None:
    """An edit in place leaves size, time and inode as they were; its record ends anyway."""
    path = library("multi-audio.mkv") / "multi-audio.mkv"
    before = path.stat()
    for language in ("eng", "ger", "eng", "ger"):
        for summary in ("1 changed", "1 unchanged"):
            result = vpo("process", "-p", audio_policy(vpo, language), path)
            assert (result.rc, summary in result.stdout) == (0, True), result
        assert default_audio(path) == [language]
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )


def test_in_place_edit_invalidates_compliance_of_all_hard_links(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text('[files]\nhardlinks = "edit"\n')
    path = library("a.mkv=multi-audio.mkv") / "a.mkv"
    other = path.with_name("b.mkv")
    other.hardlink_to(path)
    vpo("process", "-p", audio_policy(vpo, "eng"), path, other)
    vpo("process", "-p", audio_policy(vpo, "ger"), path)
    assert "1 changed" in vpo("process", "-p", audio_policy(vpo, "eng"), other).stdout
    assert default_audio(other) == ["eng"]


# Files that are renamed, moved, copied and restored


@pytest.fixture
def film(tmp_path: Path, media_tools: None) -> Path:  # noqa: ARG001
    """A second of moving picture in H.264 with two audio tracks, without statistics tags."""
    path = tmp_path / "films" / "film.mkv"
    path.parent.mkdir()
    make_film(path, "-c:v", "libx264", "-preset", "ultrafast")
    return path


def make_film(path: Path, *video: str) -> None:
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=192x108:d=1:r=12", "-f", "lavfi", "-i", "sine=d=1"]
    maps = ["-map", "0", "-map", "1", "-map", "1", "-c:a", "ac3", "-metadata:s:1", "language=eng"]
    encode = [*maps, "-metadata:s:2", "language=ger", *video]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *encode, str(path)], check=True)


def encode_policy(vpo: Vpo, limit: str) -> Path:
    """Return a policy that encodes video again if its bit rate is not under the limit."""
    skip = f"{{codec_matches: [hevc], bitrate_under: {limit}}}"
    video = f"{{to: hevc, crf: 30, preset: ultrafast, skip_if: {skip}}}"
    phase = f"  - name: one\n    transcode: {{video: {video}}}\n"
    return vpo.policy(f"schema_version: 13\nphases:\n{phase}", f"under-{limit}.yaml")


def status(vpo: Vpo, policy: Path, path: Path, *words: str) -> str:
    done = vpo("process", "-R", "--format", "json", *words, "-p", policy, path)
    (found,) = {file["status"] for file in done.json["files"]} or {"unchanged"}
    return str(found)


def test_video_is_encoded_once_whatever_becomes_of_its_file(
    vpo: Vpo, film: Path, tmp_path: Path
) -> None:
    policy = encode_policy(vpo, "1k")  # which no result can be under
    assert status(vpo, policy, film) == "changed"
    folder = film.parent

    renamed = film.rename(folder / "renamed.mkv")
    assert status(vpo, policy, folder) == "unchanged"
    (folder / "deeper").mkdir()
    moved = renamed.rename(folder / "deeper" / "moved.mkv")
    assert status(vpo, policy, folder) == "unchanged"
    shutil.copyfile(moved, folder / "copied.mkv")
    shutil.copy2(moved, folder / "copied with its times.mkv")
    (folder / "linked.mkv").hardlink_to(moved)
    assert status(vpo, policy, folder) == "unchanged"

    backup = tmp_path / "backup.mkv"
    shutil.copyfile(moved, backup)
    shutil.rmtree(folder)
    folder.mkdir()
    shutil.copyfile(backup, film)
    assert status(vpo, policy, film, "--force") == "unchanged"
    assert codecs(film) == ["hevc", "ac3", "ac3"]


@pytest.mark.parametrize(
    "remux",
    [
        ("mkvmerge", "-q", "-o", "OUT.mkv", "IN"),
        ("ffmpeg", "-v", "error", "-i", "IN", "-map", "0:v", "-c", "copy", "OUT.mp4"),
        ("ffmpeg", "-v", "error", "-i", "IN", "-c", "copy", "OUT.ts"),
    ],
    ids=["mkv", "mp4", "ts"],
)
def test_encoded_video_is_known_in_another_container(
    vpo: Vpo, film: Path, tmp_path: Path, remux: tuple[str, ...]
) -> None:
    policy = encode_policy(vpo, "1k")
    assert status(vpo, policy, film) == "changed"
    (tmp_path / "other").mkdir()
    names = {"IN": str(film), "OUT": str(tmp_path / "other" / "other")}
    words = [word if word != "IN" else names["IN"] for word in remux]
    subprocess.run([word.replace("OUT", names["OUT"]) for word in words], check=True)
    film.unlink()
    assert status(vpo, policy, tmp_path / "other") == "unchanged"


def test_encoded_video_is_known_after_an_edit_by_another_policy(
    vpo: Vpo, film: Path, tmp_path: Path
) -> None:
    """The edit changes the start of the file, and with it the content key."""
    policy = encode_policy(vpo, "1k")
    assert status(vpo, policy, film) == "changed"
    assert status(vpo, audio_policy(vpo, "ger"), film) == "changed"
    other = shutil.copyfile(film, tmp_path / "copy.mkv")
    assert status(vpo, policy, other) == "unchanged"


def test_failure_is_known_under_another_name_but_not_of_a_copy(vpo: Vpo, film: Path) -> None:
    """Of a copy only a few blocks are compared, and it may be whole where this one is not."""
    policy = encode_policy(vpo, "1k")
    os.truncate(film, film.stat().st_size - 5000)
    assert "an earlier run" not in vpo("process", "-p", policy, film).stderr
    moved = film.rename(film.with_name("moved.mkv"))
    assert "an earlier run" in vpo("process", "-p", policy, moved).stderr
    copied = shutil.copyfile(moved, moved.with_name("copied.mkv"))
    result = vpo("process", "-p", policy, copied)
    assert ("damaged" in result.stderr, "an earlier run" in result.stderr) == (True, False)


# Bit rates


@pytest.mark.parametrize(("share", "expected"), [(1.1, "unchanged"), (0.9, "changed")])
def test_unknown_bit_rate_is_measured(
    vpo: Vpo, tmp_path: Path, share: float, expected: str
) -> None:
    """Where the rate of the whole file, which is an upper bound, does not decide."""
    path = tmp_path / "hevc.mkv"
    make_film(path, "-c:v", "libx265", "-preset", "ultrafast")
    sizes = packet_sizes(path, 0)
    limit = f"{sum(sizes) * 8 * share / 1000:.0f}k"
    assert status(vpo, encode_policy(vpo, limit), path) == expected
    if expected == "unchanged":
        with sqlite3.connect(vpo.data / "vpo.db") as connection:
            ((rates,),) = connection.execute("SELECT bit_rates FROM contents").fetchall()
        assert json.loads(rates)["0"] == pytest.approx(sum(sizes) * 8, rel=0.01)


def test_bit_rate_tag_that_the_source_left_is_not_believed(vpo: Vpo, tmp_path: Path) -> None:
    path = tmp_path / "hevc.mkv"
    make_film(path, "-c:v", "libx265", "-preset", "ultrafast", "-metadata:s:0", "BPS=90000000")
    assert status(vpo, encode_policy(vpo, "50M"), path) == "unchanged"


# Statistics tags


KEEP_ENGLISH = """\
schema_version: 13
phases:
  - name: one
    keep_audio: {languages: [eng]}
"""
TO_AAC = """\
schema_version: 13
phases:
  - name: one
    transcode: {audio: {to: aac}}
"""


@pytest.mark.parametrize(
    "text", [KEEP_ENGLISH, TO_AAC, "encode"], ids=["mkvmerge", "ffmpeg", "encode"]
)
def test_statistics_tags_of_results_are_true(vpo: Vpo, tmp_path: Path, text: str) -> None:
    """Whatever the tags of the source say."""
    path = tmp_path / "film.mkv"
    lies = ("BPS=99", "NUMBER_OF_BYTES=77", "NUMBER_OF_FRAMES=3", "BPS-eng=88")
    tags = [word for lie in lies for word in ("-metadata:s:0", lie, "-metadata:s:1", lie)]
    make_film(path, "-c:v", "libx264", "-preset", "ultrafast", *tags)
    policy = encode_policy(vpo, "50M") if text == "encode" else vpo.policy(text)
    assert status(vpo, policy, path) == "changed"
    for index, found in enumerate(track_tags(path)):
        sizes = packet_sizes(path, index)
        assert int(found["NUMBER_OF_BYTES"]) == sum(sizes)
        assert int(found["NUMBER_OF_FRAMES"]) == len(sizes)
        assert int(found["BPS"]) == pytest.approx(sum(sizes) * 8, rel=0.1)
        assert "BPS-eng" not in found


def test_hevc_that_vpo_encoded_can_be_remuxed(vpo: Vpo, film: Path) -> None:
    """x265 has a message in the header, which mkvmerge copies into the first packet."""
    assert status(vpo, encode_policy(vpo, "50M"), film) == "changed"
    assert status(vpo, vpo.policy(KEEP_ENGLISH), film) == "changed"
    assert codecs(film) == ["hevc", "ac3"]


def codecs(path: Path) -> list[str]:
    return [track.codec for track in read(path).tracks]


def track_tags(path: Path) -> list[dict[str, str]]:
    entries = ("-show_entries", "stream_tags")
    return [item["tags"] for item in ffprobe(path, *entries)["streams"]]


def packet_sizes(path: Path, index: int) -> list[int]:
    entries = ("-select_streams", str(index), "-show_entries", "packet=size")
    return [int(item["size"]) for item in ffprobe(path, *entries)["packets"]]


def ffprobe(path: Path, *words: str) -> dict[str, Any]:
    argv = ["ffprobe", "-v", "error", "-of", "json", *words, str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    return found
