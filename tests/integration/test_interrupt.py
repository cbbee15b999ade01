"""Ctrl-C once and twice, SIGTERM, a closed terminal, and a vpo that is killed in its work.

Every moment is an event: a tool that has started, a message that was written.
"""

from __future__ import annotations

import fcntl
import json
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.integration.facts import everything_else, litter, original, streams, tree
from tests.integration.stage import LIMIT, Stage, Terminal, alive, until
from tests.reading import read
from tests.unsized import without_size

HEADER = """\
schema_version: 13
phases:
  - name: flags
    subtitle_actions: {clear_all_forced: true, clear_all_default: true}
"""
REMUX = """\
schema_version: 13
phases:
  - name: subtitles
    keep_subtitles: {languages: [fre]}
"""
CONVERT = "schema_version: 13\nphases: [{name: c, container: {target: mp4}}]\n"
SAMPLE = "wrong-flags.mkv"


def copies(library: Library, *names: str, sample: str = SAMPLE) -> Path:
    return library(*(f"{name}={sample}" for name in names))


@pytest.fixture
def two_workers(vpo: Vpo) -> Vpo:
    vpo.config.write_text("[processing]\nmax_workers = 2\n")
    return vpo


# Interrupted


def test_first_ctrl_c_completes_files_in_progress(
    two_workers: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    root = copies(library, "a.mkv", "b.mkv", "c.mkv", "d.mkv", "e.mkv")
    before = tree(root)
    policy = two_workers.policy(REMUX)
    terminal = Terminal(two_workers, ["process", "-w", "2", "-p", policy, root])
    stage.arrived("a.mkv", "b.mkv")
    terminal.press(b"\x03")
    terminal.shows("press Ctrl-C again")
    stage.release("a.mkv", "b.mkv", "c.mkv", "d.mkv", "e.mkv")
    assert terminal.end() == 130
    assert sorted(stage.started()) == ["a.mkv", "b.mkv"]
    assert "2 changed, 3 not started; interrupted" in terminal.output
    after = tree(root)
    changed = {Path(path).name for path in before if after[path] != before[path]} - {root.name}
    assert changed == {"a.mkv", "b.mkv"}
    assert "interrupted" in two_workers("history").stdout
    rest = two_workers("process", "-p", policy, root)
    assert (rest.rc, "3 changed, 2 unchanged" in rest.stdout) == (0, True)


def test_interrupted_run_is_reported_in_json(
    two_workers: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    root = copies(library, *(f"{letter}.mkv" for letter in "abcdefgh"))
    args = ("process", "-w", "2", "--format", "json", "-p", two_workers.policy(REMUX), root)
    process = two_workers.start(*args)
    stage.arrived("a.mkv", "b.mkv")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"press Ctrl-C again" in process.stderr.readline() + process.stderr.readline()
    stage.release("a.mkv", "b.mkv")
    stdout, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    document = json.loads(stdout)
    assert document["summary"]["stopped_early"] is True
    assert [f["status"] for f in document["files"]].count("not_started") == 6
    assert {f["status"] for f in document["files"] if f["path"][-5] in "ab"} == {"changed"}


TOOLS = {
    "mkvmerge": (REMUX, SAMPLE),
    "mkvpropedit": (HEADER, SAMPLE),
    "ffmpeg": (CONVERT, "front-tags.mkv"),
}


@pytest.mark.parametrize(
    ("tool", "how"),
    [
        ("mkvmerge", "twice"),
        ("mkvpropedit", "twice"),
        ("ffmpeg", "SIGTERM"),
        ("mkvmerge", "SIGHUP"),
    ],
)
def test_second_ctrl_c_or_sigterm_ends_tools_at_once(
    two_workers: Vpo, library: Library, stage: Stage, tool: str, how: str
) -> None:
    """When their work is done and not yet said so: originals intact, nothing left behind."""
    policy, sample = TOOLS[tool]
    stage.act(tool, 'real "$@"; say done; wait_for "$stage/never"')
    root = copies(library, "a.mkv", "b.mkv", "c.mkv", sample=sample)
    if tool == "mkvpropedit":
        without_size(*root.iterdir())
    before = tree(root)
    path = two_workers.policy(policy)
    terminal = Terminal(two_workers, ["process", "-w", "2", "-p", path, root])
    stage.did(2)
    if how == "twice":
        terminal.press(b"\x03")
        terminal.shows("press Ctrl-C again")
        terminal.press(b"\x03")
    else:
        terminal.process.send_signal(signal.Signals[how])
    assert terminal.end() == 130
    assert "2 cancelled, 1 not started; interrupted" in terminal.output
    shown = json.loads(two_workers("history", "show", "last", "--format", "json").stdout)
    assert [file["status"] for file in shown["files"]] == ["cancelled", "cancelled"]
    assert shown["run"]["summary"]["failed"] == 0
    assert json.loads(two_workers("library", "failed", "--format", "json").stdout)["failed"] == []
    assert len(stage.started()) == 2
    assert not [event for event in stage.events if alive(event.pid)]
    assert litter(root) == []
    assert contents(tree(root)) == contents(before)
    assert "interrupted" in two_workers("history").stdout


def contents(files: dict[str, tuple[int, int, str]]) -> dict[str, object]:
    """Without the times of folders, in which there were temporary files."""
    return {path: (mode, mtime if text else 0, text) for path, (mode, mtime, text) in files.items()}


# Killed

DURING = 'real "$@"; status=$?; say done; wait_for "$stage/$name.go"; exit $status'


def kill_during(vpo: Vpo, stage: Stage, policy: Path, root: Path, count: int) -> None:
    """Kill vpo, and nothing else, once the stand-ins have done their work on so many files."""
    process = vpo.start("process", "-w", "2", "-p", policy, root)
    stage.did(count)
    process.kill()
    process.communicate()
    for event in stage.events:
        until(lambda pid=event.pid: not alive(pid), "a tool outlives vpo")  # type: ignore[misc]
    # What the tool's script had started, such as sleep, holds the locks a moment longer.
    for path in litter(root):
        until(lambda path=path: unlocked(root / path), "a lock outlives vpo")  # type: ignore[misc]


def unlocked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def states(vpo: Vpo) -> list[str]:
    """Of the runs, the oldest first."""
    runs = json.loads(vpo("history", "--format", "json").stdout)["runs"]
    return [run["state"] for run in reversed(runs)]


def test_next_run_cleans_up_after_kill_in_remux(
    two_workers: Vpo, library: Library, corpus: Path, stage: Stage
) -> None:
    stage.act("mkvmerge", DURING)
    root = copies(library, "a.mkv", "b.mkv", "c.mkv")
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    policy = two_workers.policy(REMUX)
    kill_during(two_workers, stage, policy, root, 2)
    assert litter(root)
    assert {p.name: p.read_bytes() for p in root.iterdir() if p.name in before} == before
    stage.record("mkvmerge")
    result = two_workers("process", "-p", policy, root)
    assert result.rc == 0, result
    assert "3 changed" in result.stdout
    assert result.stderr.count("left by an interrupted run") == 2
    assert sorted(path.name for path in root.iterdir()) == sorted(before)
    for path in root.iterdir():
        assert [track.language for track in read(path).of("subtitle")] == ["fre"]
        assert set(streams(path)) < set(original(corpus / SAMPLE)[1])
    assert states(two_workers) == ["interrupted", "finished"]
    interrupted = json.loads(two_workers("history", "--format", "json").stdout)["runs"][1]["id"]
    assert "interrupted" in two_workers("history", "show", interrupted).stdout


def test_next_run_cleans_up_after_kill_in_header_edit(
    two_workers: Vpo, library: Library, corpus: Path, stage: Stage
) -> None:
    """mkvpropedit never has the file itself in its hands."""
    stage.act("mkvpropedit", DURING)
    root = copies(library, "a.mkv", "b.mkv", "c.mkv")
    without_size(*root.iterdir())
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    policy = two_workers.policy(HEADER)
    kill_during(two_workers, stage, policy, root, 2)
    assert {p.name: p.read_bytes() for p in root.iterdir() if p.name in before} == before
    stage.record("mkvpropedit")
    result = two_workers("process", "-p", policy, root)
    assert result.rc == 0, result
    assert "3 changed" in result.stdout
    assert sorted(path.name for path in root.iterdir()) == sorted(before)
    for path in root.iterdir():
        assert everything_else(read(path)) == everything_else(original(corpus / SAMPLE)[0])
        assert not any(track.forced for track in read(path).of("subtitle"))
    assert states(two_workers) == ["interrupted", "finished"]


def test_next_run_cleans_up_after_kill_in_conversion(
    two_workers: Vpo, library: Library, stage: Stage
) -> None:
    stage.act("ffmpeg", DURING)
    root = copies(library, "a.mkv", sample="front-tags.mkv")
    before = (root / "a.mkv").read_bytes()
    policy = two_workers.policy(CONVERT)
    kill_during(two_workers, stage, policy, root, 1)
    assert (root / "a.mkv").read_bytes() == before
    assert not (root / "a.mp4").exists()
    stage.record("ffmpeg")
    result = two_workers("process", "-p", policy, root)
    assert result.rc == 0, result
    assert [path.name for path in root.iterdir()] == ["a.mp4"]


def test_second_run_leaves_files_of_living_run_alone(
    two_workers: Vpo, library: Library, stage: Stage
) -> None:
    """A second vpo neither cleans up the first one's files nor takes its run for dead."""
    stage.hold("mkvmerge")
    root = copies(library, "a.mkv")
    policy = two_workers.policy(REMUX)
    first = two_workers.start("process", "-p", policy, root)
    stage.arrived("a.mkv")
    second = two_workers("process", "-p", policy, root)
    assert "another process is working on this file" in second.stderr
    assert len(litter(root)) == 1
    stage.release("a.mkv")
    assert b"1 changed" in first.communicate(timeout=LIMIT)[0]
    assert first.returncode == 0
    assert litter(root) == []
    assert sorted(states(two_workers)) == ["finished", "finished"]
    assert stage.started() == ["a.mkv"]


def test_database_is_intact_after_kill(two_workers: Vpo, library: Library, stage: Stage) -> None:
    stage.act("mkvmerge", DURING)
    root = copies(library, "a.mkv", "b.mkv")
    kill_during(two_workers, stage, two_workers.policy(REMUX), root, 2)
    with sqlite3.connect(two_workers.data / "vpo.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_process_ends_quietly_when_nobody_reads_its_output(vpo: Vpo, library: Library) -> None:
    """``vpo process ... | head``: no traceback, and the work is not undone."""
    root = copies(library, *(f"{letter}.mkv" for letter in "abcd"))
    process = vpo.start("process", "-v", "-p", vpo.policy(HEADER), root)
    assert process.stdout is not None
    process.stdout.close()
    stderr = process.stderr.read() if process.stderr else b""
    assert process.wait(LIMIT) in (0, 1)
    assert b"Traceback" not in stderr
    assert litter(root) == []
    subprocess.run(["mkvmerge", "-J", root / "a.mkv"], check=True, capture_output=True)
