"""``vpo watch`` on real folders. It follows events; passing time is no proof of anything."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo
from tests.integration.stage import LIMIT, Stage

POLICY = "schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n"
REMUX = "schema_version: 13\nphases: [{name: r, track_order: [audio_main, video]}]\n"


class Watching:
    """A ``vpo watch`` that runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []

    def until(self, event: str, **facts: object) -> dict[str, Any]:
        assert self.process.stdout
        for line in self.process.stdout:
            found: dict[str, Any] = json.loads(line)
            self.events.append(found)
            if found["event"] == event and facts.items() <= found.items():
                return found
        raise AssertionError(f"it ended before {event} {facts}: {self.events[-3:]}")

    def file(self, path: Path) -> str:
        status: str = self.until("file", path=str(path))["status"]
        self.until("end")
        return status

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=LIMIT)
        return self.process.returncode

    def worked_on(self) -> list[str]:
        return [Path(item["path"]).name for item in self.events if item["event"] == "file"]


@contextmanager
def watching(vpo: Vpo, *folders: Path, policy: str = POLICY) -> Iterator[Watching]:
    options = ("--settle", "0s", "--format", "jsonl")
    process = vpo.start("watch", "-p", vpo.policy(policy), *options, *folders)
    limit = threading.Timer(2 * LIMIT, process.kill)  # whoever waits for an event fails then
    limit.start()
    try:
        yield Watching(process)
    finally:
        limit.cancel()
        process.kill()
        process.communicate()


def put(source: Path, target: Path) -> Path:
    """A file that appears at once, as one that was downloaded beside and then moved."""
    target.parent.mkdir(exist_ok=True)
    part = target.parent / f".{target.name}"
    shutil.copyfile(source, part)
    return part.rename(target)


def test_watch_processes_existing_and_new_files_once(
    vpo: Vpo, library: Library, corpus: Path
) -> None:
    root, sample = library("a.mkv=wrong-flags.mkv"), corpus / "wrong-flags.mkv"
    with watching(vpo, root) as found:
        assert found.file(root / "a.mkv") == "changed"
        assert found.file(put(sample, root / "b.mkv")) == "changed"
        assert found.file(put(sample, root / "new" / "c.mkv")) == "changed"
        (root / "notes.txt").write_text("no video")
        bad = root / "bad.mkv"
        bad.write_bytes(b"nothing" * 99)
        assert found.file(bad) == "failed"
        bad.unlink()
        assert found.file(put(sample, root / "d.mkv")) == "changed"
        assert found.end() == 0
    assert found.worked_on() == ["a.mkv", "b.mkv", "c.mkv", "bad.mkv", "d.mkv"]

    with watching(vpo, root) as again:
        assert again.file(put(sample, root / "e.mkv")) == "changed"
        assert again.end(signal.SIGINT) == 0
    assert again.worked_on() == ["e.mkv"]


def test_watch_waits_for_missing_folder(
    vpo: Vpo, library: Library, corpus: Path, tmp_path: Path
) -> None:
    root, away, sample = tmp_path / "disk", tmp_path / "unmounted", corpus / "wrong-flags.mkv"
    with watching(vpo, root) as found:
        found.until("note", text=f"{root} is not there; waiting for it")
        library("a.mkv=wrong-flags.mkv", folder="disk")
        found.until("note", text=f"{root} is there again")
        assert found.file(root / "a.mkv") == "changed"
        root.rename(away)
        found.until("note", text=f"{root} is not there; waiting for it")
        put(sample, away / "b.mkv")
        away.rename(root)
        found.until("note", text=f"{root} is there again")
        assert found.file(root / "b.mkv") == "changed"
        assert found.end() == 0
    assert found.worked_on() == ["a.mkv", "b.mkv"]


def test_watch_interrupted_in_a_file_leaves_no_trace(
    vpo: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    root = library("a.mkv=multi-audio.mkv")
    before = (root / "a.mkv").read_bytes()
    with watching(vpo, root, policy=REMUX) as found:
        stage.arrived("a.mkv")
        assert found.end() == 0
    assert (root / "a.mkv").read_bytes() == before
    assert [path.name for path in root.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize("words", [["--settle", "soon"], ["--every", "-1"], []])
def test_watch_refuses_files_and_bad_options(vpo: Vpo, library: Library, words: list[str]) -> None:
    root = library("multi-audio.mkv")
    place = root if words else root / "multi-audio.mkv"
    assert vpo("watch", "-p", vpo.policy(POLICY), *words, place).rc == 2
