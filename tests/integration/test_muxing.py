"""What no tool can write is refused by the plan; what is written in another way is the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Vpo
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


@pytest.mark.parametrize("policy", [ORDER, TO_MKV, HEVC], ids=["order", "mkv", "hevc"])
def test_encrypted_tracks_are_refused_by_the_plan(vpo: Vpo, tmp_path: Path, policy: str) -> None:
    key = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "01" * 16]
    path = film(tmp_path / "film.mp4", *H264, *key, "-encryption_kid", "02" * 16)
    assert "the encryption data of video 0" in refusal(vpo, policy, path)


@pytest.mark.parametrize("policy", [ORDER, TO_MKV, HEVC], ids=["order", "mkv", "hevc"])
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
    changed(vpo, ORDER, path)
    assert sorted(stream_hashes(path)) == sorted(hashes)


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
    assert "ffmpeg would lose the pictures of its chapters" in refusal(vpo, HEVC, path)
    assert changed(vpo, LANGUAGE, path)["strategy"] == "header"
    assert "ffmpeg would lose the pictures of its chapters" in refusal(vpo, HEVC, path)


@pytest.mark.parametrize(
    ("added", "named"),
    [
        (box(b"sefd", bytes(40)), "the box 'sefd' (40 bytes in which Samsung's telephones"),
        (b"\0\0\x90\x08\x10\0\0\0camera data SEFT", "the 24 bytes behind its last box"),
    ],
)
def test_what_lies_outside_the_known_boxes_is_named(
    vpo: Vpo, tmp_path: Path, added: bytes, named: str
) -> None:
    path = film(tmp_path / "film.mp4", *H264)
    path.write_bytes(path.read_bytes() + added)
    changed(vpo, LANGUAGE, path)  # an edit of the header leaves it where it is
    assert read(path).of("video")[0].language == "deu"
    assert path.read_bytes().endswith(added)
    planned = vpo("process", "-n", "-p", vpo.policy(ORDER), path)
    assert f"ffmpeg does not keep {named}" in " ".join(planned.stdout.split())
    changed(vpo, ORDER, path)
    assert read(path).tracks[0].type == "audio"


def test_quicktime_without_a_brand_is_quicktime(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mov", *H264, "-c:a", "pcm_s16le")
    data = path.read_bytes()
    # The offsets stay right: a box of the same size has nothing in it.
    path.write_bytes(data[:4] + b"free" + data[8:])
    assert "mp4 cannot hold audio 1 (pcm_s16le" in refusal(vpo, TO_MP4, path)
    hashes = stream_hashes(path)
    changed(vpo, LANGUAGE, path)
    changed(vpo, ORDER, path)
    assert read(path).container == "mov"
    assert read(path).of("video")[0].language == "ger"
    assert sorted(stream_hashes(path)) == sorted(hashes)


def test_a_place_is_the_same_however_it_is_spelt(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", *H264, "-metadata", "location=+37.7750-122.4183+012.345/")
    changed(vpo, ORDER, path)
    assert read(path).tags["location"].startswith("+37.7750-122.4183")


def test_interlaced_video_stays_marked(vpo: Vpo, tmp_path: Path) -> None:
    marked = ("-vf", "setfield=tff", "-c:v", "ffv1", "-field_order", "tt", "-c:a", "flac")
    path = film(tmp_path / "film.mkv", *marked)
    order = shown(path, "stream=field_order")["streams"][0]["field_order"]
    assert order != "progressive"
    changed(vpo, ORDER, path)
    assert shown(path, "stream=field_order")["streams"][1]["field_order"] == order


@pytest.mark.parametrize("policy", [TO_MKV, ORDER], ids=["mkv", "order"])
def test_odd_names_of_tags_and_bytes_that_are_no_text_are_kept(
    vpo: Vpo, tmp_path: Path, policy: str
) -> None:
    odd = [("content rating", "PG 13"), ("comment-deu", "gut"), ("kommentar", "caf#")]
    tags = [part for name, value in odd for part in ("-metadata", f"{name}={value}")]
    source = "mp4" if policy == TO_MKV else "mkv"
    path = film(tmp_path / f"film.{source}", *H264, *tags, "-movflags", "+use_metadata_tags")
    path.write_bytes(path.read_bytes().replace(b"caf#", b"caf\xe9"))
    changed(vpo, policy, path)
    found = read(path.with_suffix(".mkv")).tags
    assert (found["content_rating"], found["comment-ger"]) == ("PG 13", "gut")
    assert found["kommentar"] == "caf\ufffd"


def section(table: int, body: bytes) -> bytes:
    """A section of a transport stream with its CRC (ISO/IEC 13818-1, annex A)."""
    data = bytes([table]) + (0xB000 | len(body) + 4).to_bytes(2, "big") + body
    crc = 0xFFFFFFFF
    for bit in (byte >> n & 1 for byte in data for n in range(7, -1, -1)):
        crc = crc << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if crc >> 31 ^ bit else 0)
    return data + crc.to_bytes(4, "big")


TELEVISION = [
    (0x86, 0x200, b"\x05\x04CUEI", b"\0" + section(0xFC, bytes(11))),
    (0x05, 0x201, b"\x6f\x03\0\x10\xe1", b"\0" + section(0x74, bytes(9))),
    (
        0x06,
        0x202,
        b"\x56\x05ger\x10\0",
        bytes.fromhex("000001bd00348080052100090001102c") + bytes(42),
    ),
]
"""Stream type, PID, descriptors and a packet: cues for advertisements, applications, teletext."""


def television(path: Path) -> Path:
    """Make a recording with the streams of television, and a guide that no table names."""
    film(path, *H264[:-2], "-pix_fmt", "yuv420p", "-c:a", "ac3")
    data, made, count = path.read_bytes(), b"", 0
    added = b"".join(
        bytes([kind, 0xE0 | pid >> 8, pid & 0xFF, 0xF0, len(more)]) + more
        for kind, pid, more, _ in TELEVISION
    )
    payloads = [(row[1], row[3]) for row in TELEVISION]
    payloads.append((0x12, b"\0" + section(0x4E, bytes(11))))
    for at in range(0, len(data), 188):
        packet = data[at : at + 188]
        if int.from_bytes(packet[1:3], "big") & 0x1FFF == 0x1000:
            end = 8 + (int.from_bytes(packet[6:8], "big") & 0xFFF) - 4
            packet = (packet[:5] + section(2, packet[8:end] + added)).ljust(188, b"\xff")
            for pid, payload in payloads:
                head = bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x10 | count & 15])
                made += (head + payload).ljust(188, b"\xff")
            count += 1
        made += packet
    path.write_bytes(made)
    return path


@pytest.mark.parametrize("policy", [TO_MKV, TO_MP4, ORDER], ids=["mkv", "mp4", "order"])
def test_data_of_television_is_named_and_left_out(vpo: Vpo, tmp_path: Path, policy: str) -> None:
    path = television(tmp_path / "film.ts")
    if policy != ORDER:
        said = refusal(vpo, policy, path)
        assert "subtitle 5 (dvb_teletext, ger); codec_mappings: {dvb_teletext: " in said
        removed = "codec_mappings: {dvb_teletext: {action: remove}}}"
        policy = policy.replace("}}]", f", {removed}}}]")
    outcome = changed(vpo, policy, path)
    for name in ("scte_35", "ait", "epg"):
        assert f"({name}, und) is left out: no tool can carry it" in str(outcome["warnings"])
    assert "keep_data: true" in str(outcome["warnings"])
    (made,) = tmp_path.glob("film.*")
    kept = ["ac3", "h264", "dvb_teletext"] if policy == ORDER else ["h264", "ac3"]
    assert [track.codec for track in read(made).tracks] == kept


@pytest.mark.parametrize("policy", [TO_MKV, ORDER], ids=["mkv", "order"])
def test_sound_that_is_only_announced_beside_truehd_is_no_track(
    vpo: Vpo, tmp_path: Path, policy: str
) -> None:
    sound = ("-c:a", "truehd", "-ar", "48000", "-ac", "2", "-strict", "experimental")
    path = film(tmp_path / "film.m2ts", *H264[:-2], *sound, "-mpegts_m2ts_mode", "1")
    hashes = stream_hashes(path, ("0:a:0",))
    changed(vpo, policy, path)
    (made,) = tmp_path.glob("film.*")
    assert stream_hashes(made, ("0:a:0",)) == hashes


@pytest.mark.parametrize("policy", [TO_MP4, HEVC], ids=["mp4", "hevc"])
def test_webvtt_that_ffmpeg_cannot_read_keeps_its_cues(
    vpo: Vpo, tmp_path: Path, policy: str
) -> None:
    plain, words = film(tmp_path / "plain.mkv", *H264), tmp_path / "words.vtt"
    words.write_text(
        "WEBVTT\n\n1\n00:00.250 --> 00:01.000 line:10%\nOne <i>line</i>\n\n"
        "00:01.200 --> 00:01.900\nTwo\nlines\n"
    )
    path = tmp_path / "in" / "film.mkv"
    mux = ["mkvmerge", "-q", "-o", str(path), "--language", "0:fre", str(words), str(plain)]
    subprocess.run(mux, check=True)
    outcome = changed(vpo, policy, path)
    assert "the cues are kept, not styles in its header" in str(outcome["warnings"])
    (made,) = path.parent.iterdir()
    assert read(made).of("subtitle")[0].language in ("fre", "fra")
    text = ["ffmpeg", "-v", "error", "-i", str(made), "-map", "0:s", "-f", "srt", "-"]
    cues = subprocess.run(text, capture_output=True, check=True).stdout.decode().replace("\r", "")
    assert cues.split("\n\n")[:2] == [
        "1\n00:00:00,250 --> 00:00:01,000\nOne <i>line</i>",
        "2\n00:00:01,200 --> 00:00:01,900\nTwo\nlines",
    ]
