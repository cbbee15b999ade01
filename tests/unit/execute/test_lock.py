"""Locks: one process, and one worker in it, on a file at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vpo.errors import FileError, LockedError, SourceChangedError
from vpo.execute.lock import FileLock, FileTurns, Stamp
from vpo.execute.lock_file import LockFile, try_lock

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "rb")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """``flock`` as NFS has it: a lock needs a file that is open for writing."""
    real = fcntl.flock

    def flock(fd: int, how: int) -> None:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", flock)


def held(path: Path) -> bool:
    with path.open("rb") as file:
        return not try_lock(file.fileno())


def test_lock_is_held_inside_its_block(film: Path) -> None:
    with FileLock(str(film)) as lock:
        assert held(film)
        assert lock.status.st_size == 7
        lock.check()
    assert lock.fd == -1
    assert not held(film)


def test_lock_is_released_after_an_error(film: Path) -> None:
    with pytest.raises(ZeroDivisionError), FileLock(str(film)):
        raise ZeroDivisionError
    assert not held(film)


def test_lock_held_by_another_process_is_refused(film: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(film)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin and holder.stdout
    assert holder.stdout.readline() == b"held\n"
    try:
        with pytest.raises(LockedError, match="another process"), FileLock(str(film)):
            pytest.fail("two at once")
    finally:
        holder.communicate()
    with FileLock(str(film)):
        assert held(film)


def test_lock_is_kept_by_tool_that_inherits_it(film: Path) -> None:
    """When vpo is killed, the tool that still writes protects the file."""
    with FileLock(str(film)) as lock:
        tool = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock.fd])
    assert held(film)
    tool.communicate()
    assert not held(film)


def test_hard_links_of_one_run_wait_for_each_other(film: Path) -> None:
    link = film.with_name("link.mkv")
    os.link(film, link)
    entered, order, turns = threading.Event(), [], FileTurns()

    def work() -> None:
        entered.set()
        with FileLock(str(link), turns):
            order.append("second")

    with FileLock(str(film), turns):
        thread = threading.Thread(target=work)
        thread.start()
        entered.wait()
        thread.join(0.1)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]


def test_another_run_does_not_wait_for_a_hard_link(film: Path) -> None:
    link = film.with_name("link.mkv")
    os.link(film, link)
    with (
        FileLock(str(film), FileTurns()),
        pytest.raises(LockedError),
        FileLock(str(link), FileTurns()),
    ):
        pytest.fail("it is locked")


def test_lock_refuses_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceChangedError, match="No such file"), FileLock(str(tmp_path / "x")):
        pytest.fail("nothing to lock")


def test_lock_refuses_symbolic_link(film: Path) -> None:
    link = film.with_name("link.mkv")
    link.symlink_to(film)
    with pytest.raises(SourceChangedError), FileLock(str(link)):
        pytest.fail("a link")
    assert not held(film)


def test_lock_refuses_file_replaced_before_locking(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = film.with_name("other")
    other.write_bytes(b"other")
    real = fcntl.flock

    def late(fd: int, how: int) -> None:
        other.replace(film)
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", late)
    turns = FileTurns()
    with pytest.raises(SourceChangedError, match="replaced while it was being locked"):
        FileLock(str(film), turns).__enter__()
    monkeypatch.undo()
    with FileLock(str(film), turns):  # the turn was given up
        assert held(film)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("append", "changed by another program"),
        ("touch", "changed by another program"),
        ("replace", "changed by another program"),
        ("remove", "was removed"),
    ],
)
def test_lock_check_detects_changed_source(film: Path, change: str, words: str) -> None:
    with FileLock(str(film)) as lock:
        lock.check()
        if change == "append":
            film.write_bytes(b"content and more")
            os.utime(film, ns=(0, lock.status.st_mtime_ns))
        elif change == "touch":
            os.utime(film, ns=(0, lock.status.st_mtime_ns + 1))
        elif change == "replace":
            film.with_name("new").write_bytes(b"CONTENT")
            os.utime(film.with_name("new"), ns=(0, lock.status.st_mtime_ns))
            film.with_name("new").replace(film)
        else:
            film.unlink()
        with pytest.raises(SourceChangedError, match=words):
            lock.check()


@pytest.mark.parametrize("network", [True, False])
def test_other_inode_number_is_another_file_unless_a_file_server_gives_it(
    film: Path, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    monkeypatch.setattr("vpo.execute.lock.is_on_network", lambda _: network)
    with FileLock(str(film)) as lock:
        real = os.stat

        def renumbered(path: str, **how: Any) -> os.stat_result:
            found = real(path, **how)
            names = ("st_atime_ns", "st_mtime_ns", "st_ctime_ns")
            times = {name: getattr(found, name) for name in names}
            return os.stat_result((found[0], found[1] + 1, *found[2:]), times)

        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", renumbered)
            assert lock.holds_path == network
            if network:
                lock.check()
            else:
                with pytest.raises(SourceChangedError):
                    lock.check()


@pytest.fixture
def flock_says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``flock_says(errno, ...)``: what locking fails with; the last error stays."""

    def put(*numbers: int) -> None:
        rest = list(numbers)

        def flock(fd: int, how: int) -> None:  # noqa: ARG001
            number = rest.pop(0) if len(rest) > 1 else rest[0]
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", flock)

    return put


def test_try_lock_distinguishes_held_from_failed(
    film: Path, flock_says: Callable[..., None]
) -> None:
    with film.open("rb") as file:
        flock_says(errno.EWOULDBLOCK)
        assert not try_lock(file.fileno())
        flock_says(errno.EIO)
        with pytest.raises(OSError, match="Input/output error"):
            try_lock(file.fileno())


def test_lock_reports_file_that_cannot_be_opened(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not changed, and is not said to have."""

    def denied(path: str, mode: int) -> int:  # noqa: ARG001
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(FileError, match=r"cannot be opened.*Permission denied") as error:
        FileLock(str(film)).__enter__()
    assert type(error.value) is FileError


@pytest.mark.usefixtures("nfs")
def test_lock_is_on_file_beside_where_nfs_needs_writing(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileLock(str(film)) as lock:
        assert fcntl.fcntl(lock.fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        (beside,) = film.parent.glob(".vpo-*.lock")
        assert os.path.samestat(os.fstat(lock.fds[1]), beside.stat())
        monkeypatch.undo()
        assert not held(film)
        assert held(beside)
    assert os.listdir(film.parent) == ["film.mkv"]


@pytest.mark.usefixtures("nfs")
def test_lock_beside_keeps_others_out(film: Path) -> None:
    with FileLock(str(film)), pytest.raises(LockedError), FileLock(str(film)):
        pytest.fail("two at once")
    with FileLock(str(film)) as lock:
        lock.check()


@pytest.mark.usefixtures("nfs")
def test_lock_beside_is_kept_by_tool_that_inherits_it(film: Path) -> None:
    lock = FileLock(str(film)).__enter__()
    tool = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=lock.fds)
    for fd in lock.fds:  # as if vpo was killed
        os.close(fd)
    with pytest.raises(LockedError):
        FileLock(str(film)).__enter__()
    tool.communicate()
    with FileLock(str(film)):
        pass
    assert os.listdir(film.parent) == ["film.mkv"]


@pytest.mark.usefixtures("nfs")
def test_lock_beside_closes_file_that_is_replaced(film: Path) -> None:
    """A file server may refuse to replace an open file."""
    with FileLock(str(film)) as lock:
        old = lock.fd
        lock.check()
        lock.close_file()
        assert lock.fd == -1
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(old)
        with pytest.raises(LockedError):
            FileLock(str(film)).__enter__()


@pytest.mark.usefixtures("nfs")
@pytest.mark.parametrize("changed", [False, True])
def test_lock_beside_asks_again_once_the_client_has_closed_the_file(
    film: Path, monkeypatch: pytest.MonkeyPatch, changed: bool
) -> None:
    """The Linux client of SMB states a false time for a file that it has written."""
    with FileLock(str(film)) as lock:
        os.utime(film, ns=(0, 1))

        def closed(_: float) -> None:
            assert lock.fd == -1
            os.utime(film, ns=(0, 2 if changed else lock.stamp.mtime_ns))

        monkeypatch.setattr("time.sleep", closed)
        if changed:
            with pytest.raises(SourceChangedError, match="changed by another program"):
                lock.check()
        else:
            lock.check()
        assert os.path.samestat(os.fstat(lock.fd), os.stat(film))


@pytest.mark.usefixtures("nfs")
def test_lock_beside_refuses_file_replaced_before_locking(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LockFile.acquire

    def late(self: LockFile) -> bool:
        film.with_name("other").write_bytes(b"other")
        film.with_name("other").replace(film)
        return real(self)

    monkeypatch.setattr(LockFile, "acquire", late)
    with pytest.raises(SourceChangedError, match="replaced while it was being locked"):
        FileLock(str(film)).__enter__()
    assert os.listdir(film.parent) == ["film.mkv"]


def test_lock_releases_everything_where_nfs_denies_writing(
    film: Path, flock_says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the descriptor, a number that may be another's by then, nor the turn stays."""
    real, closed = os.open, []

    def denied(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE == os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, mode)

    def close(fd: int) -> None:
        closed.append(fd)
        os.closerange(fd, fd + 1)

    flock_says(errno.EBADF)
    monkeypatch.setattr(os, "open", denied)
    monkeypatch.setattr(os, "close", close)
    turns = FileTurns()
    with pytest.raises(FileError, match=r"cannot be opened.*Permission denied"):
        FileLock(str(film), turns).__enter__()
    assert len(closed) == 1
    monkeypatch.undo()
    worker = threading.Thread(target=FileLock(str(film), turns).__enter__, daemon=True)
    worker.start()
    worker.join(30)
    assert not worker.is_alive()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])
def test_try_lock_succeeds_on_file_system_without_locks(
    film: Path, flock_says: Callable[..., None], number: int
) -> None:
    flock_says(number)
    with film.open("rb") as file:
        assert try_lock(file.fileno())
    with FileLock(str(film)) as lock:
        lock.check()


@pytest.mark.parametrize(
    ("mtime", "ctime", "hides"),
    [
        (1_700_000_002_000_000_000, 1_700_000_002_000_000_000, True),  # FAT
        (1_700_000_002_010_000_000, 1_700_000_002_010_000_000, True),  # exFAT
        (1_700_000_002_012_345_678, 1_700_000_002_012_345_678, False),
        (1_700_000_002_000_000_000, 1_700_000_003_012_345_678, False),
    ],
)
def test_time_of_change_says_nothing_where_it_repeats_a_coarse_mtime(
    mtime: int, ctime: int, hides: bool
) -> None:
    assert Stamp(1, 2, 3, mtime, ctime).hides_changes == hides
