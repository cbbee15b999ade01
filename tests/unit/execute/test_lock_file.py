"""The lock file beside a media file, and locks on network file systems."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

import pytest

from vpo.execute import lock_file
from vpo.execute.leftovers import clean_up_folders, ignore_record
from vpo.execute.lock_file import LockFile, is_on_network, remove_locked, try_lock


@pytest.fixture
def film(tmp_path: Path) -> str:
    (tmp_path / "film.mkv").write_bytes(b"content")
    return str(tmp_path / "film.mkv")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_file, "is_on_network", lambda _: True)


def test_lock_file_keeps_others_out_and_is_removed(film: str) -> None:
    first, second = LockFile(film), LockFile(film)
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    assert os.listdir(os.path.dirname(film)) == ["film.mkv"]


def test_lock_file_is_the_same_for_names_that_differ_by_case(film: str) -> None:
    """On a file server they may be one file."""
    assert LockFile(film).path == LockFile(film.replace("film", "Film")).path
    assert LockFile(film).path != LockFile(film.replace("film", "other")).path


def test_lock_file_of_killed_run_is_taken_over(film: str) -> None:
    Path(LockFile(film).path).touch()
    lock = LockFile(film)
    assert lock.acquire()
    lock.release()
    assert os.listdir(os.path.dirname(film)) == ["film.mkv"]


def test_lock_on_removed_lock_file_does_not_count(
    film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opened it while another held it gets the lock on a file without a name."""
    first, second, third = LockFile(film), LockFile(film), LockFile(film)
    assert first.acquire()
    monkeypatch.setattr("time.sleep", lambda _: None)
    real, calls = try_lock, []

    def late(fd: int) -> bool:
        calls.append(fd)
        if len(calls) == 1:
            first.release()
            # As a file server's client may still remember the name.
            monkeypatch.setattr("os.path.samestat", lambda *_: True)
        return real(fd)

    monkeypatch.setattr(lock_file, "try_lock", late)
    assert second.acquire()
    assert len(calls) == 2
    assert not third.acquire()
    second.release()
    assert os.listdir(os.path.dirname(film)) == ["film.mkv"]


def test_lock_file_being_removed_is_waited_for(film: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, answers = os.open, [errno.ENOENT, errno.EBUSY]

    def late(path: str, flags: int, mode: int = 0o777) -> int:
        if answers:
            raise OSError(answers.pop(), "being removed")
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", late)
    lock = LockFile(film)
    assert lock.acquire()
    lock.release()


def test_lock_file_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LockFile(str(tmp_path / "missing" / "film.mkv")).acquire()


def test_removing_lock_file_leaves_the_next_one(film: str) -> None:
    """An outsider removed it, and another vpo created a new one."""
    first, second = LockFile(film), LockFile(film)
    assert first.acquire()
    os.unlink(first.path)
    assert second.acquire()
    remove_locked(first.path, first.fd)
    assert os.path.exists(second.path)
    second.release()


def test_cleanup_removes_lock_file_of_killed_run_only(film: str) -> None:
    folder = os.path.dirname(film)
    lock = LockFile(film)
    assert lock.acquire()
    assert clean_up_folders([folder], ignore_record) == []
    assert os.path.exists(lock.path)
    os.close(lock.fd)
    assert clean_up_folders([folder], ignore_record) == [
        f"removed {lock.path}, left by an interrupted run"
    ]
    assert os.listdir(folder) == ["film.mkv"]


@pytest.mark.usefixtures("network")
def test_network_lock_leaves_content_free(film: str) -> None:
    """SMB servers keep everyone else from the bytes that are locked."""
    with open(film, "r+b") as first, open(film, "r+b") as second:
        assert try_lock(first.fileno())
        assert not try_lock(second.fileno())
        whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1 << 59, 0)
        fcntl.fcntl(second, fcntl.F_OFD_SETLK, whole)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EACCES])
def test_network_lock_takes_both_answers_for_held(
    film: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(fd: int, command: int, value: bytes) -> None:  # noqa: ARG001
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "fcntl", refused)
    with open(film, "rb") as file:
        assert not try_lock(file.fileno())


def test_other_error_of_local_lock_is_no_other_holder(
    film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(fd: int, how: int) -> None:  # noqa: ARG001
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(fcntl, "flock", refused)
    with open(film, "rb") as file, pytest.raises(PermissionError):
        try_lock(file.fileno())


def test_local_file_is_not_on_network(film: str) -> None:
    with open(film, "rb") as file:
        assert not is_on_network(file.fileno())
