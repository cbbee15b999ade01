"""Putting a result in place, with the original's attributes; the path is never empty."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.execute.edits import clean_up

from vpo.errors import CancelledError, PublishError, SourceChangedError, SpaceError
from vpo.execute import originals, publish
from vpo.execute.context import new_run_context
from vpo.execute.copy import copy_result
from vpo.execute.lock import FileLock
from vpo.execute.options import RewriteOptions
from vpo.execute.rewrite import _publish, rewrite
from vpo.execute.work import Work, Written
from vpo.execute.workspace import Workspace
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.probe.service import Prober
from vpo.tools.programs import Tools

KEY = "01234567-89ab-cdef-0123-456789abcdef"
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


def refuse(monkeypatch: pytest.MonkeyPatch, *functions: str) -> None:
    """Let functions of ``os`` fail, as where the file system does not have what they do."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    for function in functions:
        monkeypatch.setattr(os, function, refused)


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "link")


@pytest.mark.usefixtures("no_links")
def test_replace_works_without_hard_links(film: Path, lock: FileLock, workspace: Workspace) -> None:
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

    def unlink(name: str, **where: int) -> None:
        if name == film.name:
            raise PermissionError(1, "Operation not permitted")
        real(name, **where)

    monkeypatch.setattr(os, "unlink", unlink)
    with pytest.raises(PublishError, match="could not be renamed"):
        publish.replace_original(lock, workspace, str(film.with_suffix(".mkv")))
    assert names(film.parent) == ["film.mp4"]
    assert film.read_bytes() == b"original"


class Removing:
    """A rename as the SMB client of Linux makes it over an open file: it removes the target, then
    fails; the first ``refused`` calls that give the film its name fail, too.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, film: Path, refused: int) -> None:
        self._real, self._link, self._film = os.replace, os.link, film
        self.left = refused
        monkeypatch.setattr(os, "replace", self.replace)
        monkeypatch.setattr(os, "link", self.link)
        monkeypatch.setattr("vpo.execute.rename._PAUSES", (0.0, 0.0))

    def replace(self, name: str, new: str, **where: int) -> None:
        if new == self._film.name and self.left:
            self._film.unlink(missing_ok=True)
        self._refuse(new)
        self._real(name, new, **where)

    def link(self, name: str, new: str, **where: int | bool) -> None:
        self._refuse(new)
        self._link(name, new, **where)  # type: ignore[arg-type]

    def _refuse(self, new: str) -> None:
        if new == self._film.name and self.left:
            self.left -= 1
            raise PermissionError(13, "Permission denied")


def test_film_that_a_failing_rename_removed_gets_the_result(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    Removing(monkeypatch, film, 2)
    publish.replace_original(lock, workspace, str(film))
    assert film.read_bytes() == b"result"
    assert list(film.parent.glob(".vpo-*.rename")) == []
    assert lock.fd < 0, "the source is still open"


@pytest.fixture
def smb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpo.execute.rename.file_system_type", lambda _: "cifs")


@pytest.mark.usefixtures("smb")
def test_film_on_smb_is_moved_aside_before_it_is_replaced(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server does not replace a file that another program has open, but renames it."""
    real = os.replace

    def replace(name: str, new: str, **where: int) -> None:
        assert new != film.name or not film.exists(), "an open file is to be replaced"
        real(name, new, **where)

    monkeypatch.setattr(os, "replace", replace)
    publish.replace_original(lock, workspace, str(film))
    assert film.read_bytes() == b"result"
    assert [path for path in film.parent.iterdir() if path.name.endswith(".rename")] == []


@pytest.mark.usefixtures("smb")
def test_film_on_smb_returns_if_the_result_cannot_take_its_place(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "link")
    monkeypatch.setattr("vpo.execute.rename.NO_LINKS", frozenset())
    with pytest.raises(PublishError, match="could not be renamed"):
        publish.replace_original(lock, workspace, str(film))
    assert film.read_bytes() == b"original"


@pytest.mark.usefixtures("smb")
@pytest.mark.parametrize("lost", ["film", "film and result"])
def test_next_run_completes_an_exchange_on_smb(
    film: Path, lock: FileLock, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Killed after the film was moved aside; the result may be gone since."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    real = os.replace
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", killed)
        patch.setattr(os, "replace", lambda old, new, **w: _once(real, film, old, new, w))
        workspace = Workspace(str(film.parent), 0o644).__enter__()
        Path(workspace.path).write_bytes(b"result")
        with pytest.raises(KeyboardInterrupt):
            publish.replace_original(lock, workspace, str(film))
    os.close(workspace.fd)
    lock.release()
    assert not film.exists()
    if lost == "film and result":
        Path(workspace.path).unlink()
    clean_up(film.parent)
    assert film.read_bytes() == (b"original" if lost == "film and result" else b"result")
    assert [path.name for path in film.parent.iterdir()] == [film.name]


def _once(real: Callable[..., None], film: Path, old: str, new: str, where: dict[str, int]) -> None:
    """Rename, but not back to the name of the film."""
    if new == film.name:
        raise KeyboardInterrupt
    real(old, new, **where)


def test_next_run_puts_the_result_in_the_place_of_a_removed_film(
    film: Path, lock: FileLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then nothing removes the last copy."""
    smb = Removing(monkeypatch, film, 99)
    with (
        pytest.raises(PublishError, match="the result is complete in"),
        Workspace(str(film.parent), 0o644) as workspace,
    ):
        Path(workspace.path).write_bytes(b"result")
        publish.replace_original(lock, workspace, str(film))
    assert Path(workspace.path).read_bytes() == b"result"
    (told,) = clean_up(film.parent)
    assert "cannot be cleaned up: the file system removed the file" in told
    assert Path(workspace.path).exists()
    smb.left = 0
    assert f"put {film} in its place, as an interrupted run began to" in clean_up(film.parent)
    assert film.read_bytes() == b"result"
    assert [path.name for path in film.parent.iterdir()] == ["film.mp4"]


def test_original_returns_if_film_and_result_are_gone(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def lose(name: str, new: str, **where: int) -> None:
        if new != film.name:
            return real(name, new, **where)
        film.unlink()
        Path(workspace.path).unlink()
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("vpo.execute.rename._PAUSES", (0.0,))
    monkeypatch.setattr(os, "replace", lose)
    with pytest.raises(PublishError):
        _publish(kept_work(film, lock), workspace, keep=True)
    assert film.read_bytes() == b"original"


def kept_work(film: Path, lock: FileLock, keep_free: int = 0) -> Work:
    media = MediaFile(str(film), "mp4", 1)
    tools = Tools()
    context = new_run_context(tools, Prober(tools.processes, 60))
    options = RewriteOptions(keep_free=keep_free, keep_originals=True)
    return Work(Plan(media, media), lock, options, context, lambda _: None, KEY)


def test_source_is_not_read_for_a_result_without_space(
    film: Path, lock: FileLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next file would wait until all of it is read."""
    read: list[str] = []
    monkeypatch.setattr(Prober, "read_source", lambda *values: read.append(str(values)))
    with pytest.raises(SpaceError, match="not enough free space"):
        rewrite(kept_work(film, lock, keep_free=1 << 60), lambda *_: Written(), prove=True)
    assert read == []


def test_nothing_is_renamed_in_a_folder_that_was_swapped(
    film: Path, lock: FileLock, workspace: Workspace, tmp_path: Path
) -> None:
    elsewhere = tmp_path.with_name("elsewhere")
    tmp_path.rename(elsewhere)
    tmp_path.mkdir()
    film.write_bytes(b"the film of another")
    with pytest.raises(SourceChangedError, match="its folder was replaced"):
        publish.replace_original(lock, workspace, str(film))
    assert film.read_bytes() == b"the film of another"
    film.unlink()
    tmp_path.rmdir()
    tmp_path.symlink_to(elsewhere)
    with pytest.raises(SourceChangedError, match="its folder cannot be opened"):
        publish.replace_original(lock, workspace, str(film))
    assert film.read_bytes() == b"original"


def test_result_in_a_temporary_folder_is_moved_beside_the_film_first(
    film: Path, lock: FileLock, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Workspace(str(scratch), 0o644) as workspace:
        Path(workspace.path).write_bytes(b"result")
        publish.replace_original(lock, workspace, str(film))
    assert film.read_bytes() == b"result"
    assert list(scratch.iterdir()) == []


def test_copy_of_a_result_is_proven_by_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(1 << 20) + b"end"
    with Workspace(str(tmp_path), 0o644) as result, Workspace(str(tmp_path), 0o644) as copied:
        Path(result.path).write_bytes(data)
        copy_result(result, copied, lambda: False)
        assert Path(copied.path).read_bytes() == data
        with pytest.raises(CancelledError):
            copy_result(result, copied, lambda: True)
        # A disk that stores something else.
        monkeypatch.setattr(os, "fsync", lambda fd: os.pwrite(fd, b"?", 1 << 20))
        with pytest.raises(PublishError, match="differs from it, and was discarded"):
            copy_result(result, copied, lambda: False)


@pytest.mark.usefixtures("no_links")
def test_original_is_copied_where_there_are_no_hard_links(film: Path, lock: FileLock) -> None:
    new = film.with_name("new")
    new.write_bytes(b"result")
    result = new.stat()
    kept = originals.keep_file(lock, KEY, result)
    assert Path(kept.path).read_bytes() == b"original"
    assert os.stat(kept.path).st_mtime_ns == lock.status.st_mtime_ns
    new.replace(film)
    stat = (result.st_size, result.st_mtime_ns, result.st_ino)
    originals.restore("file", kept.path, str(film), str(film), stat)
    assert film.read_bytes() == b"original"
    assert not Path(kept.path).exists()


@pytest.mark.usefixtures("no_links")
def test_original_that_changes_while_it_is_copied_is_not_kept(
    film: Path, lock: FileLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originals, "copy_file", lambda *_: film.write_bytes(b"other"))
    with pytest.raises(SourceChangedError):
        originals.keep_file(lock, KEY, film.stat())
    assert list((film.parent / ".vpo-originals").iterdir()) == []


@pytest.mark.usefixtures("no_links")
@pytest.mark.parametrize(("free", "keep_free"), [(1, 0), (100, 93)])
def test_original_is_not_copied_without_space(
    film: Path, lock: FileLock, monkeypatch: pytest.MonkeyPatch, free: int, keep_free: int
) -> None:
    monkeypatch.setattr(originals, "free_bytes", lambda _: free)
    with pytest.raises(SpaceError, match="has no hard links"):
        originals.keep_file(lock, KEY, film.stat(), keep_free)
    assert list((film.parent / ".vpo-originals").iterdir()) == []


@pytest.mark.parametrize("folder", ["link", "theirs"])
def test_originals_are_not_kept_in_the_folder_of_another(
    film: Path, lock: FileLock, tmp_path: Path, folder: str
) -> None:
    place = film.parent / ".vpo-originals"
    if folder == "link":
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    elif os.geteuid() == 0:
        place.mkdir()
        os.chown(place, 65534, 65534)
    else:
        pytest.skip("only root gives files away")
    with pytest.raises(PublishError, match="the original cannot be kept"):
        originals.keep_file(lock, KEY, film.stat())
    assert list(place.iterdir()) == []


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
    refuse(monkeypatch, "link", "replace")
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
    work = kept_work(film, lock)
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
    refuse(monkeypatch, "fchown")
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


@pytest.mark.parametrize(("more", "mtime"), [(b"", OLD), (b"written", OLD + 5)])
def test_times_that_a_server_has_changed_are_set_again(
    film: Path, monkeypatch: pytest.MonkeyPatch, more: bytes, mtime: int
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    status = film.stat()
    film.write_bytes(film.read_bytes() + more)
    os.utime(film, ns=(OLD, OLD + 5))
    publish.set_times_again(str(film), status)
    assert film.stat().st_mtime_ns == mtime


def test_set_times_now_keeps_time_of_the_result(lock: FileLock, workspace: Workspace) -> None:
    before = os.fstat(workspace.fd).st_mtime_ns
    publish.set_times(workspace.fd, lock.status, "now")
    assert os.fstat(workspace.fd).st_mtime_ns == before


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_kept_original_is_synced_before_the_original_goes(
    film: Path,
    lock: FileLock,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    """A power cut must not leave neither of them."""
    done: list[str] = []

    def record(function: str) -> None:
        real = getattr(os, function)

        def call(*values: object, **where: object) -> object:
            what = values[-1] if function in ("link", "replace") else values[0]
            done.append(os.path.basename(place(what)))
            return real(*values, **where)

        monkeypatch.setattr(os, function, call)

    def place(value: object) -> str:
        return os.readlink(f"/proc/self/fd/{value}") if isinstance(value, int) else str(value)

    if not os.path.exists("/proc/self/fd"):
        pytest.skip("open files cannot be named here")
    for function in ("fsync", "link", "replace", "unlink"):
        record(function)
    work = kept_work(film, lock)
    target = film.with_suffix(suffix)
    after = MediaFile(str(target), "mkv", 1)
    _publish(replace(work, plan=replace(work.plan, after=after)), workspace, keep=True)
    kept = next(n for n, what in enumerate(done) if what.startswith(KEY))
    gone = done.index(film.name, kept)
    assert ".vpo-originals" in done[kept:gone]
    assert film.parent.name in done[kept:gone]


def test_mode_and_times_that_cannot_be_set_are_warnings(
    film: Path, lock: FileLock, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "fchmod", "utime")
    film.chmod(0o600)
    lock.status = film.stat()
    assert publish.copy_attributes(lock, workspace.fd) == ["the mode 600 could not be kept"]
    (told,) = publish.set_times(workspace.fd, lock.status, "preserve")
    assert "modification time could not be set" in told
