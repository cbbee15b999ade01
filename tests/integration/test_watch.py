"""``vpo watch`` on real folders. It follows events; passing time is no proof of anything."""

from __future__ import annotations

import json
import os
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
from tests.reading import stream_hashes
from tests.unit.execute.edits import torn

POLICY = "schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n"
NOTHING = "schema_version: 13\nphases: [{name: nothing}]\n"
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


@pytest.mark.parametrize(
    ("policy", "how"),
    [(POLICY, "filled"), (REMUX, "appended"), (REMUX, "set back")],
    ids=["header edit, filled", "remux, appended", "remux, set back"],
)
def test_watch_waits_for_stalled_download(
    vpo: Vpo, library: Library, corpus: Path, policy: str, how: str
) -> None:
    root, whole = library(), (corpus / "wrong-flags.mkv").read_bytes()
    path, half = root / "film.mkv", len(whole) // 2
    with watching(vpo, root, policy=policy) as found:
        part = whole[:half] + bytes(0 if how == "appended" else len(whole) - half)
        put_bytes(path, part, set_back=how == "set back")
        assert found.file(path) == "failed"
        (failure,) = (event for event in found.events if event["event"] == "file")
        assert failure["error"]["type"] == "DamagedError"
        assert path.read_bytes() == part
        number = path.stat().st_ino
        put_bytes(path, whole, set_back=how == "set back")
        assert found.file(path) == "changed"
        assert path.stat().st_ino == number or policy == REMUX
        assert found.end() == 0
    assert found.worked_on() == ["film.mkv", "film.mkv"]
    assert sorted(stream_hashes(path)) == sorted(stream_hashes(corpus / "wrong-flags.mkv"))


def put_bytes(path: Path, data: bytes, *, set_back: bool) -> None:
    """Write in place; vpo sees it when it is closed, as it may not look at it while it is open."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(data)
        file.flush()
        if set_back:
            os.utime(file.fileno(), (1_000_000_000, 1_000_000_000))


def test_watch_processes_linked_file_once_its_other_link_is_gone(
    vpo: Vpo, library: Library
) -> None:
    """As a torrent client leaves it, as long as it shares the file."""
    root, shared = library(), library("shared.mkv=wrong-flags.mkv", folder="shared") / "shared.mkv"
    with watching(vpo, root) as found:
        (root / "film.mkv").hardlink_to(shared)
        assert found.file(root / "film.mkv") == "skipped"
        shared.unlink()
        assert found.file(root / "film.mkv") == "changed"
        assert found.end() == 0
    assert found.worked_on() == ["film.mkv", "film.mkv"]


def test_watch_repairs_a_half_edited_film_before_it_looks_at_it(vpo: Vpo, library: Library) -> None:
    root = library("first.mkv=multi-audio.mkv")
    film = library("film.mkv=multi-audio.mkv", folder="elsewhere") / "film.mkv"
    before = torn(film)
    (saved,) = film.parent.glob(".vpo-*.undo")
    with watching(vpo, root, policy=NOTHING) as found:
        assert found.file(root / "first.mkv") == "unchanged"
        saved.rename(root / saved.name)
        film = film.rename(root / film.name)
        found.until("note", text=f"rolled back {film}, which an interrupted run was editing")
        assert found.file(film) == "unchanged"
        assert found.end() == 0
    assert film.read_bytes() == before
    assert sorted(path.name for path in root.iterdir()) == ["film.mkv", "first.mkv"]


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


def test_watch_does_not_undo_an_undo(vpo: Vpo, library: Library, corpus: Path) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    root, sample = library("a.mkv=wrong-flags.mkv"), corpus / "wrong-flags.mkv"
    with watching(vpo, root) as found:
        assert found.file(root / "a.mkv") == "changed"
        assert vpo("undo", root / "a.mkv").rc == 0
        assert found.file(put(sample, root / "b.mkv")) == "changed"
        assert found.end() == 0
    with watching(vpo, root) as again:
        assert again.file(put(sample, root / "c.mkv")) == "changed"
        assert again.end() == 0
    assert [*found.worked_on(), *again.worked_on()] == ["a.mkv", "b.mkv", "c.mkv"]
    assert stream_hashes(root / "a.mkv") == stream_hashes(sample)


def test_watch_without_folders_takes_libraries_with_their_policies(
    vpo: Vpo, library: Library
) -> None:
    root = library(
        "films/a.mkv=wrong-flags.mkv", "shows/b.mkv=wrong-flags.mkv", "none/c.mkv=wrong-flags.mkv"
    )
    vpo.policy(POLICY, "flags.yaml")
    vpo.policy(REMUX, "remux.yaml")
    for name, policy, watch in (
        ("films", "flags", "true"),
        ("shows", "remux", "true"),
        ("none", "flags", "false"),
    ):
        with vpo.config.open("a") as file:
            file.write(
                f'[[libraries]]\nname = "{name}"\nfolders = ["{root}/{name}"]\n'
                f'policy = "./{policy}.yaml"\nwatch = {watch}\nsettle = 0\n'
            )
    process = vpo.start("watch", "--format", "jsonl")
    limit = threading.Timer(2 * LIMIT, process.kill)
    limit.start()
    try:
        found = Watching(process)
        assert found.until("begin")["library"] == "films"
        assert found.until("file")["strategy"] == "header"
        assert found.until("begin")["library"] == "shows"
        assert found.until("file")["strategy"] == "remux"
        found.until("end")
        assert found.end() == 0
    finally:
        limit.cancel()
        process.kill()
        process.communicate()
    assert found.worked_on() == ["a.mkv", "b.mkv"]
