"""A file that is still on its way here is left alone."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest

from vpo.errors import BusyError, CancelledError, InUseError
from vpo.execute.lock import FileLock
from vpo.execute.preconditions import age_of, refuse_still_written, wait_until_unplayed


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"content")
    return path


def refuse(path: Path, seen: tuple[int, int] | None = None, min_age: float = 0.0) -> None:
    with FileLock(str(path)) as lock:
        refuse_still_written(lock, seen, min_age)


class Playing:
    """A file that is played for the first ``times`` questions."""

    cancelled = False

    def __init__(self, times: int) -> None:
        self.times, self.played = times, self

    def reason(self, path: str) -> str | None:  # noqa: ARG002
        self.times -= 1
        return "it is played" if self.times >= 0 else None


def test_result_waits_until_the_file_is_no_longer_played(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    playing: Any = Playing(2)
    wait_until_unplayed("/a.mkv", playing, 100.0)
    assert slept == [5.0, 5.0]
    with pytest.raises(InUseError, match="it is played; the result was discarded"):
        wait_until_unplayed("/a.mkv", cast(Any, Playing(9)), 0.0)
    playing = Playing(9)
    playing.cancelled = True
    with pytest.raises(CancelledError):
        wait_until_unplayed("/a.mkv", playing, 100.0)


def test_unchanged_file_is_accepted(film: Path) -> None:
    status = film.stat()
    refuse(film, (status.st_size, status.st_mtime_ns))


def test_file_changed_since_discovery_is_refused(film: Path) -> None:
    status = film.stat()
    with pytest.raises(BusyError, match="has changed since the run began"):
        refuse(film, (status.st_size - 1, status.st_mtime_ns))
    with pytest.raises(BusyError, match="has changed since the run began"):
        refuse(film, (status.st_size, status.st_mtime_ns - 1))


def test_file_younger_than_min_age_is_refused(film: Path) -> None:
    with pytest.raises(BusyError, match="min_age is 3600 s"):
        refuse(film, min_age=3600)
    old = time.time_ns() - 4000 * 10**9
    os.utime(film, ns=(old, old))
    refuse(film, min_age=3600)


def test_file_with_future_time_is_as_old_as_its_inode(film: Path) -> None:
    later = time.time_ns() + 10**15
    os.utime(film, ns=(later, later))
    with pytest.raises(BusyError, match="min_age is 3600 s"):
        refuse(film, min_age=3600)
    refuse(film)


@pytest.mark.parametrize(
    ("modified", "changed", "age"),
    [
        (-50, -20, 50),
        (50, -20, 20),
        (50, 20, 0),  # a file server whose clock is ahead
        (10**9, 10**8, math.inf),  # a clock that was wrong
        (10**9, -20, 20),
    ],
)
def test_age_never_stays_young_for_ever(modified: int, changed: int, age: float) -> None:
    now = 1_700_000_000
    assert age_of((now + modified) * 10**9, (now + changed) * 10**9, now) == age


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_file_open_for_writing_is_refused(film: Path) -> None:
    with film.open("r+b"), pytest.raises(BusyError, match="open for writing"):
        refuse(film)
    with film.open("rb"):
        refuse(film)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_writer_is_found_where_there_are_no_leases(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on network file systems, and for files of other owners."""
    real = fcntl.fcntl

    def refused(fd: int, command: int, value: Any = 0) -> Any:
        if command == fcntl.F_SETLEASE:
            raise OSError(errno.EINVAL, "no leases")
        return real(fd, command, value)

    monkeypatch.setattr(fcntl, "fcntl", refused)
    for mode in ("ab", "rb"):
        with film.open(mode) as opened, subprocess.Popen(["sleep", "60"], stdin=opened) as other:
            try:
                with contextlib.nullcontext() if mode == "rb" else pytest.raises(BusyError):
                    refuse(film)
            finally:
                other.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_lease_signal_does_not_end_vpo(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells the holder of a lease by a signal that may not be one that ends vpo."""
    real, got = fcntl.fcntl, []
    before = signal.signal(signal.SIGIO, lambda *_: got.append("SIGIO"))

    def late(fd: int, command: int, value: Any = 0) -> Any:
        if (command, value) == (fcntl.F_SETLEASE, fcntl.F_UNLCK):
            with pytest.raises(BlockingIOError):
                os.open(film, os.O_WRONLY | os.O_NONBLOCK)
            got.append("opened")
        return real(fd, command, value)

    monkeypatch.setattr(fcntl, "fcntl", late)
    try:
        refuse(film)
    finally:
        signal.signal(signal.SIGIO, before)
    assert got == ["opened"]
    os.close(os.open(film, os.O_WRONLY | os.O_NONBLOCK))


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_no_lease_is_asked_of_a_file_server(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS 4 and SMB refuse leases for reasons of their own, with the error of an open file."""
    real = fcntl.fcntl

    def refused(fd: int, command: int, value: Any = 0) -> Any:
        if command == fcntl.F_SETLEASE:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return real(fd, command, value)

    monkeypatch.setattr(fcntl, "fcntl", refused)
    with pytest.raises(BusyError, match="open for writing"):
        refuse(film)
    monkeypatch.setattr("vpo.execute.lock.is_on_network", lambda _: True)
    refuse(film)
