"""Checks of files and of the database after a drill, without vpo's own code."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tests.reading import identify, read, stream_hashes

from drill.bench import Lost, Rig, expect

Facts = tuple[object, ...]
State = Literal["original", "result"]


def sha(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def facts(path: Path) -> Facts:
    """Return what all right results have in common: payload and facts of every stream.

    Raises ``Lost`` for a file that the tools complain about.
    """
    try:
        reading = read(path)
        hashes = stream_hashes(path)
    except (AssertionError, subprocess.CalledProcessError) as error:
        raise Lost(f"{path.name} cannot be read whole: {error}") from None
    if reading.container in ("mkv", "webm"):
        answer = identify(path)
        wrong = [*answer["errors"], *answer["warnings"]]
        expect(not wrong, f"{path.name}: mkvmerge complains: {wrong}")
    return (reading.container, reading.summary, reading.attachments, reading.chapters, hashes)


@dataclass
class Expected:
    """The original and the facts of the right result; known hashes save reading a file twice."""

    original: str
    result: Facts
    known: set[str] = field(default_factory=set)

    def judge(self, *names: Path) -> State:
        """Return whether the file is the original or the result; raise ``Lost`` for anything else."""
        there = [path for path in names if path.exists()]
        shown = " or ".join(path.name for path in names)
        expect(there, f"{shown} is gone")
        expect(len(there) == 1, f"there are both {shown}")
        digest = sha(there[0])
        if digest == self.original:
            expect(there[0] == names[0], f"the original is under the name {there[0].name}")
            return "original"
        if digest not in self.known:
            found = facts(there[0])
            expect(found == self.result, f"{there[0].name} is neither original nor result: {found}")
            self.known.add(digest)
        return "result"


def litter(*folders: Path) -> list[Path]:
    """Return the files that vpo should have cleaned up, without kept originals."""
    found = (path for folder in folders for path in folder.rglob(".vpo-*"))
    return [path for path in found if path.name != ".vpo-originals"]


def database_sound(rig: Rig) -> None:
    """Raise ``Lost`` if the database is damaged, or has records that are still running."""
    if not rig.database.exists():
        return
    with closing(sqlite3.connect(rig.database)) as connection:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
        expect(said == "ok", f"database: {said}")
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        expect(not broken, "database: rows refer to rows that are not there")
        for table in ("runs", "outcomes"):
            query = f"SELECT count(*) FROM {table} WHERE state = 'running'"  # noqa: S608
            count = connection.execute(query).fetchone()[0]
            expect(not count, f"{count} {table} are still recorded as running")


def compliance_true(rig: Rig) -> None:
    """Raise ``Lost`` if a film counts as compliant with a policy by what it was before a change."""
    query = """
        SELECT path, size, mtime_ns, inode, recorded_at
        FROM compliance_records JOIN files ON number = file WHERE compliance = 'complies'
    """
    for path, *stat, recorded in rows(rig, query):
        film = os.lstat(os.fsdecode(path))
        if [film.st_size, film.st_mtime_ns, film.st_ino] == stat:
            at = datetime.fromisoformat(recorded).timestamp()
            expect(film.st_ctime <= at, f"{path!r} was changed after {recorded}, and complies")


def rows(rig: Rig, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(rig.database)) as connection:
        return connection.execute(query, values).fetchall()


def hashes(paths: Iterable[Path]) -> dict[Path, str]:
    return {path: sha(path) for path in paths}


def unchanged(before: dict[Path, str]) -> None:
    """Raise ``Lost`` if one of these files has changed."""
    for path, digest in before.items():
        expect(os.path.lexists(path), f"{path.name} is gone")
        expect(sha(path) == digest, f"{path.name} was changed")
