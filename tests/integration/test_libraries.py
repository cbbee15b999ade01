"""The libraries of the configuration, for commands without paths."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import Library, Result, Vpo

FLAGS = "schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n"
NOTHING = "schema_version: 13\nphases: [{name: none}]\n"


@pytest.fixture
def libraries(vpo: Vpo, library: Library) -> Path:
    """Two libraries: ``films`` with a policy by name, ``shows`` with a file and a priority."""
    root = library("films/a.mkv=wrong-flags.mkv", "shows/s/b.mkv=wrong-flags.mkv")
    (vpo.folder / "policies").mkdir()
    (vpo.folder / "policies" / "tidy.yaml").write_text(FLAGS)
    vpo.policy(NOTHING, "shows.yaml")
    vpo.config.write_text(
        f'[[libraries]]\nname = "films"\nfolders = ["{root}/films"]\npolicy = "tidy"\n'
        f'[[libraries]]\nname = "shows"\nfolders = ["{root}/shows"]\npolicy = "./shows.yaml"\n'
        "priority = 1\n"
    )
    return root


def documents(result: Result) -> list[dict[str, object]]:
    decoder, text, found = json.JSONDecoder(), result.stdout.lstrip(), []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


def test_process_without_paths_takes_each_library_with_its_policy(
    vpo: Vpo, libraries: Path
) -> None:
    runs = documents(vpo("process", "--format", "json"))
    assert [run["library"] for run in runs] == ["shows", "films"]
    files = [(file["path"], file["status"]) for run in runs for file in run["files"]]  # type: ignore[attr-defined]
    assert files == [
        (str(libraries / "shows/s/b.mkv"), "unchanged"),
        (str(libraries / "films/a.mkv"), "changed"),
    ]


def test_scan_and_check_without_paths_take_all_libraries(vpo: Vpo, libraries: Path) -> None:
    assert vpo("scan", "--format", "json").json["summary"]["new"] == 2
    found = vpo("library", "check", "--format", "json")
    assert (found.rc, found.json["summary"]["total"]) == (1, 2)
    assert [file["path"] for file in found.json["files"]] == [str(libraries / "films/a.mkv")]
    assert vpo("library", "check", "--library", "shows").rc == 0
    assert vpo("library", "check", "--under", libraries / "shows").rc == 0
    assert vpo("library", "check", "--library", "shows", "-p", "tidy").rc == 1
    shown = vpo("config", "show").stdout
    assert shown.count("[[libraries]]") == 2


def test_library_option_and_policy_names_are_checked(vpo: Vpo, libraries: Path) -> None:
    wrong = vpo("process", "--library", "film")
    assert (wrong.rc, "did you mean `films`?" in wrong.stderr) == (2, True)
    assert "cannot be used with paths" in vpo("process", "--library", "films", libraries).stderr
    assert "need a policy" in vpo("process", libraries).stderr
    wrong = vpo("process", "-n", "-p", "tidi", libraries)
    assert (wrong.rc, "did you mean `tidy`?" in wrong.stderr) == (2, True)
    assert "watch = true" in vpo("watch").stderr
    assert vpo("process", "-n", "-R", "-p", "tidy", libraries).rc == 0


def test_library_that_is_missing_fails_and_the_others_are_processed(
    vpo: Vpo, libraries: Path
) -> None:
    (libraries / "shows").rename(libraries / "unmounted")
    found = vpo("process", "--format", "json")
    runs = [run["summary"] for run in documents(found)]
    assert [(run["failed"], run["changed"]) for run in runs] == [(1, 0), (0, 1)]  # type: ignore[index]
    assert found.rc == 1
    (libraries / "films").rename(libraries / "unmounted-too")
    assert vpo("process").rc == 2
