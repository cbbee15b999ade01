"""What a power cut leaves of a disk whose writes were recorded, for the drill *power loss*."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from pathlib import Path

from drill.write_log import WriteLog

SECTOR = 512
FLUSH, FUA, MARK = 1, 2, 8
Entry = tuple[int, int, bytes]


def log(folder: Path, entries: Sequence[Entry]) -> WriteLog:
    """Return the log of these writes (sector, flags, content) to an empty disk."""
    parts = [struct.pack("<QQQI", 0x6A736677736872, 1, len(entries), SECTOR).ljust(SECTOR, b"\0")]
    for sector, flags, content in entries:
        marked = bool(flags & MARK)
        size = 0 if marked else len(content) // SECTOR
        header = struct.pack("<QQQQ", sector, size, flags, len(content) if marked else 0)
        parts.append((header + (content if marked else b"")).ljust(SECTOR, b"\0"))
        parts.append(b"" if marked else content)
    (folder / "log").write_bytes(b"".join(parts))
    (folder / "before").write_bytes(bytes(4 * SECTOR))
    return WriteLog(folder / "log", folder / "before")


def block(letter: str) -> bytes:
    return letter.encode() * SECTOR


ENTRIES: list[Entry] = [
    (0, 0, block("a")),
    (0, MARK, b"begin"),
    (1, FUA, block("b")),
    (0, FLUSH, b""),
    (2, 0, block("c")),
    (3, FUA, block("d")),
    (0, MARK, b"end"),
]


def left(folder: Path, point: int) -> set[str]:
    """Return what may be on the disk after a cut before this write."""
    found, writes = set(), log(folder, ENTRIES)
    for seed in range(8):
        for _ in writes.cuts({point}, folder / "cut", random.Random(seed)):  # noqa: S311
            disk = (folder / "cut").read_bytes()
            found.add("".join(chr(disk[n * SECTOR] or ord("-")) for n in range(4)))
    return found


def test_cut_keeps_what_was_flushed_and_perhaps_the_rest(tmp_path: Path) -> None:
    assert left(tmp_path, 3) == {"-b--", "ab--"}
    assert left(tmp_path, 6) == {"ab-d", "abcd"}


def test_log_has_the_marks_between_the_writes(tmp_path: Path) -> None:
    assert [write.mark for write in log(tmp_path, ENTRIES).writes if write.mark] == ["begin", "end"]
