"""What lies beside the streams: carried over, named as lost, or a reason not to begin."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Result, ToolsOnPath, Vpo

TO_MKV = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
TO_MP4 = "schema_version: 13\nphases: [{name: c, container: {target: mp4}}]\n"
TURNED = "schema_version: 13\nphases: [{name: t, track_order: [audio_main, video]}]\n"


def facts(path: Path) -> dict[str, Any]:
    """What ffprobe says of the file."""
    argv = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    return found


def tags(part: dict[str, Any]) -> dict[str, str]:
    return {key.lower(): value for key, value in part.get("tags", {}).items()}


def side_data(stream: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["side_data_type"]: item for item in stream.get("side_data_list", ())}


def remade(source: Path, target: Path, *options: str) -> Path:
    """A copy of the file that ffmpeg has written with these options."""
    argv = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-map", "0", "-c", "copy"]
    subprocess.run([*argv, *options, str(target)], check=True)
    return target


def process(vpo: Vpo, policy: str, *paths: Path) -> Result:
    return vpo("process", "--format", "json", "-p", vpo.policy(policy), *paths)


@pytest.fixture
def video(library: Library, tmp_path: Path) -> Path:
    """One video and one audio track in MP4."""
    source = library("no-language.mp4") / "no-language.mp4"
    return remade(source, tmp_path / "plain.mp4")


def test_a_rotated_picture_stays_where_its_rotation_is_known(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    turned = remade(video, root / "phone.mp4", "-metadata:s:v:0", "rotate=90")
    rotation = side_data(facts(turned)["streams"][0])["Display Matrix"]["rotation"]
    refused = process(vpo, TO_MKV, turned)
    assert refused.rc == 1
    assert "rotation" in refused.json["files"][0]["error"]["message"]
    assert turned.exists() and not turned.with_suffix(".mkv").exists()
    done = process(vpo, TURNED, turned)
    assert done.rc == 0, done
    (picture,) = (s for s in facts(turned)["streams"] if s["codec_type"] == "video")
    assert side_data(picture)["Display Matrix"]["rotation"] == rotation


def test_tags_that_mp4_cannot_hold_are_named(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    film = remade(video, root / "film.mkv", "-metadata", "director=Her", "-metadata", "title=It")
    shown = vpo("process", "-n", "-p", vpo.policy(TO_MP4), film)
    assert "tag:director: Her -> none" in shown.stdout
    done = process(vpo, TO_MP4, film)
    assert done.rc == 0, done
    assert {c["kind"] for c in done.json["files"][0]["changes"]} == {"container", "tag:director"}
    assert tags(facts(root / "film.mp4")["format"])["title"] == "It"


def test_tags_of_tracks_are_carried_and_statistics_are_not(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    options = ["-metadata:s:a:0", "artist=Them", "-metadata:s:a:0", "BPS=12"]
    film = remade(video, root / "film.webm.mkv", *options)
    done = process(vpo, TURNED, film)
    assert done.rc == 0, done
    (sound,) = (s for s in facts(film)["streams"] if s["codec_type"] == "audio")
    assert tags(sound)["artist"] == "Them"
    assert tags(sound).get("bps") != "12"


def test_the_tags_of_a_phone_stay_in_its_file(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    apple = "com.apple.quicktime.make"
    options = ["-movflags", "use_metadata_tags", "-map_metadata", "-1"]
    options += ["-metadata", f"{apple}=Apple"]
    film = remade(video, root / "phone.mov", *options)
    done = process(vpo, TURNED, film)
    assert done.rc == 0, done
    assert tags(facts(film)["format"])[apple] == "Apple"


def test_tags_that_ffmpeg_loses_are_named_before_and_after(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    options = ["-movflags", "use_metadata_tags", "-metadata", "replaygain_track_gain=1 dB"]
    film = remade(video, root / "loud.mp4", *options)
    policy = vpo.policy(TURNED)
    planned = vpo("process", "-n", "--format", "json", "-p", policy, film).json["files"][0]
    done = process(vpo, TURNED, film).json["files"][0]
    assert "replaygain_track_gain" in planned["warnings"][0]
    assert planned["warnings"] == done["warnings"]


def test_a_tool_that_drops_tags_has_failed(
    vpo: Vpo, video: Path, tools_on_path: ToolsOnPath
) -> None:
    root = video.parent / "in"
    root.mkdir()
    film = remade(video, root / "film.mp4", "-metadata", "title=It")
    before = film.read_bytes()
    script = (
        "n=$#; i=1; for word; do [ $i -eq $n ] && last=$word; i=$((i+1)); done\n"
        '"$REAL_FFMPEG" "$@" || exit\n'
        '"$REAL_FFMPEG" -v error -y -i "$last" -map 0 -c copy -map_metadata -1'
        ' -f mp4 "$last.x" && cat "$last.x" > "$last"; rm -f "$last.x"'
    )
    tools_on_path(ffmpeg=script)
    done = process(vpo, TURNED, film)
    assert done.rc == 1
    assert "tag title" in done.json["files"][0]["error"]["message"]
    assert film.read_bytes() == before


def test_a_program_stream_can_become_matroska(vpo: Vpo, library: Library, tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    source = library("no-language.mp4") / "no-language.mp4"
    film = root / "tape.mpg"
    encode = ["-map", "0:v:0", "-map", "0:a:0", "-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2"]
    argv = ["ffmpeg", "-v", "error", "-i", str(source), *encode, "-f", "vob", str(film)]
    subprocess.run(argv, check=True)
    done = process(vpo, TO_MKV, film)
    assert done.rc == 0, done
    assert len(facts(root / "tape.mkv")["streams"]) == 2


def test_a_link_is_not_left_without_its_file(vpo: Vpo, library: Library, tmp_path: Path) -> None:
    root = library("multi-audio.mkv")
    links = tmp_path / "links"
    links.mkdir()
    link = links / "film.mkv"
    link.symlink_to(root / "multi-audio.mkv")
    done = process(vpo, TO_MP4, links)
    assert done.rc == 1
    assert str(link) in done.json["files"][0]["error"]["message"]
    assert link.exists()
    flags = "schema_version: 13\nphases: [{name: f, audio_actions: {clear_all_default: true}}]\n"
    assert process(vpo, flags, links).rc == 0
    assert link.is_symlink() and link.exists()
