"""Which paths may be opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.config.builder import Settings, build
from vpo.errors import UsageError
from vpo.serve.library_paths import library_file, opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for folder in ("films", "films/inner", "films-2", "elsewhere"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mkv").write_bytes(b"film")
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[libraries]]\nname = "Films"\nfolders = ["{tmp_path}/films"]\npolicy = "p.yaml"\n'
    )
    return build({}, {"VPO_DATA_DIR": str(tmp_path / "data"), "VPO_CONFIG": str(config)}, 2)


def test_file_of_a_library_by_its_real_path(settings: Settings, tmp_path: Path) -> None:
    found = library_file(settings, f"{tmp_path}/elsewhere/../films/inner/./a.mkv")
    assert found is not None
    assert found.path == f"{tmp_path}/films/inner/a.mkv"
    assert found.library.name == "Films"


@pytest.mark.parametrize(
    "path",
    [
        "films-2/a.mkv",
        "films/../elsewhere/a.mkv",
        "films/inner",
        "films/missing.mkv",
        "films/a.mkv\0",
        "films/out/a.mkv",
        "films/link.mkv",
        "films/loop.mkv",
        "films/pipe.mkv",
        "films/text.txt",
        "films/.vpo-originals/a.mkv",
        "films/.vpo-00000000000000000000000000000000.part.mkv",
    ],
)
def test_everything_else_is_refused(settings: Settings, tmp_path: Path, path: str) -> None:
    films = tmp_path / "films"
    (films / "out").symlink_to(tmp_path / "elsewhere")
    (films / "link.mkv").symlink_to("/etc/passwd")
    (films / "loop.mkv").symlink_to("loop.mkv")
    os.mkfifo(films / "pipe.mkv")
    (films / "text.txt").write_text("secret")
    (films / ".vpo-originals").mkdir()
    (films / ".vpo-originals" / "a.mkv").write_bytes(b"film")
    (films / ".vpo-00000000000000000000000000000000.part.mkv").write_bytes(b"film")
    assert library_file(settings, f"{tmp_path}/{path}") is None


def test_relative_path_is_refused(settings: Settings, tmp_path: Path) -> None:
    assert library_file(settings, os.path.relpath(tmp_path / "films" / "a.mkv")) is None


def test_file_that_became_a_link_is_not_opened(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "films" / "a.mkv"
    with opened(settings, str(path)) as descriptor:
        assert os.read(descriptor, 9) == b"film"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere" / "a.mkv")
    with pytest.raises(UsageError), opened(settings, str(path)):
        pass


def test_folder_that_became_a_link_leads_nowhere(settings: Settings, tmp_path: Path) -> None:
    inner = tmp_path / "films" / "inner"
    inner.rename(tmp_path / "moved")
    inner.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError), opened(settings, str(inner / "a.mkv")):
        pass


def test_pipe_is_not_waited_for(settings: Settings, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "films" / "pipe.mkv")
    with pytest.raises(UsageError), opened(settings, str(tmp_path / "films" / "pipe.mkv")):
        pass
