"""``vpo pause``, ``[processing] hours`` and tools that stand back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, ToolsOnPath, Vpo
from tests.integration.facts import tree
from tests.integration.stage import LIMIT, Stage
from tests.integration.stage import until as eventually

REMUX = "schema_version: 13\nphases: [{name: r, track_order: [audio_main, video]}]\n"


def events(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout
    for line in process.stdout:
        yield json.loads(line)


def until(found: Iterator[dict[str, Any]], event: str, **facts: object) -> dict[str, Any]:
    return next(
        item
        for item in found
        if item["event"] == event and all(item.get(key) == value for key, value in facts.items())
    )


def state(pid: int) -> str:
    """``T`` for a process that is stopped; proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def start(vpo: Vpo, root: Path) -> subprocess.Popen[bytes]:
    process = vpo.start("process", "--format", "jsonl", "-p", vpo.policy(REMUX), root)
    limit = threading.Timer(2 * LIMIT, process.kill)  # whoever waits for an event fails then
    limit.daemon = True
    limit.start()
    return process


def test_paused_run_starts_nothing_until_resume(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=multi-audio.mkv")
    before = tree(root)
    assert vpo("pause").stdout == "paused until vpo resume\n"
    process = start(vpo, root)
    found = events(process)
    until(found, "note", text="paused; continue with: vpo resume")
    assert tree(root) == before
    assert vpo("resume").stdout == "resumed\n"
    until(found, "note", text="resumed")
    assert until(found, "file")["status"] == "changed"
    process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert vpo("resume").stdout == "nothing was paused\n"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_pause_suspends_running_tool(vpo: Vpo, library: Library, stage: Stage) -> None:
    stage.hold("mkvmerge")
    root = library("a.mkv=multi-audio.mkv")
    process = start(vpo, root)
    stage.arrived("a.mkv")
    (pid,) = {event.pid for event in stage.events}
    vpo("pause")
    found = events(process)
    until(found, "note", text="paused; continue with: vpo resume")
    eventually(lambda: state(pid) == "T", "the tool was not stopped")
    stage.release("a.mkv")
    vpo("resume")
    assert until(found, "file")["status"] == "changed"
    process.communicate(timeout=LIMIT)
    assert process.returncode == 0


def test_paused_run_can_be_terminated(vpo: Vpo, library: Library, stage: Stage) -> None:
    stage.hold("mkvmerge")
    root = library("a.mkv=multi-audio.mkv", "b.mkv=multi-audio.mkv")
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    process = start(vpo, root)
    stage.arrived("a.mkv")
    vpo("pause")
    until(events(process), "note", text="paused; continue with: vpo resume")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


def test_run_outside_hours_waits_and_can_be_terminated(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=multi-audio.mkv")
    before = tree(root)
    begin, end = (datetime.now() + timedelta(hours=hours) for hours in (3, 4))
    vpo.config.write_text(f'[processing]\nhours = ["{begin:%H:%M}-{end:%H:%M}"]\n')
    process = start(vpo, root)
    note = until(events(process), "note")
    assert note["text"] == f"waiting until {begin:%a %H:%M}"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert tree(root) == before
    assert vpo("process", "-n", "-p", vpo.policy(REMUX), root).rc == 0  # a dry run does not wait


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_tools_run_with_configured_priority(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    tools_on_path(mkvmerge=f'(nice; ionice -p $$) > {note}; exec "$REAL_MKVMERGE" "$@"')
    root = library("a.mkv=multi-audio.mkv")
    wanted = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)
    vpo.config.write_text(f'[processing]\nnice = {wanted}\nionice = "idle"\n')
    assert vpo("process", "-p", vpo.policy(REMUX), root).rc == 0
    assert note.read_text().split() == [str(wanted), "idle"]


@pytest.mark.parametrize("text", ["nice = 20", 'ionice = "slow"', 'hours = ["22-7"]', "hours = []"])
def test_configuration_refuses_bad_priority_or_hours(vpo: Vpo, library: Library, text: str) -> None:
    vpo.config.write_text(f"[processing]\n{text}\n")
    found = vpo("process", "-p", vpo.policy(REMUX), library("a.mkv=multi-audio.mkv"))
    assert found.rc == 2
    assert "[processing]" in found.stderr


def test_missing_ionice_is_an_error(vpo: Vpo, library: Library, tools_on_path: ToolsOnPath) -> None:
    tools_on_path(only=True)
    vpo.config.write_text('[processing]\nionice = "low"\n')
    found = vpo("process", "-p", vpo.policy(REMUX), library("a.mkv=multi-audio.mkv"))
    assert found.rc == 3
    assert "install util-linux" in found.stderr


@pytest.mark.parametrize("time", ["soon", "-1"])
def test_pause_refuses_bad_duration(vpo: Vpo, time: str) -> None:
    assert vpo("pause", "--for", time).rc == 2
    assert vpo("resume").stdout == "nothing was paused\n"


def test_status_shows_running_file_and_what_waits(vpo: Vpo, library: Library, stage: Stage) -> None:
    assert vpo("status").stdout == "nothing runs\n"
    stage.hold("mkvmerge")
    root = library("a.mkv=multi-audio.mkv", "b.mkv=multi-audio.mkv")
    vpo.config.write_text(
        f'[[libraries]]\nname = "films"\nfolders = ["{root}"]\npolicy = "./policy.yaml"\n'
        "[processing]\nworkers = 1\n"
    )
    process = start(vpo, root)
    stage.arrived("a.mkv")

    def shown() -> dict[str, Any]:
        (run,) = vpo("status", "--format", "json").json["runs"]
        return dict(run)

    eventually(lambda: shown()["total"] == 2, "the progress was not written")
    run = shown()
    assert [Path(file["path"]).name for file in run["running"]] == ["a.mkv"]
    assert (run["done"], run["waiting_files"], run["pid"]) == (0, 1, process.pid)
    text = vpo("status").stdout
    assert "0 of 2 files done, 1 waiting" in text
    assert "library films: 0 indexed files" in text
    stage.release("a.mkv")
    stage.release("b.mkv")
    process.communicate(timeout=LIMIT)
    assert vpo("status", "--format", "json").json["runs"] == []
