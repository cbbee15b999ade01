"""Joints of transport streams: no damage if nothing is missing, else nothing but damage."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from vpo.probe.mpegts_joints import is_joint

VIDEO, AUDIO, TABLE = 0x100, 0x101, 0


class Recorder:
    """Writes transport packets, and counts them by stream."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.data = b""

    def table(self) -> None:
        self._packet(TABLE, True, b"\0\0\xb0\x0d" + bytes(180))

    def frame(self, pid: int, size: int, stated: bool = False) -> int:
        """Write a packet of a stream, and return where it begins."""
        at = len(self.data)
        length = (size - 6 if stated else 0).to_bytes(2, "big")
        payload = b"\0\0\1\xe0" + length + bytes(size - 6)
        for start in range(0, size, 184):
            self._packet(pid, not start, payload[start : start + 184])
        return at

    def _packet(self, pid: int, begins: bool, payload: bytes) -> None:
        stuffing = 184 - len(payload)
        field = b"" if not stuffing else bytes([stuffing - 1]) + (b"\0" * (stuffing - 1))
        flags = (0x20 if stuffing else 0) | 0x10 | self._counts[pid] % 16
        head = bytes([0x47, pid >> 8 | (0x40 if begins else 0), pid & 255, flags])
        self.data += head + field + payload
        self._counts[pid] += 1


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "film.ts", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def part(frames: int = 3) -> tuple[bytes, int]:
    """Return a recording, and where its last video frame begins."""
    recorder, last = Recorder(), 0
    recorder.table()
    for _ in range(frames):
        last = recorder.frame(VIDEO, 900)
        recorder.frame(AUDIO, 400, stated=True)
    return recorder.data, last


def joined(fd: int, first: bytes, at: int, second: bytes) -> bool:
    os.pwrite(fd, first + second, 0)
    return is_joint(fd, at)


def test_parts_that_are_whole_are_joined(fd: int) -> None:
    first, last = part()
    assert joined(fd, first, last, part()[0])


def test_loss_before_a_joint_is_no_joint(fd: int) -> None:
    first, last = part()
    lengths = range(len(first) - 2 * 188, len(first), 188)
    assert not any(joined(fd, first[:length], last, part()[0]) for length in lengths)


def test_loss_behind_a_joint_is_no_joint(fd: int) -> None:
    first, last = part()
    second = part()[0]
    tables, headless = second[:188], second[2 * 188 :]
    assert not joined(fd, first, last, headless)
    assert not joined(fd, first, last, tables + headless)


def test_jump_without_tables_is_no_joint(fd: int) -> None:
    first, last = part()
    assert not joined(fd, first, last, part()[0][188:])


def test_what_has_no_jump_is_no_joint(fd: int) -> None:
    first, _ = part(60)
    assert not joined(fd, first, 188, b"")
    assert not is_joint(fd, len(first))
