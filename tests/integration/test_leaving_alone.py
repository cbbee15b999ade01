"""Files that are left alone: excluded, ignored, undone; and failures that are known."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Result, Vpo

FLAGS = "schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n"


@pytest.fixture
def root(library: Library) -> Path:
    return library("a.mkv=wrong-flags.mkv", "b.mkv=wrong-flags.mkv")


def process(vpo: Vpo, *words: str | Path) -> Result:
    return vpo("process", "-R", "--format", "json", "-p", vpo.policy(FLAGS), *words)


def statuses(result: Result) -> dict[str, str]:
    return {Path(file["path"]).name: file["status"] for file in result.json["files"]}


def test_ignored_file_is_left_alone_under_any_name(vpo: Vpo, root: Path) -> None:
    assert vpo("ignore", root / "a.mkv").stdout.startswith("ignored")
    shutil.copy(root / "a.mkv", root / "c.mkv")
    (root / "b.mkv").unlink()
    found = process(vpo, root)
    assert (found.rc, statuses(found)) == (0, {})
    assert found.json["summary"]["excluded"] == 2
    named = process(vpo, root / "c.mkv", root / "a.mkv")
    assert statuses(named) == {"a.mkv": "skipped", "c.mkv": "skipped"}
    assert {file["error"]["type"] for file in named.json["files"]} == {"ExcludedError"}
    (listed,) = vpo("ignore", "--list", "--format", "json").json["ignored"]
    assert listed["path"] == str(root / "a.mkv")
    assert vpo("ignore", "--remove", root / "c.mkv").rc == 0
    assert statuses(process(vpo, root)) == {"a.mkv": "changed", "c.mkv": "changed"}


def test_ignore_refuses_what_is_no_file_or_not_ignored(vpo: Vpo, root: Path) -> None:
    assert vpo("ignore", root).rc == 2
    assert vpo("ignore").rc == 2
    assert "is not ignored" in vpo("ignore", "--remove", root / "a.mkv").stderr


def test_exclude_adds_to_the_configuration(vpo: Vpo, root: Path) -> None:
    vpo.config.write_text('[files]\nexclude = ["a.*"]\n')
    assert statuses(process(vpo, "-n", root)) == {"b.mkv": "planned"}
    assert statuses(process(vpo, "-n", "--exclude", "b.*", root)) == {}
    assert process(vpo, "--exclude", "#x", root).rc == 2


def test_limit_and_files_from(vpo: Vpo, root: Path) -> None:
    limited = process(vpo, "--limit", "1", root).json["summary"]
    assert (limited["changed"], limited["not_started"], limited["total"]) == (1, 1, 2)
    for separator in ("\n", "\0"):
        listed = vpo.folder / "list"
        listed.write_text(separator.join([str(root / "a.mkv"), str(root / "b.mkv"), ""]))
        assert set(statuses(process(vpo, "--files-from", listed))) == {"a.mkv", "b.mkv"}
    listed.write_text("")
    assert "nothing is done" in process(vpo, "--files-from", listed).stderr


def test_acknowledged_failure_is_no_failure_until_the_file_changes(vpo: Vpo, root: Path) -> None:
    data = (root / "a.mkv").read_bytes()
    (root / "a.mkv").write_bytes(data[: len(data) // 2])
    remux = vpo.policy(
        "schema_version: 13\nphases: [{name: r, track_order: [audio_main, video]}]\n"
    )

    def run() -> tuple[int, dict[str, Any]]:
        found = vpo("process", "--format", "json", "-p", remux, root)
        return found.rc, found.json["summary"]

    assert run()[0] == 1
    assert run()[0] == 1
    assert vpo("library", "failed", "--acknowledge").stdout.startswith("1 failure acknowledged")
    rc, summary = run()
    assert (rc, summary["failed"], summary["acknowledged"]) == (0, 0, 1)
    listed = vpo("library", "failed").stdout
    assert f"{root / 'a.mkv'}  (acknowledged): " in listed
    assert listed.endswith("1 file failed, 1 of them acknowledged\n")
    with (root / "a.mkv").open("ab") as file:
        file.write(b"x")
    assert run()[0] == 1
    failed = vpo("library", "failed", "--format", "json").json["failed"]
    assert [item["acknowledged"] for item in failed] == [False]


def test_acknowledged_unreadable_file_is_no_failure_of_scans_and_runs(vpo: Vpo, root: Path) -> None:
    (root / "a.mkv").write_text("no video")
    assert vpo("scan", root).rc == 1
    assert vpo("library", "failed", "--acknowledge").stdout.startswith("1 failure acknowledged")
    listed = vpo("library", "failed", "--format", "csv").stdout.splitlines()
    assert [row.rpartition(",")[2] for row in listed] == ["acknowledged", "True"]
    again = vpo("scan", "--format", "json", root)
    assert (again.rc, again.json["summary"]["acknowledged"]) == (0, 1)
    found = process(vpo, root)
    assert (found.rc, statuses(found)) == (0, {"a.mkv": "skipped", "b.mkv": "changed"})
    (root / "a.mkv").write_text("still no video")
    assert vpo("scan", root).rc == 1


def test_undo_asks_on_a_terminal_whether_to_ignore(vpo: Vpo, root: Path) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    process(vpo, root / "a.mkv")
    ours, theirs = pty.openpty()
    undo = subprocess.Popen(
        [sys.executable, "-m", "vpo", "undo", root / "a.mkv"],
        env=vpo.environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.write(ours, b"y\n")
    _, asked = undo.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert b"alone from now on?" in asked
    assert statuses(process(vpo, root / "a.mkv")) == {"a.mkv": "skipped"}


@pytest.mark.parametrize(
    ("option", "status"), [("--ignore", "skipped"), ("--no-ignore", "changed")]
)
def test_undo_need_not_ask(vpo: Vpo, root: Path, option: str, status: str) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    process(vpo, root / "a.mkv")
    done = vpo("undo", option, "--format", "json", root / "a.mkv")
    assert done.json["files"][0]["ignored"] is (option == "--ignore")
    assert statuses(process(vpo, root / "a.mkv")) == {"a.mkv": status}
