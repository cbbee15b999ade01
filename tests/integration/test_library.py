"""``vpo scan`` and ``vpo library`` on real files."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from tests.conftest import Library, Result, ToolsOnPath, Vpo

POLICY = "schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n"


def counts(result: Result) -> dict[str, int]:
    return {k: v for k, v in result.json["summary"].items() if v and k not in ("seconds", "total")}


def scan(vpo: Vpo, *paths: Path | str) -> Result:
    return vpo("scan", "-R", "--format", "json", *paths)


def test_library_reports_what_scan_indexed(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "multi-audio.mkv", "mov-text.mp4")
    (root / "sub").mkdir()
    (root / "sub" / "broken.mkv").write_bytes(b"nothing" * 99)
    odd = os.fsencode(root) + b"/na\xefve\n.mkv"
    os.link(root / "multi-audio.mkv", odd)
    before = {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(root)}

    first = scan(vpo, root)
    assert first.rc == 1
    assert counts(first) == {"new": 4, "unreadable": 1}
    assert counts(scan(vpo, root)) == {"unchanged": 4, "unreadable": 1}
    assert {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(root)} == before

    told = vpo("library", "--format", "json").json
    assert told["total"]["files"] == 4
    assert {item["value"]: item["files"] for item in told["container"]} == {"mkv": 3, "mp4": 1}
    rows = list(csv.reader(io.StringIO(vpo("library", "--format", "csv").stdout)))
    assert rows[0] == ["fact", "value", "files", "seconds", "bytes"]
    assert ["container", "mp4", "1"] in [row[:3] for row in rows]
    table = vpo("library", "--under", root / "mov-text.mp4")
    assert table.stdout.startswith("1 file, ")
    failed = vpo("library", "failed", "--format", "json").json["failed"]
    assert [item["path"] for item in failed] == [str(root / "sub" / "broken.mkv")]
    assert vpo("library", "duplicates").stdout == "no duplicates found\n"


def test_library_lists_noncompliant_files_without_any_tool(
    vpo: Vpo, library: Library, tmp_path: Path, tools_on_path: ToolsOnPath
) -> None:
    root = library("wrong-flags.mkv", "multi-audio.mkv")
    policy = tmp_path / "p.yaml"
    policy.write_text(POLICY)
    assert scan(vpo, root).rc == 0
    tools_on_path(only=True)
    found = vpo("library", "check", "-p", policy, "--format", "json")
    wrong = {Path(file["path"]).name for file in found.json["files"]}
    planned = vpo("process", "-n", "-p", policy, "--format", "json", root).json["files"]
    assert wrong == {Path(f["path"]).name for f in planned if f["changes"]}
    assert found.rc == 1
    assert "wrong-flags.mkv" in wrong
    rows = list(
        csv.DictReader(io.StringIO(vpo("library", "check", "-p", policy, "--format", "csv").stdout))
    )
    assert {Path(row["path"]).name for row in rows} == wrong


def test_scan_removes_deleted_files_unless_their_mount_is_gone(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "multi-audio.mkv")
    assert counts(scan(vpo, root)) == {"new": 2}
    (root / "wrong-flags.mkv").unlink()
    assert counts(scan(vpo, root)) == {"unchanged": 1, "gone": 1}
    (root / "multi-audio.mkv").unlink()
    found = scan(vpo, root)
    assert found.json["missing"] == [str(root / "multi-audio.mkv")]
    assert vpo("library", "--format", "json").json["total"]["files"] == 1
    root.rmdir()
    assert scan(vpo, root).rc == 2
    assert scan(vpo, root, library(folder="other")).rc == 1
    assert vpo("library", "--format", "json").json["total"]["files"] == 1


def test_scan_probes_changed_file_again(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "multi-audio.mkv")
    scan(vpo, root)
    (root / "multi-audio.mkv").replace(root / "wrong-flags.mkv")
    found = scan(vpo, root)
    assert counts(found) == {"changed": 1, "gone": 1}


def test_library_suggests_scan_when_empty(vpo: Vpo, tmp_path: Path) -> None:
    assert "vpo scan -R" in vpo("library").stdout  # there is no database yet
    (tmp_path / "none").mkdir()
    assert scan(vpo, tmp_path / "none").rc == 0
    assert "vpo scan -R" in vpo("library").stdout


def test_library_refuses_a_place_of_which_nothing_is_known(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "bad/zero.mkv=bad/zero.mkv")
    none = library(folder="none")
    policy = ("-p", vpo.policy(POLICY))
    assert scan(vpo, root).rc == 1
    for words in ([], ["check", *policy], ["duplicates"], ["failed"]):
        for place in (none, root / "nowhere"):
            found = vpo("library", *words, "--under", root, "--under", place)
            assert (found.rc, found.stdout) == (2, "")
            assert place.name in found.stderr
        assert vpo("library", *words, "--under", root).rc == (1 if "check" in words else 0)
    assert vpo("library", "failed", "--under", root / "bad").rc == 0


def test_library_check_of_nothing_is_no_success(vpo: Vpo) -> None:
    for form in ("text", "json", "csv"):
        assert vpo("library", "check", "-p", vpo.policy(POLICY), "--format", form).rc == 1


def test_what_was_not_done_is_said_by_every_run_and_by_the_library(
    vpo: Vpo, library: Library
) -> None:
    """It is part of the compliance record: a run that opens no file says it, too."""
    root = library("multi-audio.mkv", "mov-text.mp4")
    rule = 'rules: {items: [{name: r, when: "count(audio) > 2", then: [{warn: "look"}]}]}'
    policy = vpo.policy(f"schema_version: 13\nphases: [{{name: p, {rule}}}]\n")
    expected = {"multi-audio.mkv": ["look"], "mov-text.mp4": []}

    def check(*words: str) -> None:
        told = vpo("process", "--format", "json", "-p", policy, *words, root).json
        warnings = {Path(f["path"]).name: f["warnings"] for f in told["files"]}
        assert warnings == expected
        assert told["summary"]["warned"] == 1
        assert told["summary"]["unchanged"] == 2

    check()
    check()
    check("--force")
    printed = vpo("process", "-p", policy, root).stdout
    assert "multi-audio.mkv" in printed
    assert "    warning: look" in printed
    assert "mov-text.mp4" not in printed
    assert "1 file with warnings" in printed
    assert "look" not in vpo("process", "-q", "-p", policy, root).stdout

    found = vpo("library", "check", "-p", policy, "--format", "json")
    assert found.rc == 0
    assert found.json["summary"] == {"total": 2, "noncompliant": 0, "warned": 1}
    (item,) = found.json["compliant"]
    assert (Path(item["path"]).name, item["warnings"]) == ("multi-audio.mkv", ["look"])
    text = vpo("library", "check", "-p", policy)
    assert "warning: look" in text.stdout
    rows = list(
        csv.DictReader(io.StringIO(vpo("library", "check", "-p", policy, "--format", "csv").stdout))
    )
    assert [(row["change"], row["reason"]) for row in rows] == [("warning", "look")]
