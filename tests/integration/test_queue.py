"""The queue of ``vpo serve``: its order, cancelled files, a killed server, reviews, watching."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.integration.facts import tree
from tests.integration.stage import LIMIT, Stage, until

pytest.importorskip("fastapi", reason="vpo serve needs the extra serve")

REMUX = "schema_version: 13\nphases: [{name: r, track_order: [audio_main, video]}]\n"
SAMPLE = "multi-audio.mkv"


def films(vpo: Vpo, library: Library, *names: str, more: str = "") -> Path:
    """Make a library with copies of one sample, and one worker."""
    root = library(*(f"{name}={SAMPLE}" for name in names))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    vpo.policy(REMUX)
    vpo.config.write_text(
        f"[processing]\nmax_workers = 1\nworkers = 1\n[serve]\nport = {port}\n"
        f'[[libraries]]\nname = "films"\nfolders = ["{root}"]\npolicy = "./policy.yaml"\n{more}'
    )
    return root


@contextlib.contextmanager
def serving(vpo: Vpo) -> Iterator[subprocess.Popen[bytes]]:
    process = vpo.start("serve")
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=LIMIT)
        finally:
            process.kill()


def counts(vpo: Vpo) -> dict[str, int]:
    found: dict[str, int] = vpo("queue", "list", "--format", "json").json["counts"]
    return found


def empty(vpo: Vpo) -> bool:
    return not any(counts(vpo).values())


def outcomes(vpo: Vpo) -> dict[str, list[str]]:
    """Return the recorded statuses of each file, oldest first."""
    query = "SELECT path, coalesce(status, state) FROM outcomes ORDER BY rowid"
    found: dict[str, list[str]] = {}
    vpo("queue", "list")  # makes the database if the server has not
    with contextlib.closing(sqlite3.connect(vpo.data / "vpo.db")) as connection:
        for path, status in connection.execute(query):
            found.setdefault(os.path.basename(os.fsdecode(path)), []).append(status)
    return found


def test_changes_of_the_queue_hold_while_it_is_worked_on(
    vpo: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    root = films(vpo, library, "a.mkv", "b.mkv", "c.mkv", "d.mkv")
    assert vpo("queue", "add", root).stdout == "4 files added\n"
    with serving(vpo):
        stage.arrived("a.mkv")
        vpo("queue", "move", root / "d.mkv", "--to", "front")
        vpo("queue", "hold", root / "b.mkv")
        vpo("queue", "cancel", root / "c.mkv")
        library(f"e.mkv={SAMPLE}")
        vpo("queue", "add", root / "e.mkv")
        assert "1 running, 2 waiting, 1 held" in vpo("status").stdout
        stage.release("a.mkv", "b.mkv", "c.mkv", "d.mkv", "e.mkv")
        until(lambda: counts(vpo) == {"running": 0, "waiting": 0, "held": 1, "review": 0}, "late")
        assert list(dict.fromkeys(stage.started())) == ["a.mkv", "d.mkv", "e.mkv"]
        assert vpo("queue", "release", root / "b.mkv").stdout == "1 file released\n"
        until(lambda: empty(vpo), "the released file was not processed")
    expected = {name: ["changed"] for name in ("a.mkv", "d.mkv", "e.mkv", "b.mkv")}
    assert outcomes(vpo) == expected


def test_a_running_file_is_cancelled_alone(vpo: Vpo, library: Library, stage: Stage) -> None:
    stage.hold("mkvmerge")
    root = films(vpo, library, "a.mkv", "b.mkv")
    before = (root / "a.mkv").read_bytes()
    vpo("queue", "add", root)
    with serving(vpo):
        vpo("queue", "workers", "2")  # one more than configured, while it runs
        stage.arrived("a.mkv", "b.mkv")
        vpo("queue", "cancel", root / "a.mkv")
        until(lambda: counts(vpo)["running"] == 1, "the file was not cancelled")
        assert (root / "a.mkv").read_bytes() == before
        stage.release("b.mkv")
        until(lambda: empty(vpo), "the other file did not go on")
    assert outcomes(vpo) == {"a.mkv": ["cancelled"], "b.mkv": ["changed"]}


def test_a_killed_server_goes_on(vpo: Vpo, library: Library, stage: Stage) -> None:
    stage.hold("mkvmerge")
    root = films(vpo, library, "a.mkv", "b.mkv")
    vpo("queue", "add", root)
    with serving(vpo) as process:
        stage.arrived("a.mkv")
        second = vpo("serve")
        assert second.rc == 2
        assert "runs already for this folder, at http://127.0.0.1:" in second.stderr
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT)
    stage.release("a.mkv", "b.mkv")
    with serving(vpo):
        until(lambda: empty(vpo), "the queue was not worked on")
    assert outcomes(vpo) == {"a.mkv": ["interrupted", "changed"], "b.mkv": ["changed"]}


def test_the_run_of_a_killed_server_ends_though_nothing_waits(
    vpo: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    root = films(vpo, library, "a.mkv")
    vpo("queue", "add", root)
    with serving(vpo) as process:
        stage.arrived("a.mkv")
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT)
    stage.release("a.mkv")
    # As if it had been killed between the last outcome and the end of its run.
    with contextlib.closing(sqlite3.connect(vpo.data / "vpo.db")) as database, database:
        database.execute("DELETE FROM queue")

    def state() -> str:
        found: str = vpo("history", "--format", "json").json["runs"][0]["state"]
        return found

    assert (empty(vpo), state()) == (True, "running")
    with serving(vpo):
        until(lambda: state() == "interrupted", "the run is still recorded as running")


def test_what_a_terminated_server_was_doing_waits(vpo: Vpo, library: Library, stage: Stage) -> None:
    stage.hold("mkvmerge")
    root = films(vpo, library, "a.mkv")
    before = (root / "a.mkv").read_bytes()
    vpo("queue", "add", root)
    with serving(vpo):
        stage.arrived("a.mkv")
    assert [path.name for path in root.iterdir()] == ["a.mkv"]
    assert (root / "a.mkv").read_bytes() == before
    assert counts(vpo)["waiting"] == 1


def test_only_approved_plans_are_carried_out(vpo: Vpo, library: Library) -> None:
    root = films(vpo, library, "a.mkv", "b.mkv", "c.mkv", more="review = true\n")
    before = tree(root)
    vpo("queue", "add", root)
    with serving(vpo):
        until(lambda: counts(vpo)["review"] == 3, "no plans were made")
        assert tree(root) == before
        plans = vpo("queue", "reviews", "--format", "json").json["reviews"]
        assert [plan["kinds"] for plan in plans] == [["move"]] * 3
        library(f"b.mkv={SAMPLE}")  # written anew since
        (root / "b.mkv").touch()
        vpo("queue", "reject", root / "c.mkv")
        assert vpo("queue", "approve", "--kind", "flag").stdout == "0 plans approved\n"
        assert vpo("queue", "approve", "--kind", "move").stdout == "2 plans approved\n"
        until(lambda: "a.mkv" in outcomes(vpo) and counts(vpo)["review"] == 1, "not asked again")
        assert vpo("queue", "list", "--format", "json").json["queue"][0]["reason"]
        vpo("queue", "approve", "--all")
        until(lambda: empty(vpo), "the new plan was not carried out")
        vpo("queue", "add", root / "c.mkv")
        until(lambda: empty(vpo), "somebody is asked about a rejected plan")
    assert outcomes(vpo) == {"a.mkv": ["changed"], "b.mkv": ["skipped", "changed"]}


def test_watched_libraries_fill_the_queue(vpo: Vpo, library: Library) -> None:
    root = films(vpo, library, "a.mkv", more="watch = true\nsettle = 0\n")
    with serving(vpo):
        until(lambda: "a.mkv" in outcomes(vpo), "the file that was there was not added")
        library(f"b.mkv={SAMPLE}")
        until(lambda: "b.mkv" in outcomes(vpo) and empty(vpo), "the new file was not added")
    assert outcomes(vpo) == {"a.mkv": ["changed"], "b.mkv": ["changed"]}
    assert root.exists()


def test_commands_name_what_is_wrong(vpo: Vpo, library: Library, tmp_path: Path) -> None:
    root = films(vpo, library, "a.mkv")
    stray = tmp_path / "stray.mkv"
    stray.touch()
    for words, problem in (
        (["add", stray], "is in the folder of no library"),
        (["add", root / "none.mkv"], "none.mkv"),
        (["hold", "7"], "7 is not in the queue"),
        (["move", "7"], "give either --to or --before"),
        (["workers", "0"], "0 is no number of workers"),
        (["approve"], "give files, --kind or --all"),
    ):
        result = vpo("queue", *words)
        assert result.rc == 2
        assert problem in result.stderr
