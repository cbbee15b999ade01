"""Standard streams that are closed, full or not Unicode; and what else a user is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import Library, Result, Vpo
from tests.unsized import without_size

POLICY = """\
schema_version: 13
phases:
  - name: flags
    subtitle_actions: {clear_all_forced: true, clear_all_default: true}
  - name: japanese
    keep_audio: {languages: [jpn]}
"""
OLD = "schema_version: 12\nphases:\n- name: a  # kept\n  audio_filter: {languages: [eng]}\n"


def shell(vpo: Vpo, redirection: str, *args: str | Path, cwd: Path | None = None) -> Result:
    """vpo as a shell starts it, with a redirection."""
    line = f'exec "$0" -m vpo "$@" {redirection}'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, *(os.fspath(arg) for arg in args)],
        env=vpo.environment(),
        cwd=cwd or vpo.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


@pytest.mark.parametrize(
    ("redirection", "reason"),
    [
        pytest.param(">/dev/full", "the output cannot be written: ", marks=full),
        (">&-", "standard output is closed"),
    ],
)
@pytest.mark.parametrize("args", [("--help",), ("policy", "schema"), ("history",), ("process",)])
def test_output_that_cannot_be_written_is_an_error(
    vpo: Vpo, library: Library, args: tuple[str, ...], redirection: str, reason: str
) -> None:
    if args == ("process",):
        args = ("process", "-n", "-p", str(vpo.policy(POLICY)), str(library("und.mkv")))
    result = shell(vpo, redirection, *args)
    assert (result.rc, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"vpo: error: {reason}")


@pytest.mark.parametrize(
    "redirection", ["2>&-", pytest.param("2>/dev/full", marks=full), "<&- >&- 2>&-"]
)
def test_errors_that_cannot_be_written_still_exit_1(vpo: Vpo, redirection: str) -> None:
    result = shell(vpo, redirection, "inspect", ".")
    assert (result.rc, result.stdout, result.stderr) == (1, "", "")


def test_closed_stdout_does_not_corrupt_files(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv")
    without_size(root / "wrong-flags.mkv")
    policy = vpo.policy(POLICY.partition("  - name: japanese")[0])
    result = shell(vpo, "<&- 2>&-", "process", "-p", policy, root)
    assert result.rc == 0, result
    assert vpo("db", "check").rc == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_escapes_names_its_encoding_cannot_hold(
    vpo: Vpo, library: Library, encoding: str
) -> None:
    root = library("日.mkv=wrong-flags.mkv")
    env = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    result = vpo("process", "-p", vpo.policy(POLICY), root, env=env)
    assert "\\u65e5.mkv" in result.stdout
    assert "Traceback" not in result.stderr
    for args in (("inspect", root / "日.mkv"), ("history", "show", last_run(vpo))):
        result = vpo(*args, env=env)
        # click takes a stream that says ASCII for one that was set up wrongly, and writes UTF-8.
        assert "\\u65e5.mkv" in result.stdout or (encoding == "ascii" and "日.mkv" in result.stdout)
        assert "Traceback" not in result.stderr


def last_run(vpo: Vpo) -> str:
    return str(vpo("history", "--format", "json").json["runs"][0]["id"])


def test_missing_current_folder_is_an_error(vpo: Vpo, corpus: Path) -> None:
    gone = vpo.folder / "gone"
    gone.mkdir()
    line = 'cd "$1" && rmdir "$1" && exec "$0" -m vpo inspect "$2"'
    for name, rc in ((str(corpus / "und.mkv"), 0), ("und.mkv", 1)):
        gone.mkdir(exist_ok=True)
        done = subprocess.run(
            ["sh", "-c", line, sys.executable, str(gone), name],
            env=vpo.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == rc
        assert "Traceback" not in done.stderr
        assert ("current folder" in done.stderr) == bool(rc)


# What failed


def test_failures_are_reported_once_in_one_stream(vpo: Vpo, library: Library) -> None:
    root = library("bad/zero.mkv")
    args = ("process", "-p", vpo.policy(POLICY), root)
    assert shell(vpo, "2>&1", *args).stdout.count("zero.mkv") == 1
    assert "failed: " in shell(vpo, ">/dev/null", *args).stderr


def test_summary_separates_partly_changed_from_failed(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "und.mkv")
    policy = vpo.policy(POLICY)
    result = vpo("process", "-v", "-p", policy, root)
    assert result.rc == 1
    assert "wrong-flags.mkv  (partly changed: " in result.stdout
    assert result.stdout.splitlines()[-1].endswith("2 failed, 1 of them partly changed")
    text = vpo("history", "show", last_run(vpo)).stdout
    assert text.count("(partly changed)") == 1
    for option in (["--format", "json", "show"], ["show", "--format", "json"]):
        files = vpo("history", *option, last_run(vpo)).json["files"]
        assert {bool((file["plan"] or {}).get("changes")) for file in files} == {True, False}


def test_history_shows_no_changes_of_failed_file(
    vpo: Vpo, library: Library, tools_on_path: object
) -> None:
    assert callable(tools_on_path)
    tools_on_path(mkvmerge="exit 2", mkvpropedit="exit 2")
    root = library("wrong-flags.mkv")
    without_size(root / "wrong-flags.mkv")
    policy = vpo.policy(POLICY.partition("  - name: japanese")[0])
    result = vpo("process", "-v", "-p", policy, root)
    assert result.rc == 1
    assert "->" not in result.stdout
    assert "->" not in vpo("history", "show", last_run(vpo)).stdout


def test_output_shows_new_name_after_conversion(vpo: Vpo, library: Library) -> None:
    root = library("film.mp4=mov-text.mp4")
    text = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
    for option in ("-n", "-v"):
        assert (
            "film.mp4 -> film.mkv  (" in vpo("process", option, "-p", vpo.policy(text), root).stdout
        )


def test_history_show_refuses_limit(vpo: Vpo) -> None:
    result = vpo("history", "--limit", "3", "show", "x")
    assert result.rc == 2
    assert "--limit" in result.stderr


# inspect, undo, policy migrate


def test_inspect_refuses_folder(vpo: Vpo, corpus: Path) -> None:
    result = vpo("inspect", corpus)
    assert (result.rc, result.stdout) == (1, "")
    assert result.stderr == f"vpo: {corpus}: is a folder; name the files in it\n"


def test_undo_dry_run_predicts_undo(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    root = library("a.mkv=wrong-flags.mkv", "b.mkv=wrong-flags.mkv", "c.mkv=wrong-flags.mkv")
    policy = vpo.policy(POLICY.partition("  - name: japanese")[0])
    assert vpo("process", "-p", policy, root).rc == 0
    os.utime(root / "b.mkv", (1, 1))
    (root / "c.mkv").unlink()
    dry = vpo("undo", "-n", last_run(vpo))
    assert dry.rc == 1
    assert dry.stdout == f"would restore {root / 'a.mkv'}\n"
    assert "b.mkv: the file has changed since" in dry.stderr
    assert "c.mkv: the file is no longer there" in dry.stderr
    real = vpo("undo", last_run(vpo))
    assert (real.rc, real.stdout) == (1, f"restored {root / 'a.mkv'}\n")


def test_policy_migrate_prints_or_replaces_policy(vpo: Vpo) -> None:
    new = OLD.replace("12", "13").replace("audio_filter", "keep_audio")
    old = vpo.policy(OLD)
    printed = vpo("policy", "migrate", old)
    assert (printed.rc, printed.stdout, printed.stderr) == (0, new, "")
    assert old.read_text() == OLD
    other = vpo.policy(new, "new.yaml")
    result = vpo("policy", "migrate", "--write", old, vpo.folder / "nowhere.yaml", other)
    assert result.rc == 2
    assert "nowhere.yaml" in result.stderr
    assert f"{other}: is version 13 already" in result.stdout
    assert old.read_text() == other.read_text() == new
    assert old.with_name("policy.yaml.v12").read_text() == OLD
    assert vpo("policy", "check", old, other).rc == 0
    again = vpo("policy", "migrate", old)
    assert (again.rc, again.stdout) == (0, new)
    assert "already" in again.stderr


def test_json_output_has_schema_version(vpo: Vpo, corpus: Path) -> None:
    documents = [
        vpo("inspect", "--format", "json", corpus / "und.mkv").stdout,
        vpo("history", "--format", "json").stdout,
    ]
    assert [json.loads(text)["schema_version"] for text in documents] == [1, 1]
