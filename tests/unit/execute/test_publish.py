"""Putting a result in place, with the original's attributes; the path is never empty."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vpo.errors import PublishError, SourceChangedError
from vpo.execute import publish
from vpo.execute.context import new_run_context
from vpo.execute.lock import FileLock
from vpo.execute.options import RewriteOptions
from vpo.execute.rewrite import _publish
from vpo.execute.work import Work
from vpo.execute.workspace import Workspace
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.probe.service import Prober
from vpo.tools.programs import Tools

OLD = 1_500_000_000_123_456_789


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"original")
    path.chmod(0o640)
    os.utime(path, ns=(OLD, OLD))
    return path


@pytest.fixture
def lock(film: Path) -> Iterator[FileLock]:
    with FileLock(str(film)) as held:
        yield held


@pytest.fixture
def workspace(film: Path) -> Iterator[Workspace]:
    with Workspace(str(film.parent), 0o644) as space:
        Path(space.path).write_bytes(b"result")
        yield space


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))


def test_replace_under_the_same_name(film: Path, lock: FileLock, workspace: Workspace) -> None:
    publish.replace_original(lock, workspace, str(film))
    assert film.read_bytes() == b"result"
    assert names(film.parent) == ["film.mp4"]


def test_replace_under_another_name_removes_the_original(
    film: Path, lock: FileLock, workspace: Workspace
) -> None:
    target = film.with_suffix(".mkv")
    publish.replace_original(lock, workspace, str(target))
    assert target.read_bytes() == b"result"
    assert names(film.parent) == ["film.mkv"]


def test_replace_refuses_name_that_is_taken(
    film: Path, lock: FileLock, workspace: Workspace
) -> None:
    target = film.with_suffix(".mkv")
    target.write_bytes(b"another film")
    with pytest.raises(PublishError, match=r"film\.mkv exists already"):
        publish.replace_original(lock, workspace, str(target))
    assert (film.read_bytes(), target.read_bytes()) == (b"original", b"another film")


@pytest.mark.parametrize("links", [True, False])
def test_replace_works_without_hard_links(
    film: Path,
    lock: FileLock,
    workspace: Workspace,
    links: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*names: str) -> None:  # noqa: ARG001
        raise OSError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", none)
    target = film.with_suffix(".mkv")
    target.write_bytes(b"another film")
    with pytest.raises(PublishError, match="exists already"):
        publish.replace_original(lock, workspace, str(target))
    assert target.read_bytes() == b"another film"
    target.unlink()
    publish.replace_original(lock, workspace, str(target))
    assert target.read_bytes() == b"result"
    assert not film.exists()


def test_check_ready_accepts_unchanged_source(lock: FileLock, workspace: Workspace) -> None:
    publish.check_ready(lock, workspace)


def test_check_ready_refuses_changed_source(
    film: Path, lock: FileLock, workspace: Workspace
) -> None:
    film.write_bytes(b"original, and more of it")
    with pytest.raises(SourceChangedError):
        publish.check_ready(lock, workspace)


def test_check_ready_refuses_deleted_source(
    film: Path, lock: FileLock, workspace: Workspace
) -> None:
    film.unlink()
    with pytest.raises(SourceChangedError, match="was removed"):
        publish.check_ready(lock, workspace)


def test_check_ready_refuses_replaced_output(lock: FileLock, workspace: Workspace) -> None:
    Path(workspace.path).unlink()
    with pytest.raises(PublishError, match="the result was removed"):
        publish.check_ready(lock, workspace)
    Path(workspace.path).write_bytes(b"not the file that was verified")
    with pytest.raises(PublishError, match="replaced its output with another file"):
        publish.check_ready(lock, workspace)


def test_replace_is_undone_when_original_cannot_be_removed(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the new name is given up again: both would be worse."""
    real = os.unlink

    def unlink(path: str, **options: int) -> None:
        if os.fspath(path) == str(film):
            raise PermissionError(1, "Operation not permitted")
        real(path, **options)

    monkeypatch.setattr(os, "unlink", unlink)
    with pytest.raises(PublishError, match="could not be renamed"):
        publish.replace_original(lock, workspace, str(film.with_suffix(".mkv")))
    assert names(film.parent) == ["film.mp4"]
    assert film.read_bytes() == b"original"


@pytest.mark.parametrize("step", ["link", "unlink"])
def test_ctrl_c_during_a_rename_leaves_one_name(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It arrives right after the link to the new name, or after the original was removed."""
    interrupt_after(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        publish.replace_original(lock, workspace, str(film.with_suffix(".mkv")))
    assert names(film.parent) == (["film.mp4"] if step == "link" else ["film.mkv"])


def test_name_is_free_again_if_the_result_cannot_take_it(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*names: str) -> None:  # noqa: ARG001
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(PublishError, match="could not be renamed"):
        publish.replace_original(lock, workspace, str(film.with_suffix(".mkv")))
    assert not film.with_suffix(".mkv").exists()


@pytest.mark.parametrize("replaced", [True, False])
def test_ctrl_c_deletes_a_kept_original_only_if_it_is_not_the_only_one(
    film: Path,
    lock: FileLock,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    replaced: bool,
) -> None:
    media = MediaFile(str(film), "mp4", 1)
    tools = Tools()
    context = new_run_context(tools, Prober(tools.processes, 60))
    options = RewriteOptions(keep_originals=True)
    work = Work(Plan(media, media), lock, options, context, lambda _: None, "key")
    if replaced:
        interrupt_after(monkeypatch, "replace")
    else:
        monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _publish(work, workspace, keep=False)
    kept = list((film.parent / ".vpo-originals").glob("*"))
    assert [path.read_bytes() for path in kept] == ([b"original"] if replaced else [])
    assert film.read_bytes() == (b"result" if replaced else b"original")


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def interrupt_after(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """Let a Ctrl-C arrive after the first call of a function of ``os``."""
    real = getattr(os, function)

    def call(*values: object, **options: object) -> None:
        monkeypatch.setattr(os, function, real)
        real(*values, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, function, call)


def test_copy_attributes_keeps_mode_and_extended_attributes(
    film: Path, lock: FileLock, workspace: Workspace
) -> None:
    try:
        os.setxattr(film, "user.rating", b"5")
    except (AttributeError, OSError):
        pytest.skip("no extended attributes here")
    assert publish.copy_attributes(lock, workspace.fd) == []
    status = os.fstat(workspace.fd)
    assert status.st_mode & 0o7777 == 0o640
    assert (status.st_uid, status.st_gid) == (film.stat().st_uid, film.stat().st_gid)
    assert os.getxattr(workspace.fd, "user.rating") == b"5"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_copy_attributes_keeps_owner(film: Path, workspace: Workspace) -> None:
    os.chown(film, 12345, 23456)
    film.chmod(0o4750)
    with FileLock(str(film)) as lock:
        assert publish.copy_attributes(lock, workspace.fd) == []
    status = os.fstat(workspace.fd)
    assert (status.st_uid, status.st_gid) == (12345, 23456)
    assert status.st_mode & 0o7777 == 0o4750


def test_copy_attributes_warns_when_owner_cannot_be_kept(
    lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    lock.status = os.stat_result((*lock.status[:4], 12345, 23456, *lock.status[6:]))
    assert publish.copy_attributes(lock, workspace.fd) == [
        "the owner 12345:23456 could not be kept"
    ]


@pytest.mark.parametrize(
    ("timestamp", "mtime"), [("preserve", OLD), (1_000_000_000, 1_000_000_000), (0, 0)]
)
def test_set_times_keeps_times(
    lock: FileLock, workspace: Workspace, timestamp: object, mtime: int
) -> None:
    publish.set_times(workspace.fd, lock.status, timestamp)  # type: ignore[arg-type]
    status = os.fstat(workspace.fd)
    assert (status.st_mtime_ns, status.st_atime_ns) == (mtime, lock.status.st_atime_ns)


def test_set_times_now_keeps_time_of_the_result(lock: FileLock, workspace: Workspace) -> None:
    before = os.fstat(workspace.fd).st_mtime_ns
    publish.set_times(workspace.fd, lock.status, "now")
    assert os.fstat(workspace.fd).st_mtime_ns == before
