"""The facts of the library's files as columns: pages of files by filter and order, and counts."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.media.facts import FileFacts, facts_of
from vpo.media.model import MediaFile, media_from_json

SINGLE = ("container", "video", "resolution", "hdr")
"""Facts with one value a file."""
SEVERAL = ("audio", "language", "subtitles")
"""Facts of which a file can have several values."""
STATES = {
    "failed": "EXISTS (SELECT 1 FROM compliance_records c WHERE c.file = facts.file"
    " AND compliance = 'failed')",
    "complies": "EXISTS (SELECT 1 FROM compliance_records c WHERE c.file = facts.file"
    " AND compliance = 'complies')",
    "unknown": "NOT EXISTS (SELECT 1 FROM compliance_records c WHERE c.file = facts.file)",
}
HEALTH = {
    "checked": "EXISTS (SELECT 1 FROM health h WHERE h.file = facts.file)",
    "unchecked": "NOT EXISTS (SELECT 1 FROM health h WHERE h.file = facts.file)",
}
ORDERS = {"path": "path", "size": "facts.size", "seconds": "seconds"}
_COLUMNS = (
    "files.id, path, facts.size, seconds, container, video, resolution, hdr,"
    " audio, language, subtitles, facts.file"
)
_UNFILLED = """
    SELECT probes.file, path, probe FROM probes JOIN files ON number = probes.file
    LEFT JOIN facts ON facts.file = probes.file WHERE facts.file IS NULL LIMIT ?
"""


class FileRow(NamedTuple):
    """One file of a page; lists are sorted."""

    id: str
    path: str
    size: int
    seconds: float | None
    container: str
    video: str
    resolution: str | None
    hdr: str | None
    audio: tuple[str, ...]
    language: tuple[str, ...]
    subtitles: tuple[str, ...]


class Page(NamedTuple):
    """Files in order; ``cursor`` leads to those that follow, ``None`` at the end."""

    files: list[FileRow]
    cursor: str | None


class Count(NamedTuple):
    """How many files have a value, and their bytes."""

    value: str
    files: int
    bytes: int


def write_file_facts(connection: sqlite3.Connection, number: int, media: MediaFile) -> None:
    """Write the facts of a file whose probe is written in the same transaction."""
    facts = facts_of(media)
    # Deleted rather than replaced, which would leave the counts as they are.
    connection.execute("DELETE FROM facts WHERE file = ?", (number,))
    connection.execute(
        "INSERT INTO facts (file, size, seconds, container, video, resolution, hdr,"
        " audio, language, subtitles) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            media.size,
            media.duration,
            *(getattr(facts, name) for name in SINGLE),
            *(" ".join(sorted(getattr(facts, name))) for name in SEVERAL),
        ),
    )
    connection.executemany(
        "INSERT INTO fact_values (fact, value, file, size) VALUES (?, ?, ?, ?)",
        [(fact, value, number, media.size) for fact, value in _values(facts)],
    )


def _values(facts: FileFacts) -> list[tuple[str, str]]:
    single = [(name, getattr(facts, name)) for name in SINGLE]
    several = [(name, value) for name in SEVERAL for value in sorted(getattr(facts, name))]
    return [(name, value) for name, value in (*single, *several) if value is not None]


class Facts:
    """Questions about the files by their facts; every method raises ``DatabaseError``."""

    def __init__(self, pool: DaemonConnectionPool) -> None:
        self._pool = pool

    def fill(self, limit: int = 500) -> int:
        """Write the facts of probes from before there were any; return of how many files."""
        with self._pool.read() as connection:
            if not connection.execute(_UNFILLED, (1,)).fetchone():
                return 0
        with self._pool.transaction() as connection:
            rows = connection.execute(_UNFILLED, (limit,)).fetchall()
            for number, path, data in rows:
                known = {**json.loads(zlib.decompress(data)), "path": os.fsdecode(path)}
                write_file_facts(connection, number, media_from_json(known))
        return len(rows)

    def page(
        self,
        filters: Mapping[str, str],
        order: str = "path",
        *,
        descending: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return files that fulfil all filters, after the cursor.

        ``filters`` has values by fact, and of ``compliance``, ``health`` and ``name`` (a part of
        the path). Raises ``ValueError`` for a cursor, an order or a filter that does not exist.
        """
        column, more = ORDERS[order], "<" if descending else ">"
        where, values = _where(filters)
        if cursor is not None:
            last, number = _after(cursor, order)
            # A row value would treat an unknown duration, NULL, as the end of the table.
            key = column if order == "path" else f"coalesce({column}, -1)"
            where += f" AND ({key}, facts.file) {more} (?, ?)"
            values += (last, number)
        key = column if order == "path" else f"coalesce({column}, -1)"
        # In this order SQLite reads an index that is sorted already, and stops after the page.
        tables = "files CROSS JOIN facts" if order == "path" else "facts CROSS JOIN files"
        direction = "DESC" if descending else "ASC"
        with self._pool.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM {tables} WHERE number = facts.file"  # noqa: S608
                f" AND {where} ORDER BY {key} {direction}, facts.file {direction} LIMIT ?",
                (*values, limit + 1),
            ).fetchall()
        found = [_row(row) for row in rows[:limit]]
        more_follow = len(rows) > limit
        return Page(found, _cursor(rows[limit - 1], order) if more_follow else None)

    def count(self, filters: Mapping[str, str]) -> tuple[int, int]:
        """Return how many files fulfil the filters, and their bytes."""
        if not filters:
            every = self.values("container")  # of which each file has one
            return sum(item.files for item in every), sum(item.bytes for item in every)
        where, values = _where(filters)
        joined = " JOIN files ON files.number = facts.file" if filters.get("name") else ""
        with self._pool.read() as connection:
            files, size = connection.execute(
                f"SELECT count(*), coalesce(sum(facts.size), 0) FROM facts{joined} WHERE {where}",  # noqa: S608
                values,
            ).fetchone()
        return files, size

    def values(self, fact: str) -> list[Count]:
        """Return the values of a fact in the whole library, those of most files first."""
        with self._pool.read() as connection:
            rows = connection.execute(
                "SELECT value, files, bytes FROM fact_counts WHERE fact = ? AND files", (fact,)
            ).fetchall()
        found = [Count(*row) for row in rows]
        return sorted(found, key=lambda item: (-item.files, item.value))


def _where(filters: Mapping[str, str]) -> tuple[str, tuple[object, ...]]:
    parts: list[str] = ["1"]
    values: list[object] = []
    for name, value in filters.items():
        if name in SINGLE:
            parts.append(f"{name} = ?")
            values.append(value)
        elif name in SEVERAL:
            parts.append(
                "EXISTS (SELECT 1 FROM fact_values v"
                " WHERE v.fact = ? AND v.value = ? AND v.file = facts.file)"
            )
            values += [name, value]
        elif name == "name":
            parts.append("instr(lower(CAST(path AS TEXT)), ?)")
            values.append(
                value.lower().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            )
        else:
            parts.append(_state(name, value))
    return " AND ".join(parts), tuple(values)


def _as_utf8(text: str) -> str:
    """Return the text as SQLite takes it, without surrogates."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _state(name: str, value: str) -> str:
    known = {"compliance": STATES, "health": HEALTH}.get(name)
    if known is None or value not in known:
        raise ValueError(f"there is no filter {name}={value}")
    return known[value]


def _row(row: tuple[object, ...]) -> FileRow:
    id_, path, size, seconds, *rest = row
    lists = [tuple(str(text).split()) for text in rest[4:7]]
    return FileRow(id_, os.fsdecode(path), size, seconds, *rest[:4], *lists)  # type: ignore[arg-type]


def _cursor(row: tuple[object, ...], order: str) -> str:
    key = row[1].hex() if isinstance(row[1], bytes) else ""
    if order != "path":
        value = row[2] if order == "size" else row[3]
        key = json.dumps(-1 if value is None else value)
    return f"{order}.{row[-1]}.{key}"


def _after(cursor: str, order: str) -> tuple[object, int]:
    made_for, _, rest = cursor.partition(".")
    number, _, key = rest.partition(".")
    if made_for != order or not number.isdigit() or len(number) > 18:
        raise ValueError("the cursor is of another list")
    value: object = bytes.fromhex(key) if order == "path" else json.loads(key)
    if not isinstance(value, bytes | int | float):
        raise ValueError("the cursor is of another list")
    return value, int(number)
