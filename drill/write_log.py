"""All writes to a disk, as the kernel's ``dm-log-writes`` records them, and what a power cut leaves."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MAGIC = 0x6A736677736872
_HEADER = struct.Struct("<QQQI")
_ENTRY = struct.Struct("<QQQQ")
_FLUSH, _FUA, _DISCARD, _MARK = 1, 2, 4, 8
_ATOMIC = 4096
"""What a disk writes wholly or not at all."""


class Write(NamedTuple):
    """A write, or a mark that was set between two of them."""

    to: int
    data: int
    size: int
    flush: bool = False
    """Whether all writes before this one are on the disk."""
    sure: bool = False
    """Whether it is itself on the disk when it has ended."""
    mark: str = ""


class WriteLog:
    """The log, and the disk as it was before the first write."""

    def __init__(self, log: Path, before: Path) -> None:
        self._log, self._before = log, before
        self.writes = list(self._read())

    def _read(self) -> Iterator[Write]:
        with self._log.open("rb") as file:
            magic, _, count, sector = _HEADER.unpack(file.read(_HEADER.size))
            if magic != _MAGIC:
                raise ValueError("not a log of writes")
            place = sector
            for _ in range(count):
                file.seek(place)
                header = file.read(sector)
                to, sectors, flags, length = _ENTRY.unpack_from(header)
                place += sector
                if flags & _MARK:
                    text = header[_ENTRY.size : _ENTRY.size + length]
                    yield Write(0, 0, 0, mark=text.rstrip(b"\0").decode())
                elif not flags & _DISCARD:
                    size = sectors * sector
                    yield Write(to * sector, place, size, bool(flags & _FLUSH), bool(flags & _FUA))
                    place += size

    def cuts(self, points: set[int], image: Path, chance: random.Random) -> Iterator[int]:
        """Make ``image`` the disk after a power cut before each of these writes, in their order.

        Of what was written after the last flush, anything may be on the disk.
        """
        safe = image.with_suffix(".safe")
        _copy(self._before, safe)
        pending: list[Write] = []
        for number, write in enumerate(self.writes):
            if number in points:
                _copy(safe, image)
                _apply(self._log, image, list(_survivors(pending, chance)))
                yield number
            if write.flush:
                _apply(self._log, safe, pending)
                pending = []
            if write.size:
                pending.append(write)


def _survivors(pending: list[Write], chance: random.Random) -> Iterator[Write]:
    share = chance.choice((0, 0.5, 1))
    for write in pending:
        if write.sure or chance.random() < share:
            yield write
        elif share and chance.random() < 0.2:
            yield write._replace(size=chance.randrange(0, write.size, _ATOMIC))


def _apply(log: Path, image: Path, writes: list[Write]) -> None:
    with log.open("rb") as source, image.open("r+b") as target:
        for write in writes:
            source.seek(write.data)
            target.seek(write.to)
            target.write(source.read(write.size))


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--sparse=always", source, target], check=True)
