"""What is next to the streams: carried over, named as lost, or a reason not to begin."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import pytest
from tests.conftest import Library, Result, ToolsOnPath, Vpo
from tests.integration.facts import rotated
from tests.reading import identify, stream_hashes

TO_MKV = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
TO_HEVC = "schema_version: 13\nphases: [{name: e, transcode: {video: {to: hevc}}}]\n"
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


def process(vpo: Vpo, policy: str, *paths: Path | str) -> Result:
    return vpo("process", "--format", "json", "-p", vpo.policy(policy), *paths)


@pytest.fixture
def video(library: Library, tmp_path: Path) -> Path:
    """One video and one audio track in MP4."""
    source = library("no-language.mp4") / "no-language.mp4"
    return remade(source, tmp_path / "plain.mp4")


def test_mp4_to_mkv_is_refused_where_rotation_would_be_lost(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    turned = rotated(video, root / "phone.mp4")
    rotation = side_data(facts(turned)["streams"][0])["Display Matrix"]["rotation"]
    refused = process(vpo, TO_MKV, turned)
    assert refused.rc == 1
    assert "rotation" in refused.json["files"][0]["error"]["message"]
    assert turned.exists() and not turned.with_suffix(".mkv").exists()
    done = process(vpo, TURNED, turned)
    assert done.rc == 0, done
    (picture,) = (s for s in facts(turned)["streams"] if s["codec_type"] == "video")
    assert side_data(picture)["Display Matrix"]["rotation"] == rotation


def test_mkv_to_mp4_names_tags_that_mp4_cannot_hold(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    film = remade(video, root / "film.mkv", "-metadata", "director=Her", "-metadata", "title=It")
    shown = vpo("process", "-n", "-p", vpo.policy(TO_MP4), film)
    assert "tag:director: Her -> none" in shown.stdout
    done = process(vpo, TO_MP4, film)
    assert done.rc == 0, done
    assert {c["kind"] for c in done.json["files"][0]["changes"]} == {"container", "tag:director"}
    assert tags(facts(root / "film.mp4")["format"])["title"] == "It"


def test_remux_keeps_track_tags_except_statistics(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    options = ["-metadata:s:a:0", "artist=Them", "-metadata:s:a:0", "BPS=12"]
    film = remade(video, root / "film.webm.mkv", *options)
    done = process(vpo, TURNED, film)
    assert done.rc == 0, done
    (sound,) = (s for s in facts(film)["streams"] if s["codec_type"] == "audio")
    assert tags(sound)["artist"] == "Them"
    assert tags(sound).get("bps") != "12"


def test_remux_keeps_apple_tags_in_mov(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    apple = "com.apple.quicktime.make"
    options = ["-movflags", "use_metadata_tags", "-map_metadata", "-1"]
    options += ["-metadata", f"{apple}=Apple"]
    film = remade(video, root / "phone.mov", *options)
    done = process(vpo, TURNED, film)
    assert done.rc == 0, done
    assert tags(facts(film)["format"])[apple] == "Apple"


def test_plan_and_outcome_warn_of_tags_that_ffmpeg_loses(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    options = ["-movflags", "use_metadata_tags", "-metadata", "replaygain_track_gain=1 dB"]
    film = remade(video, root / "loud.mp4", *options)
    policy = vpo.policy(TURNED)
    planned = vpo("process", "-n", "--format", "json", "-p", policy, film).json["files"][0]
    done = process(vpo, TURNED, film).json["files"][0]
    assert "replaygain_track_gain" in planned["warnings"][0]
    assert planned["warnings"] == done["warnings"]


def test_remux_fails_when_tool_drops_tags(
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


def test_program_stream_is_converted_to_mkv(vpo: Vpo, library: Library, tmp_path: Path) -> None:
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


def test_conversion_through_symbolic_link_is_refused(
    vpo: Vpo, library: Library, tmp_path: Path
) -> None:
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


def without_first_picture(source: Path) -> Path:
    """A recording that begins in the middle of a group of pictures, as most do: the packets of its
    first picture become null packets (ISO/IEC 13818-1, 2.4.1)."""
    size, video = 188, 256
    data = bytearray(source.read_bytes())
    packets = [
        at for at in range(0, len(data), size) if (data[at + 1] & 0x1F) << 8 | data[at + 2] == video
    ]
    first, second = [at for at in packets if data[at + 1] & 0x40][:2]
    for at in packets:
        if first <= at < second:
            data[at + 1 : at + 3] = b"\x1f\xff"
    source.write_bytes(data)
    return source


def packets(path: Path) -> list[str]:
    """How many packets each stream has."""
    argv = ["ffprobe", "-v", "error", "-of", "json", "-count_packets", "-show_streams", str(path)]
    streams = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["streams"]
    return [stream["nb_read_packets"] for stream in streams]


def test_remux_keeps_packets_before_the_first_keyframe(vpo: Vpo, library: Library) -> None:
    source = without_first_picture(library("broadcast.ts") / "broadcast.ts")
    before = packets(source)
    done = process(vpo, TO_MKV, source)
    assert done.rc == 0, done
    assert packets(source.with_suffix(".mkv")) == before


def test_remux_fails_when_last_invisible_vp9_frame_is_dropped(vpo: Vpo, library: Library) -> None:
    """The muxer keeps it for the next frame's packet, and forgets it where none follows."""
    clip = library("clip.webm") / "clip.webm"
    with av.open(str(clip)) as container:
        *_, last = (bytes(packet) for packet in container.demux(video=0) if packet.size)
    not_shown = bytes([0b10000100]) + last[1:]
    before = clip.read_bytes().replace(last, not_shown)
    clip.write_bytes(before)
    result = process(vpo, TO_MKV, clip)
    assert result.rc == 1
    # What is left of the frame cannot be decoded either, which says more than what ffmpeg lost.
    assert result.json["files"][0]["error"]["type"] == "DamagedError"
    assert clip.read_bytes() == before


def timecodes(path: Path) -> list[tuple[str, str]]:
    """(tag of the codec, timecode) of the tracks that have one."""
    streams = facts(path)["streams"]
    return [
        (s["codec_tag_string"], tags(s)["timecode"]) for s in streams if tags(s).get("timecode")
    ]


def test_remux_fails_when_an_index_points_beside_the_samples(vpo: Vpo, library: Library) -> None:
    """Before the first frame of E-AC-3 there is something that is none, and a muxer would drop it
    behind its count of what it wrote; before the first picture there is a length that is none."""
    path = library("mov-text.mp4") / "mov-text.mp4"
    data = path.read_bytes()
    at = data.index(b"mdat") - 4
    path.write_bytes(data[:at] + b"\0\0\0\x0dfree" + bytes(5) + data[at:])
    before = path.read_bytes()
    failed = process(vpo, AUDIO_FIRST, path)
    assert failed.rc == 1
    (outcome,) = failed.json["files"]
    assert outcome["error"]["type"] == "DamagedError"
    assert "a packet is corrupt at 0." in outcome["error"]["message"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["camera.mov", "data-first.mp4"])
def test_remux_keeps_mp4_timecode_track(
    vpo: Vpo, library: Library, tmp_path: Path, name: str
) -> None:
    """Also one that drops frame numbers, which ffmpeg would copy as one that does not."""
    source = library(name) / name
    root = tmp_path / "in"
    root.mkdir()
    drop = remade(source, root / name, *NTSC)
    assert timecodes(drop) == [("avc1", "01:02:03;04"), ("tmcd", "01:02:03;04")]
    done = process(vpo, AUDIO_FIRST, drop)
    assert done.rc == 0, done
    assert [s["codec_type"] for s in facts(drop)["streams"]] == ["audio", "video", "data"]
    assert timecodes(drop) == [("avc1", "01:02:03;04"), ("tmcd", "01:02:03;04")]
    done = process(vpo, TO_MKV, drop)
    assert done.rc == 0, done
    kinds = [(c["kind"], c["track"]) for c in done.json["files"][0]["changes"]]
    assert kinds == [("container", None), ("remove", 2)]
    assert [time for _, time in timecodes(drop.with_suffix(".mkv"))] == ["01:02:03;04"]


NTSC = ["-map", "-0:d", "-c:v", "libx264", "-preset", "ultrafast", "-r", "30000/1001"]
NTSC += ["-timecode", "01:02:03;04"]


def test_remux_keeps_mp4_data_track(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    film = phone_film(video, root, b"gpmd")
    done = process(vpo, TURNED, film)
    assert done.rc == 0, done
    sound, picture, other = facts(film)["streams"]
    assert (sound["codec_type"], picture["codec_type"]) == ("audio", "video")
    assert other["codec_tag_string"] == "gpmd"
    before = film.read_bytes()
    refused = process(vpo, TO_MKV.replace("name: ", "keep_data: true, name: "), film)
    assert refused.rc == 1
    message = refused.json["files"][0]["error"]["message"]
    assert "gpmd" in message
    assert "keep_data: false" in message
    assert film.read_bytes() == before
    planned = vpo("process", "-n", "-p", vpo.policy(TO_MKV), film)
    assert "data 2 (gpmd, und) is left out: no tool can carry it into mkv" in planned.stdout


@pytest.mark.parametrize("kind", [b"mebx", b"mett"])
def test_first_policy_processes_films_of_telephones(vpo: Vpo, video: Path, kind: bytes) -> None:
    """Their sensor data have no name in ffmpeg, which cannot write them; an edit leaves them."""
    root = video.parent / "in"
    root.mkdir()
    film = phone_film(video, root, kind)
    hashes = stream_hashes(film, ("0:a", "0:v"))
    samples = mdat(film)
    (edited,) = process(vpo, LANGUAGE, film).json["files"]
    assert (edited["status"], edited["strategy"]) == ("changed", "header")
    assert [s["codec_type"] for s in facts(film)["streams"]] == ["video", "audio", "data"]
    assert mdat(film) == samples
    unchanged = film.read_bytes()
    order = AUDIO_FIRST.replace("name: t,", "name: t, keep_data: true,")
    (refused,) = process(vpo, order, film).json["files"]
    assert refused["status"] == "failed"
    assert film.read_bytes() == unchanged
    done = process(vpo, AUDIO_FIRST, film)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    name = kind.decode()
    assert [c["track"] for c in outcome["changes"] if c["kind"] == "remove"] == [2]
    assert any(f"data 2 ({name}, und) is left out" in text for text in outcome["warnings"])
    assert [s["codec_type"] for s in facts(film)["streams"]] == ["audio", "video"]
    assert stream_hashes(film) == hashes


def test_data_tracks_are_removed_where_the_policy_says_so(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    film = phone_film(video, root, b"gpmd")
    hashes = stream_hashes(film, ("0:v", "0:a"))
    policy = "schema_version: 13\nphases: [{name: d, keep_data: false}]\n"
    done = process(vpo, policy, film)
    assert done.rc == 0, done
    assert not done.json["files"][0]["warnings"]
    assert stream_hashes(film) == hashes


LANGUAGE = "schema_version: 13\nphases: [{name: n, rules: {items: [{name: l, when: {exists:"
LANGUAGE += (
    " {track_type: audio}}, then: [{set_language: {track_type: audio, new_language: fre}}]}]}}]\n"
)


def mdat(film: Path) -> tuple[int, bytes]:
    """Where the samples are, and what they are."""
    data = film.read_bytes()
    at = data.index(b"mdat")
    return at, data[at : at - 4 + int.from_bytes(data[at - 4 : at], "big")]


def phone_film(video: Path, folder: Path, kind: bytes) -> Path:
    """A film with a data track, as ffmpeg would write one that it knows, under another name."""
    data = video.with_suffix(".bin")
    data.write_bytes(bytes(range(256)) * 8)
    film = folder / "phone.mov"
    inputs = ["-i", str(video), "-f", "data", "-i", str(data), "-map", "0", "-map", "1"]
    argv = ["ffmpeg", "-v", "error", *inputs, "-c", "copy", "-tag:d", "gpmd", str(film)]
    subprocess.run(argv, check=True)
    film.write_bytes(film.read_bytes().replace(b"gpmd", kind))
    return film


@pytest.mark.parametrize(
    ("written", "kept"),
    [("fra", "fre"), ("pt-BR", "pt-BR"), ("jp", "jp"), ("deutsch", "deutsch")],
)
def test_remux_keeps_oddly_written_language_tags(
    vpo: Vpo, video: Path, written: str, kept: str
) -> None:
    """mkvmerge knows regions, spells languages as Matroska does, and drops what is none."""
    root = video.parent / "in"
    root.mkdir()
    film = remade(video, root / "film.mkv", "-metadata:s:a:0", f"language={written}")
    done = process(vpo, AUDIO_FIRST, film)
    assert done.json["files"][0]["status"] == "changed", done
    sound = facts(film)["streams"][0]
    ietf = identify(film)["tracks"][0]["properties"].get("language_ietf") if "-" in kept else None
    assert (sound["codec_type"], ietf or tags(sound)["language"]) == ("audio", kept)
    again = process(vpo, AUDIO_FIRST, "--force", film)
    assert again.json["files"][0]["status"] == "unchanged"


AUDIO_FIRST = """\
schema_version: 13
phases: [{name: t, track_order: [audio_main, audio_alternate, video]}]
"""


def test_remux_keeps_alpha_mode_of_webm(vpo: Vpo, tmp_path: Path) -> None:
    """mkvmerge loses the mark, so ffmpeg has to write the file."""
    film = tmp_path / "film.webm"
    inputs = ["-f", "lavfi", "-i", "testsrc2=d=1:s=64x64:r=5,format=yuva420p"]
    inputs += ["-f", "lavfi", "-i", "sine=d=1", "-c:a", "libopus", "-b:a", "16k"]
    encode = ["-c:v", "libvpx-vp9", "-auto-alt-ref", "0", "-deadline", "realtime"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *encode, str(film)], check=True)
    done = process(vpo, TURNED, film)
    assert done.rc == 0, done
    picture = facts(film)["streams"][1]
    assert (picture["codec_type"], tags(picture)["alpha_mode"]) == ("video", "1")


def test_mkv_to_mp4_warns_of_track_tags_that_mp4_cannot_hold(vpo: Vpo, video: Path) -> None:
    root = video.parent / "in"
    root.mkdir()
    options = ["-metadata:s:a:0", "artist=Them", "-metadata", "major_brand=qt"]
    film = remade(video, root / "film.mkv", *options)
    planned = vpo("process", "-n", "-p", vpo.policy(TO_MP4), film)
    assert "mp4 does not keep the tags of audio 1 (aac stereo, und): artist" in planned.stdout


def test_mp4_to_mkv_drops_brands_of_the_muxer(vpo: Vpo, video: Path) -> None:
    done = process(vpo, TO_MKV, video)
    assert done.rc == 0, done
    found = tags(facts(video.with_suffix(".mkv"))["format"])
    assert not found.keys() & {"major_brand", "minor_version", "compatible_brands"}


@pytest.mark.parametrize("policy", [TO_MKV, TO_HEVC])
def test_plan_fails_for_codec_that_ffmpeg_does_not_know(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath, policy: str
) -> None:
    """A track that is called VVC, and an ffmpeg that calls itself an old one."""
    clip = library("no-language.mp4") / "no-language.mp4"
    before = clip.read_bytes().replace(b"avc1", b"vvc1")
    clip.write_bytes(before)
    old = """sed 's/libavcodec .*/libavcodec 59. 37/'"""
    tools_on_path(ffmpeg=f'"$REAL_FFMPEG" "$@" 2>&1 | {old}')
    shown = process(vpo, policy, "-n", clip)
    error = shown.json["files"][0]["error"]
    assert error["type"] == "PlanError", shown
    assert "does not support the codec of video" in error["message"]
    assert clip.read_bytes() == before
