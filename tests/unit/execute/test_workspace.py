"""The temporary file of a rewrite."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest
from tests.unit.execute.edits import clean_up

from vpo.errors import PublishError
from vpo.execute.lock_file import try_lock
from vpo.execute.workspace import Workspace


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o664, 0o444, 0o100755])
def test_workspace_file_is_hidden_locked_and_has_the_mode(tmp_path: Path, mode: int) -> None:
    with Workspace(str(tmp_path), mode) as workspace:
        path = Path(workspace.path)
        assert path.parent == tmp_path
        assert path.name.startswith(".vpo-")
        assert path.stat().st_mode & 0o777 == (mode & 0o777) | 0o600
        with path.open("rb") as other:
            assert not try_lock(other.fileno())
    assert list(tmp_path.iterdir()) == []


def test_workspace_leaves_nothing_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Workspace(str(tmp_path), 0o644) as workspace:
        assert Path(workspace.store(b"picture")).read_bytes() == b"picture"
        assert len(list(tmp_path.iterdir())) == 2
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(workspace.fd)


def test_workspace_keeps_published_file(tmp_path: Path) -> None:
    with Workspace(str(tmp_path), 0o644) as workspace:
        os.replace(workspace.path, tmp_path / "film.mkv")
    assert [item.name for item in tmp_path.iterdir()] == ["film.mkv"]


def test_workspace_removes_folder_that_a_tool_put_there(tmp_path: Path) -> None:
    with Workspace(str(tmp_path), 0o644) as workspace:
        os.unlink(workspace.path)
        os.mkdir(workspace.path)
    assert list(tmp_path.iterdir()) == []


def test_workspace_leaves_folder_with_files_of_others(tmp_path: Path) -> None:
    """Somebody who may rename in the folder has put one of theirs there."""
    with Workspace(str(tmp_path), 0o644) as workspace:
        os.unlink(workspace.path)
        os.mkdir(workspace.path)
        Path(workspace.path, "film.mkv").write_bytes(b"theirs")
    assert [path.read_bytes() for path in tmp_path.rglob("film.mkv")] == [b"theirs"]


def test_workspace_works_where_modes_cannot_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    with Workspace(str(tmp_path), 0o644) as workspace:
        assert Path(workspace.path).exists()


def test_workspaces_have_files_of_their_own(tmp_path: Path) -> None:
    with Workspace(str(tmp_path), 0o644) as one, Workspace(str(tmp_path), 0o644) as two:
        assert one.path != two.path


def test_workspace_in_missing_folder_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(PublishError, match="cannot write in the folder"),
        Workspace(str(tmp_path / "gone"), 0o644),
    ):
        pytest.fail("no folder")


def test_workspace_retries_after_cleanup_removed_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def late(fd: int) -> bool:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        return try_lock(fd)

    monkeypatch.setattr("vpo.execute.workspace.try_lock", late)
    with Workspace(str(tmp_path), 0o644) as workspace:
        assert Path(workspace.path).exists()
        assert Path(workspace.path) != removed[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.ENOLCK])
def test_workspace_works_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tries: list[int] = []

    def flock(fd: int, how: int) -> None:  # noqa: ARG001
        tries.append(fd)
        assert len(tries) < 10, "it would never end"
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with Workspace(str(tmp_path), 0o644) as workspace:
        assert os.listdir(tmp_path) == [Path(workspace.path).name]
    assert os.listdir(tmp_path) == []


def test_workspace_removes_files_it_could_not_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [False, False]
    monkeypatch.setattr("vpo.execute.workspace.try_lock", lambda _: not answers or answers.pop())
    with Workspace(str(tmp_path), 0o644) as workspace:
        assert os.listdir(tmp_path) == [Path(workspace.path).name]


@pytest.mark.parametrize("call", ["fcntl.flock", "os.fchmod"])
def test_workspace_leaves_nothing_when_it_cannot_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    opened: list[int] = []

    def fail(fd: int, value: int) -> None:  # noqa: ARG001
        opened.append(fd)
        assert len(opened) == 1, "it would never end"
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(call, fail)
    with pytest.raises(PublishError, match="Input/output error"):
        Workspace(str(tmp_path), 0o644).__enter__()
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_workspace_locks_and_removes_stored_files(tmp_path: Path) -> None:
    with Workspace(str(tmp_path), 0o644) as workspace:
        picture = Path(workspace.store(b"picture"))
        assert clean_up(tmp_path) == []
        assert picture.read_bytes() == b"picture"
    assert os.listdir(tmp_path) == []


def test_workspace_removes_files_with_its_prefix(tmp_path: Path) -> None:
    with Workspace(str(tmp_path), 0o644) as workspace:
        own = tmp_path / f"{workspace.prefix()}0.log"
        own.touch()
        (tmp_path / "film.mkv").touch()
        assert own.name.startswith(".vpo-")
        assert clean_up(tmp_path) == []
        assert own.exists()
    assert os.listdir(tmp_path) == ["film.mkv"]
