"""What is wrong with files, policies and configuration: one clear message, nothing touched."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Library, Result, Vpo
from tests.integration.facts import rows, tree
from tests.reading import frame_hashes

POLICY = """\
schema_version: 13
phases:
  - name: flags
    subtitle_actions: {clear_all_forced: true, clear_all_default: true}
"""


def process(vpo: Vpo, *args: str | Path) -> Result:
    result = vpo("process", "-p", vpo.policy(POLICY), *args)
    assert "Traceback" not in result.stderr
    return result


def failed(result: Result) -> str:
    """The one failure that is reported."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert len(lines) == 1, result
    return lines[0]


# Files


def text(path: Path) -> None:
    path.write_text("This is a text.\n" * 50)


def socket_(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket may not be long
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(here)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a text": (text, "cannot be read as a video file"),
    "an empty file": (Path.touch, "empty"),
    "a FIFO": (lambda path: os.mkfifo(path), "not a regular file"),
    "a socket": (socket_, "not a regular file"),
    "a dangling link": (lambda path: path.symlink_to("nowhere.mkv"), "No such file"),
    "a link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
}


def polyglot(library: Library) -> tuple[Path, tuple[str, ...]]:
    """A transport stream that ffmpeg 5.1 takes for a playlist of another one, and its frames."""
    root = library("broadcast.ts")
    path = root / "broadcast.ts"
    frames = frame_hashes(path)
    secret = library("other.ts=broadcast.ts", folder="private") / "other.ts"
    head = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n#"
    head += " " * (-(len(head) + 1) % 188) + "\n"
    # The other film begins later, to tell them apart.
    secret.write_bytes(secret.read_bytes()[188 * 400 :])
    path.write_bytes(head.encode() + path.read_bytes())
    return path, frames


def test_process_never_reads_a_film_that_the_file_names(vpo: Vpo, library: Library) -> None:
    path, frames = polyglot(library)
    policy = vpo.policy("schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n")
    assert vpo("process", "-p", policy, path).rc == 0
    assert frame_hashes(path.with_suffix(".mkv")) == frames


@pytest.mark.parametrize("kind", BAD)
def test_process_fails_bad_file_and_changes_the_others(
    vpo: Vpo, library: Library, kind: str
) -> None:
    """The bad file fails with its reason, the other one is processed."""
    make, message = BAD[kind]
    root = library("wrong-flags.mkv")
    bad = root / "bad.mkv"
    make(bad)
    before = tree(root)[str(bad)]
    result = process(vpo, root)
    assert result.rc == 1
    assert "bad.mkv" in failed(result)
    assert message in failed(result)
    assert "1 changed, 1 failed" in result.stdout
    assert tree(root)[str(bad)] == before


def test_process_leaves_truncated_files_unchanged(vpo: Vpo, library: Library) -> None:
    root = library("bad/truncated.mkv", "bad/no-moov.mp4", "wrong-flags.mkv")
    before = tree(root)
    result = process(vpo, root)
    assert result.rc == 1
    assert "1 changed" in result.stdout
    for path, facts in tree(root).items():
        if Path(path).name in ("truncated.mkv", "no-moov.mp4"):
            assert facts == before[path]


def test_process_searches_folder_named_like_a_video_only_with_recursive(
    vpo: Vpo, library: Library
) -> None:
    """It is a folder: looked into with -R, else passed over."""
    root = library("x.mkv/inside.mkv=wrong-flags.mkv")
    result = process(vpo, root)
    assert result.rc == 0
    assert "no video files found" in result.stdout
    assert "1 changed" in process(vpo, "-R", root).stdout


def test_process_fails_missing_path_and_changes_the_others(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv")
    result = process(vpo, root / "nowhere", root)
    assert result.rc == 1
    assert "No such file or directory" in failed(result)
    assert "1 changed, 1 failed" in result.stdout
    shown = vpo("history", "show", "last", "--format", "json").json
    assert [Path(file["path"]).name for file in shown["files"]] == ["wrong-flags.mkv"]
    assert vpo("library", "failed", "--format", "json").json["failed"] == []


@pytest.mark.parametrize("path", ["nowhere", "a\nb", "", "film.mkv/below", "x" * 300])
@pytest.mark.parametrize("command", [["process", "-p", "POLICY"], ["scan"], ["inspect"]])
def test_missing_path_alone_is_wrong_usage(
    vpo: Vpo, library: Library, command: list[str], path: str
) -> None:
    root = library("film.mkv=wrong-flags.mkv")
    words = [str(vpo.policy(POLICY)) if word == "POLICY" else word for word in command]
    for paths in ([path], [path, "nothing"]):
        result = vpo(*words, *paths, cwd=root)
        assert (result.rc, result.stdout) == (2, "")
        assert "no such file or folder" in result.stderr
    assert vpo("history", "--format", "json").json["runs"] == []


def test_process_succeeds_on_folder_without_videos(vpo: Vpo, library: Library) -> None:
    root = library("below/film.mkv=und.mkv")
    (root / "notes.txt").touch()
    result = process(vpo, root)
    assert result.rc == 0
    assert "no video files found" in result.stdout
    assert "-R" in result.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_process_fails_unreadable_file_and_changes_the_others(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "bad.mkv=und.mkv")
    (root / "bad.mkv").chmod(0)
    result = process(vpo, root)
    assert result.rc == 1
    assert "Permission denied" in failed(result)


def test_process_and_dry_run_fail_read_only_file(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=wrong-flags.mkv", "b.mkv=wrong-flags.mkv")
    (root / "b.mkv").chmod(0o444)
    before = tree(root)[str(root / "b.mkv")]
    foreseen = process(vpo, "-n", root)
    assert "1 failed, 1 to be changed" in foreseen.stdout
    shown = foreseen.stdout.partition("a.mkv")[2].partition("b.mkv")
    assert shown[0].count(" -> ") == shown[2].count(" -> ") > 0  # the plan all the same
    result = process(vpo, root)
    assert result.rc == foreseen.rc == 1
    assert "read-only" in failed(result)
    assert failed(foreseen) == failed(result)
    assert "1 changed, 1 failed" in result.stdout
    assert tree(root)[str(root / "b.mkv")] == before


def test_dry_run_skips_the_files_that_process_skips(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=wrong-flags.mkv", "c.mkv=wrong-flags.mkv")
    os.link(root / "a.mkv", root / "b.mkv")
    before = (root / "a.mkv").read_bytes()
    for options, done in ((["-n"], "to be changed"), ([], "changed")):
        result = process(vpo, *options, root)
        assert result.rc == 0
        assert result.stdout.count("it has further hard links (1 other name)") == 2
        assert f"1 {done}" in result.stdout
        assert "2 skipped, 2 of them for their hard links" in result.stdout
    assert (root / "a.mkv").samefile(root / "b.mkv")
    assert (root / "a.mkv").read_bytes() == before
    summary = process(vpo, "--format", "json", root).json["summary"]
    assert (summary["hard_links_skipped"], summary["hard_links_replaced"]) == (2, 0)


def test_log_records_name_run_file_policy_and_operation(vpo: Vpo, library: Library) -> None:
    log = vpo.config.parent / "vpo.log"
    vpo.config.write_text(f'[logging]\nfile = "{log}"\nformat = "json"\nlevel = "info"\n')
    root = library("wrong-flags.mkv")
    assert process(vpo, root).rc == 0
    records = [json.loads(line) for line in log.read_text().splitlines()]
    [record] = [record for record in records if record.get("operation") == "header"]
    assert record["file"] == str(root / "wrong-flags.mkv")
    assert record["policy"].endswith(".yaml")
    assert record["run"]


def test_process_skips_file_locked_by_another_process(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=wrong-flags.mkv", "b.mkv=wrong-flags.mkv")
    before = tree(root)[str(root / "b.mkv")]
    with (root / "b.mkv").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = process(vpo, root)
    assert result.rc == 0
    assert "1 changed, 1 skipped" in result.stdout
    assert "skipped: " in result.stderr
    assert "another process is working on this file" in result.stderr
    assert tree(root)[str(root / "b.mkv")] == before
    assert "1 changed, 1 unchanged" in process(vpo, root).stdout


# Policies


def write(content: str | bytes) -> Callable[[Path], object]:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda path: path.write_bytes(data)


POLICIES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "missing": (lambda _: None, ["bad.yaml", "no such file"]),
    "a folder": (Path.mkdir, ["bad.yaml", "folder"]),
    "binary": (write(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ["bad.yaml"]),
    "empty": (write(""), ["bad.yaml"]),
    "malformed": (write("schema_version: 13\nphases: [\n"), ["bad.yaml:"]),
    "no mapping": (write("- 1\n- 2\n"), ["bad.yaml:1:1", "mapping"]),
    "unknown key": (
        write("schema_version: 13\nphases:\n  - name: a\n    keep_audoi: {languages: [eng]}\n"),
        ["bad.yaml:4:5", "keep_audoi", "keep_audio"],
    ),
    "repeated key": (
        write("schema_version: 13\nschema_version: 13\nphases: [{name: a}]\n"),
        ["bad.yaml:2:1", "schema_version"],
    ),
}


@pytest.mark.parametrize("kind", POLICIES)
def test_process_refuses_bad_policy_before_any_work(vpo: Vpo, library: Library, kind: str) -> None:
    make, words = POLICIES[kind]
    path = vpo.folder / "bad.yaml"
    make(path)
    refused(vpo, library, ["-p", path], words)


@pytest.mark.parametrize("phases", [None, "flagz"])
def test_process_refuses_bad_policy_even_without_videos(
    vpo: Vpo, library: Library, phases: str | None
) -> None:
    text = "schema_version: 13\nphases: [{nam: flags}]\n" if phases is None else POLICY
    args = ("--phases", phases) if phases else ()
    result = vpo("process", "-p", vpo.policy(text), *args, library())
    assert result.rc == 2, result


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--workers", "0"], ["--workers"]),
        (["--workers", "many"], ["--workers"]),
        (["--phases", "flagz"], ["flagz", "flags"]),
        (["--phases", ","], ["--phases"]),
        (["--phases", "flags,"], ["--phases", "empty"]),
        (["--on-error", "explode"], ["--on-error"]),
        (["--quiet", "--verbose"], ["--quiet", "--verbose"]),
        (["--no-such-option"], ["--no-such-option"]),
    ],
)
def test_process_refuses_bad_option_before_any_work(
    vpo: Vpo, library: Library, args: list[str], words: list[str]
) -> None:
    refused(vpo, library, ["-p", vpo.policy(POLICY), *args], words)


CONFIGURATIONS: dict[str, tuple[str | bytes, list[str]]] = {
    "malformed": ("[processing\n", ["config.toml", "TOML"]),
    "unknown section": ("[procesing]\nworkers = 1\n", ["config.toml:1", "procesing", "processing"]),
    "unknown key": ("[processing]\nworker = 1\n", ["config.toml:2", "worker", "workers"]),
    "wrong type": ('[processing]\nworkers = "two"\n', ["config.toml:2", "workers"]),
    "out of range": ("[processing]\nworkers = 0\n", ["config.toml:2", "workers"]),
    "binary": (b"\xff\xfe\0\0", ["config.toml", "UTF-8"]),
}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_process_refuses_bad_configuration_before_any_work(
    vpo: Vpo, library: Library, kind: str
) -> None:
    content, words = CONFIGURATIONS[kind]
    write(content)(vpo.config)
    refused(vpo, library, ["-p", vpo.policy(POLICY)], words)


def test_process_refuses_missing_configuration_named_by_environment(
    vpo: Vpo, library: Library
) -> None:
    vpo.config.unlink()
    refused(vpo, library, ["-p", vpo.policy(POLICY)], ["config.toml", "does not exist"])
    vpo.config.mkdir()
    refused(vpo, library, ["-p", vpo.policy(POLICY)], ["config.toml", "folder"])


def test_process_refuses_bad_environment_variable(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv")
    result = vpo("process", "-p", vpo.policy(POLICY), root, env={"VPO_WORKERS": "many"})
    assert result.rc == 2
    assert "VPO_WORKERS" in result.stderr


def refused(vpo: Vpo, library: Library, args: list[str | Path], words: list[str]) -> None:
    """Wrong usage: exit 2, one message with these words, no file and no record touched."""
    root = library("wrong-flags.mkv")
    before = tree(root)
    result = vpo("process", *args, root, timeout=30)
    assert result.rc == 2, result
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for word in words:
        assert word.lower() in result.stderr.lower(), result
    messages = [line for line in result.stderr.splitlines() if "rror: " in line]
    assert len(messages) == 1, result
    assert tree(root) == before
    assert rows(vpo.data) == 0


# Tools


@pytest.mark.parametrize("tool", ["ffmpeg", "mkvmerge", "mkvpropedit"])
def test_process_refuses_configured_tool_that_does_not_exist(
    vpo: Vpo, library: Library, tool: str
) -> None:
    """Another one is not taken instead, and nothing is touched."""
    vpo.config.write_text(f'[tools]\n{tool} = "/nowhere/{tool}"\n')
    root = library("wrong-flags.mkv")
    before = tree(root)
    result = process(vpo, root)
    assert result.rc == 3, result
    assert f"config.toml: [tools] {tool}: /nowhere/{tool} is not a program" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert tree(root) == before


def test_process_refuses_removed_configured_tool_even_if_unused(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv")
    assert process(vpo, root).rc == 0
    vpo.config.write_text('[tools]\nffmpeg = "/nowhere/ffmpeg"\n')
    assert process(vpo, root).rc == 3


def test_process_refuses_configured_tool_that_is_not_executable(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv")
    vpo.config.write_text(f'[tools]\nmkvpropedit = "{root / "wrong-flags.mkv"}"\n')
    assert process(vpo, root).rc == 3
