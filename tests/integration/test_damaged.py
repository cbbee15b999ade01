"""Damaged and incomplete files are never made smaller, and results are proven packet by packet."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import Library, Result, ToolsOnPath, Vpo
from tests.integration.stage import LIMIT, Stage
from tests.reading import stream_hashes

ORDER = """
schema_version: 13
phases:
  - name: turn
    track_order: [subtitle_main, audio_alternate, audio_main, video]
"""
CONVERT = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
ENCODE = """
schema_version: 13
phases:
  - name: e
    transcode: {video: {to: hevc, preset: ultrafast, crf: 40}}
"""
FLAGS = "schema_version: 13\nphases: [{name: f, default_flags: {}}]\n"


def error(result: Result) -> tuple[str, str]:
    (file,) = result.json["files"]
    found = file["error"] or {}
    return file["status"], found.get("type", "")


def process(vpo: Vpo, policy: str, root: Path, *more: str) -> Result:
    return vpo("process", "-R", *more, "--format", "json", "-p", vpo.policy(policy), root)


def cut(path: Path, part: float) -> bytes:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * part))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (ORDER, "multi-audio.mkv"),
        (ENCODE, "multi-audio.mkv"),
        (FLAGS, "wrong-flags.mkv"),
        (CONVERT, "broadcast.ts"),
        (CONVERT, "fragmented.mp4"),
    ],
    ids=["mkvmerge", "encode", "header edit", "transport stream", "fragmented MP4"],
)
def test_process_leaves_a_cut_off_file_alone(
    vpo: Vpo, library: Library, policy: str, name: str
) -> None:
    root = library(name)
    before = cut(root / name, 0.6)
    result = process(vpo, policy, root)
    assert result.rc == 1
    assert error(result)[0] == "failed"
    assert os.listdir(root) == [name]
    assert (root / name).read_bytes() == before


@pytest.mark.parametrize("policy", [ORDER, ENCODE, FLAGS], ids=["mkvmerge", "encode", "header"])
def test_process_changes_a_whole_film_with_something_behind_it(
    vpo: Vpo, library: Library, policy: str
) -> None:
    root = library("film.mkv=wrong-flags.mkv")
    film = root / "film.mkv"
    before = stream_hashes(film)
    with film.open("ab") as file:
        file.write(b"<html>no more data</html>")
    result = process(vpo, policy, root)
    assert error(result) == ("changed", "")
    left_out = "the 25 bytes behind its end" in str(result.json["files"][0]["warnings"])
    # An edit of the header leaves all else where it is.
    assert left_out == (policy != FLAGS) == (b"<html>" not in film.read_bytes())
    kept = stream_hashes(film)
    assert len(kept) == len(before)
    assert policy == ENCODE or sorted(kept) == sorted(before)


def test_process_reports_kind_and_time_of_damage(vpo: Vpo, library: Library) -> None:
    root = library("multi-audio.mkv")
    path = root / "multi-audio.mkv"
    size = path.stat().st_size
    with path.open("r+b") as file:  # a download that got no further than this
        file.truncate(size * 2 // 3)
        file.truncate(size)
    result = process(vpo, ORDER, root)
    assert error(result) == ("failed", "DamagedError")
    message = result.json["files"][0]["error"]["message"]
    assert "the file is damaged: " in message
    assert " s (" in message
    assert "--salvage" in message


def test_what_a_tool_could_not_decode_is_damage(vpo: Vpo, tmp_path: Path) -> None:
    """ffmpeg says of AV1 neither what it is nor where."""
    path = tmp_path / "film.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1:r=12")
    encoder = ("-c:v", "libsvtav1", "-preset", "12")
    subprocess.run(["ffmpeg", "-v", "quiet", *picture, *encoder, path], check=True)
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + len(data) // 4
    data[at : at + 2000] = bytes(range(255, 5, -1)) * 8
    path.write_bytes(data)
    result = process(vpo, CONVERT, path)
    assert error(result) == ("failed", "DamagedError")
    assert re.search(r"damaged.*: at 0\.\d s: ", result.json["files"][0]["error"]["message"])
    assert path.read_bytes() == data


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may not tell about holes")
def test_header_edit_leaves_a_download_with_a_hole_alone(vpo: Vpo, library: Library) -> None:
    """First and last pieces first, as torrent clients do; written in between, it is edited."""
    root = library("wrong-flags.mkv")
    path = root / "wrong-flags.mkv"
    whole = path.read_bytes()
    part = len(whole) // 3
    path.write_bytes(b"")
    with path.open("r+b") as file:
        file.truncate(len(whole))
        file.write(whole[:part])
        file.seek(-part // 2, os.SEEK_END)
        file.write(whole[-part // 2 :])
    before = path.read_bytes()
    assert error(process(vpo, FLAGS, root)) == ("failed", "DamagedError")
    assert path.read_bytes() == before
    path.write_bytes(whole)
    assert error(process(vpo, FLAGS, root)) == ("changed", "")


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_file_that_another_program_opens_meanwhile_is_not_replaced(
    vpo: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    root = library("multi-audio.mkv")
    path = root / "multi-audio.mkv"
    before = path.read_bytes()
    run = vpo.start("process", "--format", "json", "-p", vpo.policy(ORDER), root)
    stage.arrived(path.name)
    with path.open("ab") as writer:
        stage.release(path.name)
        document = json.loads(run.communicate(timeout=LIMIT)[0])
        writer.write(b"")
    (file,) = document["files"]
    assert (file["status"], run.returncode) == ("skipped", 0)
    assert "opened it for writing" in file["error"]["message"]
    assert path.read_bytes() == before
    assert os.listdir(root) == [path.name]


def test_salvage_keeps_what_can_be_read_and_the_original(vpo: Vpo, library: Library) -> None:
    root = library("multi-audio.mkv")
    path = root / "multi-audio.mkv"
    before = cut(path, 0.6)
    assert error(process(vpo, ORDER, root)) == ("failed", "DamagedError")
    result = process(vpo, ORDER, root, "--salvage")
    assert error(result) == ("changed", "")
    (file,) = result.json["files"]
    assert any("salvaged" in warning for warning in file["warnings"])
    assert path.read_bytes() != before
    undone = vpo("undo", path)
    assert undone.rc == 0, undone
    assert path.read_bytes() == before


def test_result_says_what_was_proven(vpo: Vpo, library: Library) -> None:
    root = library("multi-audio.mkv")
    (file,) = process(vpo, ORDER, root).json["files"]
    proof = file["proof"]
    assert (proof["mode"], proof["copied_streams"], proof["encoded_streams"]) == ("full", 10, 0)
    assert proof["packets"] > 100


def test_quick_verification_compares_facts_only(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text('[files]\nverify = "quick"\n')
    (file,) = process(vpo, ORDER, library("multi-audio.mkv")).json["files"]
    assert file["status"] == "changed"
    assert file["proof"]["mode"] == "quick"


def byte_changer(tmp_path: Path) -> str:
    """A mkvmerge whose result has one other byte, in the middle of a packet."""
    script = tmp_path / "change.py"
    script.write_text(
        "import sys, subprocess\n"
        "path = sys.argv[sys.argv.index('--output') + 1]\n"
        "status = subprocess.run(sys.argv[1:]).returncode\n"
        "words = ['ffprobe', '-v', 'error', '-select_streams', 'v', '-show_entries',\n"
        "         'packet=pos,size', '-of', 'csv=p=0', path]\n"
        "lines = subprocess.run(words, capture_output=True, text=True).stdout.split()\n"
        "size, position = max(tuple(map(int, line.strip(',').split(','))) for line in lines)\n"
        "with open(path, 'r+b') as file:\n"
        "    file.seek(position + size // 2)\n"
        "    old = file.read(1)\n"
        "    file.seek(position + size // 2)\n"
        "    file.write(bytes([old[0] ^ 1]))\n"
        "sys.exit(status)\n"
    )
    return f'exec python3 {script} "$REAL_MKVMERGE" "$@"'


def test_one_changed_byte_in_a_copied_packet_is_found(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath, tmp_path: Path
) -> None:
    root = library("multi-audio.mkv")
    before = (root / "multi-audio.mkv").read_bytes()
    tools_on_path(mkvmerge=byte_changer(tmp_path))
    result = process(vpo, ORDER, root)
    assert error(result) == ("failed", "VerifyError")
    assert "packets are not those of the source" in result.json["files"][0]["error"]["message"]
    assert (root / "multi-audio.mkv").read_bytes() == before


def test_a_track_shifted_by_100_ms_is_found(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath
) -> None:
    root = library("multi-audio.mkv")
    before = (root / "multi-audio.mkv").read_bytes()
    # The sync option stands before the input file.
    tools_on_path(
        mkvmerge='n=$#; for word in "$@"; do shift; '
        'if [ "$word" = "(" ]; then set -- "$@" --sync 1:100; fi; set -- "$@" "$word"; done; '
        'exec "$REAL_MKVMERGE" "$@"'
    )
    result = process(vpo, ORDER, root)
    assert error(result) == ("failed", "VerifyError")
    assert "a packet at" in result.json["files"][0]["error"]["message"]
    assert (root / "multi-audio.mkv").read_bytes() == before


def test_file_names_and_titles_do_not_decide(vpo: Vpo, library: Library, corpus: Path) -> None:
    """What a tool prints may contain them."""
    name = "Running Out - not enough space, No space left on device (2019).mkv"
    root = library()
    shutil.copyfile(corpus / "multi-audio.mkv", root / name)
    assert error(process(vpo, ORDER, root)) == ("changed", "")
    assert sorted(stream_hashes(root / name)) == sorted(stream_hashes(corpus / "multi-audio.mkv"))
