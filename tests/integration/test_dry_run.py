"""A dry run says what the run would do: also where it would refuse a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo

FLAGS = "default_flags: {}"
REMUX = "track_order: [audio_main, video]"
CONVERT = "container: {target: mkv}"
RENAME = 'rename: "Film {resolution}"'


def outcomes(vpo: Vpo, phase: str, *arguments: str | Path) -> dict[str, Any]:
    """Return status and kind of error of each file, by its name."""
    policy = vpo.policy(f"schema_version: 13\nphases:\n  - name: p\n    {phase}\n")
    found = vpo("process", "--format", "json", "-p", policy, *arguments).json["files"]
    return {
        Path(file["path"]).name: (
            file["status"].replace("planned", "changed"),
            file["error"] and file["error"]["type"],
        )
        for file in found
    }


@pytest.mark.parametrize("phase", [FLAGS, REMUX])
@pytest.mark.parametrize("name", ["wrong-flags.mkv", "mov-text.mp4"])
def test_file_that_is_cut_off_is_refused(vpo: Vpo, library: Library, phase: str, name: str) -> None:
    root = library(name)
    data = (root / name).read_bytes()
    (root / name).write_bytes(data[: len(data) * 3 // 4])
    dry = outcomes(vpo, phase, "-n", root)
    assert dry == outcomes(vpo, phase, root)
    assert dry[name][0] == "failed"


def test_cut_off_file_that_is_to_be_salvaged_is_planned(vpo: Vpo, library: Library) -> None:
    path = library("wrong-flags.mkv") / "wrong-flags.mkv"
    path.write_bytes(path.read_bytes()[:-2000])
    assert outcomes(vpo, REMUX, "-n", "--salvage", path) == {path.name: ("changed", None)}


def test_new_extension_that_is_taken_is_refused_before_work(vpo: Vpo, library: Library) -> None:
    root = library("film.mp4=cover.mp4", "film.mkv=und.mkv")
    dry = outcomes(vpo, CONVERT, "-n", root)
    assert dry["film.mp4"] == ("failed", "PublishError")
    assert dry == outcomes(vpo, CONVERT, root)


def test_two_files_that_want_one_name(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text("[processing]\nworkers = 1\n")
    root = library("a.mkv=und.mkv", "b.mkv=und.mkv")
    dry = outcomes(vpo, RENAME, "-n", root)
    assert dry == {"a.mkv": ("changed", None), "b.mkv": ("failed", "PublishError")}
    assert dry == outcomes(vpo, RENAME, root)


@pytest.mark.parametrize("dry_run", [(), ("-n",)])
def test_temporary_folder_that_cannot_be_used_is_said_before_work(
    vpo: Vpo, library: Library, tmp_path: Path, dry_run: tuple[str, ...]
) -> None:
    root = library("wrong-flags.mkv")
    file = tmp_path / "file"
    file.write_text("")
    policy = vpo.policy(f"schema_version: 13\nphases: [{{name: p, {FLAGS}}}]\n")
    for folder, problem in ((tmp_path / "none", "does not exist"), (file, "is not a folder")):
        vpo.config.write_text(f'[files]\ntemporary_folder = "{folder}"\n')
        refused = vpo("process", *dry_run, "-p", policy, root)
        assert refused.rc == 2
        assert f"[files] temporary_folder: {folder} {problem}; " in refused.stderr
        assert "file in" not in refused.stdout


def test_digest_says_once_what_only_a_run_finds_out(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "a.mkv=multi-audio.mkv", "b.mkv=multi-audio.mkv")
    said = "a run refuses those damaged inside"

    def digest(phase: str) -> str:
        policy = vpo.policy(f"schema_version: 13\nphases: [{{name: p, {phase}}}]\n")
        return vpo("process", "-n", "-p", policy, root).stdout

    assert digest(REMUX).count(said) == 1
    assert said not in digest(FLAGS)
    assert digest("transcode: {audio: {to: aac, loudness: {}}}").count("is silent, stays") == 1
    encode = "transcode: {video: {to: hevc, min_savings: 20%}}"
    assert digest(encode).count("3 files with min_savings: what an encode saves") == 1
    vpo.config.write_text('[files]\nverify = "quick"\n')
    assert said not in digest(REMUX)
