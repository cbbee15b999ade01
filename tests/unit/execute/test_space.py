"""Room is promised once: who does not fit waits for the others, or is told that it never will."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vpo.errors import CancelledError, SpaceError
from vpo.execute import space
from vpo.execute.space import SpaceLedger

MIB = 1 << 20


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """100 MiB are free, and nobody waits long for a notice."""
    room = [100 * MIB]
    monkeypatch.setattr(space, "free_bytes", lambda _: room[0])
    monkeypatch.setattr(space, "_WAIT_SECONDS", 0.02)
    yield room


@pytest.fixture
def ledger() -> SpaceLedger:
    return SpaceLedger()


@pytest.fixture
def output(tmp_path: Path) -> str:
    (tmp_path / "output").touch()
    return str(tmp_path / "output")


def test_reserve_allows_what_fits_together(ledger: SpaceLedger, output: str) -> None:
    with ledger.reserve(output, 60 * MIB), ledger.reserve(output, 40 * MIB):
        pass


def test_reserve_refuses_what_never_fits(ledger: SpaceLedger, output: str) -> None:
    with (
        pytest.raises(SpaceError, match="about 106 MB are needed and 105 MB are free in"),
        ledger.reserve(output, 101 * MIB),
    ):
        pytest.fail("there is no room")


def test_reserve_leaves_keep_free(ledger: SpaceLedger, output: str) -> None:
    with ledger.reserve(output, 90 * MIB, keep_free=10 * MIB):
        pass
    with (
        pytest.raises(SpaceError, match=r"94.4 MB are free in .* besides the 10.5 MB of"),
        ledger.reserve(output, 91 * MIB, keep_free=10 * MIB),
    ):
        pytest.fail("that is to be kept free")


def test_reserve_waits_for_earlier_reservation(ledger: SpaceLedger, output: str) -> None:
    order: list[str] = []
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with ledger.reserve(output, 60 * MIB):
            order.append("second")

    thread = threading.Thread(target=second)
    with ledger.reserve(output, 60 * MIB):
        thread.start()
        begun.wait()
        thread.join(0.2)
        order.append("first is done")
    thread.join(30)
    assert order == ["first is done", "second"]


def test_reserve_wait_can_be_cancelled(output: str) -> None:
    ledger = SpaceLedger(lambda: True)
    with (
        ledger.reserve(output, 60 * MIB),
        pytest.raises(CancelledError, match="waiting for free space"),
        ledger.reserve(output, 60 * MIB),
    ):
        pytest.fail("there is no room")


def test_reserve_counts_written_bytes_once(output: str, free: list[int]) -> None:
    """20 of 60 MiB are on the disk already: 40 are still to come, and 20 of what is free taken."""
    ledger = SpaceLedger(lambda: True)
    with ledger.reserve(output, 60 * MIB):
        with open(output, "wb") as file:
            file.write(os.urandom(20 * MIB))
            os.fsync(file.fileno())
        free[0] -= 20 * MIB
        with ledger.reserve(output, 40 * MIB):
            pass
        with (
            pytest.raises(CancelledError),
            ledger.reserve(output, 41 * MIB),
        ):
            pytest.fail("there is no room")


def test_reservation_is_released_after_an_error(ledger: SpaceLedger, output: str) -> None:
    with pytest.raises(ZeroDivisionError), ledger.reserve(output, 100 * MIB):
        raise ZeroDivisionError
    with ledger.reserve(output, 100 * MIB):
        pass


def test_reserve_fails_after_waiting_in_vain(
    ledger: SpaceLedger, output: str, free: list[int]
) -> None:
    """It waits while there is hope, and is told in the end."""
    failed: list[str] = []
    begun = threading.Event()

    def work() -> None:
        begun.set()
        try:
            with ledger.reserve(output, 90 * MIB):
                failed.append("there was room")
        except SpaceError as error:
            failed.append(str(error))

    thread = threading.Thread(target=work)
    with ledger.reserve(output, 60 * MIB):
        thread.start()
        begun.wait()
        thread.join(0.1)
        assert failed == []
        free[0] = 50 * MIB
    thread.join(30)
    assert failed[0].startswith(
        "not enough free space: about 94.4 MB are needed and 52.4 MB are free"
    )


def test_free_bytes_of_real_file_system_is_positive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert space.free_bytes(str(tmp_path)) > 0


def test_file_system_says_which_files_are_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT refuses to seek behind 4 GiB; the offset of the file stays where it was."""
    real = os.lseek

    def lseek(fd: int, to: int, how: int) -> int:
        if to > 0xFFFFFFFF:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return real(fd, to, how)

    with (tmp_path / "film").open("w+b") as file:
        file.write(b"content")
        file.flush()
        assert space.can_grow_to(file.fileno(), 1 << 33)
        monkeypatch.setattr(os, "lseek", lseek)
        assert space.can_grow_to(file.fileno(), 0xFFFFFFFF)
        assert not space.can_grow_to(file.fileno(), 1 << 32)
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 7
