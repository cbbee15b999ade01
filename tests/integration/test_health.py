"""``vpo inspect --health`` and files side by side."""

from __future__ import annotations

import os
import subprocess
from dataclasses import astuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import av
import pytest
from tests.conftest import Library, Result, Vpo

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.health_records import HealthRecords
from vpo.library.health_check import HealthChecks
from vpo.probe import decoder
from vpo.probe.decoder import Collector
from vpo.run.request import Interrupt


def film(path: Path, *codec: str) -> Path:
    """Four seconds of noise, for which every codec needs many bytes."""
    picture = "testsrc2=size=160x90:rate=25:duration=4,noise=alls=20:allf=t"
    words = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=440:duration=4"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *words, *codec, "-c:a", "ac3", "-g", "25", path], check=True
    )
    return path


def damage(path: Path, kind: Literal["audio", "video"], at: float) -> float:
    """Overwrite the beginning of the first packet of this kind from that second on.

    There stand the length of a NAL unit, the start code of MPEG-4 or the sync word of AC-3, which
    no decoder does without. Returns the time of the packet, in seconds.
    """
    data = bytearray(path.read_bytes())
    with path.open("rb") as file, av.open(file) as source:
        for packet in source.demux(source.streams.get({kind: 0})):
            assert packet.pts is not None, "no packet so late"
            time = float(packet.pts * packet.time_base)
            if time >= at:
                content = bytes(packet)
                start = data.index(content)
                data[start : start + 64] = bytes(range(100, 164))
                break
    path.write_bytes(data)
    return time


def healths(result: Result) -> list[dict[str, object]]:
    return [file["health"] for file in result.json["files"]]


@pytest.mark.parametrize("codec", [("-c:v", "libx264"), ("-c:v", "mpeg4", "-q:v", "5")])
def test_health_reports_damaged_video_with_its_time(
    vpo: Vpo, tmp_path: Path, codec: tuple[str]
) -> None:
    path = film(tmp_path / os.fsdecode(b"na\xefve.mkv"), *codec)
    whole = vpo("inspect", "--health", "--format", "json", path)
    assert whole.rc == 0, whole
    (health,) = healths(whole)
    assert (health["intact"], health["errors"]) == (True, [])
    assert health["decoded"] == pytest.approx(4.0, abs=0.1)

    time = damage(path, "video", 2.0)
    found = vpo("inspect", "--health", "--format", "json", path)
    assert found.rc == 1
    (health,) = healths(found)
    errors = health["errors"]
    assert isinstance(errors, list)
    assert errors[0]["stream"] == 0
    assert errors[0]["start"] == pytest.approx(time, abs=0.1)
    report = vpo("inspect", "--health", path)
    assert report.rc == 1
    assert "  damaged: track 0 at 0:00:02" in report.stdout


def test_health_reports_damaged_audio_for_the_audio_track_only(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", "-c:v", "libx264")
    time = damage(path, "audio", 2.0)
    found = vpo("inspect", "--health", "--format", "json", path)
    (health,) = healths(found)
    errors = health["errors"]
    assert isinstance(errors, list)
    assert {item["stream"] for item in errors} == {1}
    assert errors[0]["start"] == pytest.approx(time, abs=0.1)
    assert "frame is damaged" not in found.stdout


@pytest.mark.parametrize(
    ("kind", "message"), [("video", "a frame is damaged"), ("audio", "audio is damaged")]
)
def test_decoder_names_what_is_corrupt_by_the_type_of_its_track(kind: str, message: str) -> None:
    corrupt = [SimpleNamespace(is_corrupt=True)]
    packet = SimpleNamespace(decode=lambda: corrupt, stream=SimpleNamespace(type=kind))
    assert list(decoder._damage(packet)) == [message]


def test_health_reports_file_that_is_cut_off(vpo: Vpo, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", "-c:v", "libx264")
    os.truncate(path, path.stat().st_size * 3 // 4)
    found = vpo("inspect", "--health", path)
    assert found.rc == 1
    assert "the file is truncated" in found.stdout


def test_health_finds_all_samples_intact(vpo: Vpo, corpus: Path) -> None:
    """No decoder complains of what is as it should be."""
    files = sorted(path for path in corpus.iterdir() if path.is_file())
    found = vpo("inspect", "--health", "--format", "json", *files)
    assert [f["path"] for f in found.json["files"] if not f["health"]["intact"]] == []


def checked(vpo: Vpo, *words: str | Path) -> tuple[int, dict[str, int], dict[str, dict[str, Any]]]:
    """The exit code, the numbers and the files of a check of folders."""
    found = vpo("library", "health", "--format", "json", *words)
    document = found.json
    assert document["summary"].pop("seconds") >= 0
    return found.rc, document["summary"], {Path(f["path"]).name: f for f in document["files"]}


def test_library_health_skips_what_is_unchanged_since_the_last_check(
    vpo: Vpo, library: Library
) -> None:
    root = library("a.mkv=multi-audio.mkv", "b.mp4=mov-text.mp4", "c/d.mkv=und.mkv")
    data = (root / "a.mkv").read_bytes()
    (root / "a.mkv").write_bytes(data[: len(data) * 3 // 4])
    assert vpo("inspect", "--health", root / "b.mp4").rc == 0  # is recorded, too
    rc, summary, files = checked(vpo, root)
    counts = {"total": 2, "intact": 1, "damaged": 1, "known": 1, "unchecked": 0}
    assert (rc, summary) == (1, {**counts, "interrupted": False})
    assert (files["a.mkv"]["intact"], files["a.mkv"]["known"]) == (False, False)
    assert files["a.mkv"]["errors"][-1]["message"] == "the file is truncated"

    rc, summary, again = checked(vpo, "-R", root)
    assert (rc, summary["total"], summary["known"]) == (1, 3, 2)
    assert again["a.mkv"] == {**files["a.mkv"], "known": True}
    text = vpo("library", "health", root)
    assert text.stdout.startswith(f"damaged  {root}/a.mkv  (checked 20")
    assert "  damaged: container" in text.stdout
    assert "1 intact, 1 damaged; 2 unchanged since an earlier check" in text.stdout
    rows = vpo("library", "health", "--format", "csv", root).stdout.splitlines()
    assert len(rows) >= 3

    (root / "a.mkv").write_bytes(data)
    rc, summary, repaired = checked(vpo, root)
    assert (rc, summary["intact"], summary["known"]) == (0, 2, 1)
    assert checked(vpo, "--all", root)[1]["known"] == 0
    assert repaired["a.mkv"]["checked_at"] > files["a.mkv"]["checked_at"]


def test_library_health_stops_and_goes_on(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=und.mkv", "b.mkv=und.mkv", "c.mkv=und.mkv")
    settings = build({}, {"VPO_CONFIG": str(vpo.config)})
    interrupt = Interrupt()
    with DaemonConnectionPool(vpo.folder / "health.db") as pool:
        checks = HealthChecks(settings, HealthRecords(pool), interrupt, lambda _: None)
        for _ in checks.check([str(root)], recursive=False):
            interrupt.stop = True
        interrupt.stop = False
        found = list(checks.check([str(root)], recursive=False))
    assert 1 <= sum(item.known for item in found) < len(found) == 3


def test_inspect_decodes_nothing_without_health(vpo: Vpo, corpus: Path) -> None:
    assert healths(vpo("inspect", "--format", "json", corpus / "und.mkv")) == [None]


def test_inspect_side_by_side_marks_differences(vpo: Vpo, library: Library) -> None:
    root = library("multi-audio.mkv", "mov-text.mp4")
    found = vpo("inspect", "-y", root / "multi-audio.mkv", root / "mov-text.mp4", cwd=root)
    lines = found.stdout.splitlines()
    assert lines[0].split() == ["multi-audio.mkv", "mov-text.mp4"]
    container = next(line for line in lines if "container" in line)
    assert container.split() == ["≠", "container", "mkv", "mp4"]
    same = vpo("inspect", "-y", root / "mov-text.mp4", root / "mov-text.mp4")
    assert "≠" not in same.stdout


def test_collector_merges_errors_that_are_near() -> None:
    found = Collector()
    for at in (1.0, 2.0, 6.9, 20.0, None):
        found.add(0, at, f"at {at}")
    found.add(1, 2.0, "sound")
    found.add(None, None, "container")
    assert [astuple(item) for item in found.found] == [
        (0, 1.0, 6.9, 3, "at 1.0"),
        (0, 20.0, 20.0, 2, "at 20.0"),
        (1, 2.0, 2.0, 1, "sound"),
        (None, None, None, 1, "container"),
    ]
