"""Facts of files and folders, to compare before and after a run."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.reading import Reading, TrackReading, read, stream_hashes

SEGMENT, CLUSTER = 0x18538067, 0x1F43B675


def tree(*roots: Path) -> dict[str, tuple[int, int, str]]:
    """Return mode, modification time and content of everything under these folders."""
    found = {}
    for root in roots:
        for path in (root, *sorted(root.rglob("*"))):
            status = path.lstat()
            content = ""
            if path.is_symlink():
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[os.fspath(path)] = (status.st_mode, status.st_mtime_ns, content)
    return found


def rows(data: Path) -> int:
    """Return the number of rows in the database tables of files and runs."""
    path = data / "vpo.db"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as connection:
        return sum(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("files", "runs", "outcomes", "compliance_records", "probes")
        )


def litter(root: Path) -> list[Path]:
    """Return the files that vpo should have cleaned up."""
    return [path for path in root.rglob("*") if path.name.startswith(".vpo")]


def streams(path: Path) -> list[str]:
    """Return the sorted hashes of the payload of all streams."""
    return sorted(stream_hashes(path))


@cache
def original(path: Path) -> tuple[Reading, list[str]]:
    """Return a sample file and its streams; samples never change, so each is read once."""
    return read(path), streams(path)


def everything_else(reading: Reading) -> dict[str, Any]:
    """Return all facts that a change of order or flags does not affect."""
    return {
        "tracks": sorted(
            (t.type, t.codec, t.language, t.title or "", t.channels or 0, region(t))
            for t in reading.tracks
        ),
        "attachments": reading.attachments,
        "chapters": reading.chapters,
        "tags": {k: v for k, v in reading.tags.items() if k in ("title", "director")},
    }


def region(track: TrackReading) -> str:
    """Return the region of a language tag; tools add and remove tags without one."""
    return (track.ietf or "").partition("-")[2]


def clusters(path: Path) -> list[tuple[int, str]]:
    """Return offset and hash of every cluster of a Matroska file."""
    data = path.read_bytes()
    found = []
    for ident, _, body, end in elements(data, 0, len(data)):
        if ident == SEGMENT:
            for child, child_start, _, child_end in elements(data, body, end):
                if child == CLUSTER:
                    digest = hashlib.sha256(data[child_start:child_end]).hexdigest()
                    found.append((child_start, digest))
    return found


def samples(path: Path) -> list[tuple[int, str]]:
    """Return offset and hash of every ``mdat`` of an MP4 or QuickTime file."""
    data = path.read_bytes()
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if data[at + 4 : at + 8] == b"mdat":
            found.append((at, hashlib.sha256(data[at : at + size]).hexdigest()))
        at += size
    return found


def elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield id, start, start of the body and end of consecutive EBML elements."""
    while start < end:
        width = 9 - data[start].bit_length()
        ident = int.from_bytes(data[start : start + width], "big")
        at = start + width
        size_width = 9 - data[at].bit_length()
        mask = (1 << 7 * size_width) - 1
        size = int.from_bytes(data[at : at + size_width], "big") & mask
        body = at + size_width
        stop = end if size == mask else body + size
        yield ident, start, body, stop
        start = stop


def rotated(source: Path, target: Path) -> Path:
    """Write a copy whose container rotates the video by 90 degrees."""
    copy = ["ffmpeg", "-v", "error", "-display_rotation", "90", "-i", str(source), "-c", "copy"]
    if subprocess.run([*copy, str(target)], check=False, capture_output=True).returncode:
        copy = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-c", "copy"]  # before ffmpeg 6
        subprocess.run([*copy, "-metadata:s:v:0", "rotate=270", str(target)], check=True)
    return target


def path_with(folder: Path, *tools: str) -> dict[str, str | None]:
    """Return the environment of a machine that has only these tools."""
    folder.mkdir(exist_ok=True)
    for tool in tools:
        real = shutil.which(tool)
        assert real
        (folder / tool).symlink_to(real)
    return {"PATH": str(folder)}
