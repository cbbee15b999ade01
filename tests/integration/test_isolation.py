"""What lies in the folder where vpo is started, or in the environment, is never executed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Library, Vpo

MODULES = ("resource", "av", "json", "sitecustomize", "usercustomize", "vpo")
FLAGS = "schema_version: 13\nphases: [{name: f, default_flags: {}}]\n"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with modules that leave a trace when they are imported."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in MODULES:
        text = f"open({str(tmp_path / 'executed')!r}, 'a').write({name!r})\n"
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.mark.parametrize(
    "command",
    [("inspect",), ("inspect", "--health"), ("scan",)],
    ids=" ".join,
)
def test_modules_of_the_current_folder_are_not_imported(
    vpo: Vpo, library: Library, hostile: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = library("multi-audio.mkv") / "multi-audio.mkv"
    result = vpo(*command, path, cwd=hostile)
    assert result.rc == 0, result
    assert not (tmp_path / "executed").exists()


def test_process_imports_nothing_from_the_current_folder(
    vpo: Vpo, library: Library, hostile: Path, tmp_path: Path
) -> None:
    path = library("wrong-flags.mkv") / "wrong-flags.mkv"
    result = vpo("process", "-p", vpo.policy(FLAGS), path, cwd=hostile)
    assert result.rc == 0, result
    assert not (tmp_path / "executed").exists()
