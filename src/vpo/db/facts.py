"""The facts of the library's files as columns: pages of files by filter and order, and counts."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.media.facts import FileFacts, facts_of
from vpo.media.model import MediaFile, media_from_json

SINGLE = ("container", "video", "resolution", "hdr")
"""Facts with one value a file."""
SEVERAL = ("audio", "language", "subtitles")
"""Facts of which a file can have several values."""
STATES = {
    "failed": "facts.failed",
    "complies": "facts.complies",
    "unknown": "NOT (facts.failed OR facts.complies)",
}
HEALTH = {"checked": "facts.checked", "unchecked": "NOT facts.checked"}
ORDERS = {"path": "path", "size": "facts.size", "seconds": "seconds"}
_COLUMNS = (
    "files.id, path, facts.size, seconds, container, video, resolution, hdr,"
    " audio, language, subtitles, facts.file"
)
_FEW = 5_000
"""Files; with no more of a value, they are looked at alone."""
_SOME = 60_000
"""Files; with no more of a value, they are looked at before the names."""
_STRETCHES = (1_000, 20_000)
"""How many files are looked at in order before all are: most filters find a page of files soon."""
_COUNTED = 20_000
"""The most files that are counted by a part of their name."""
_LONGEST = 1_000
"""Characters of a part of a name that is searched."""
_REMEMBERED = 5_000
"""Files; fewer than these are not searched a second time, for the page after the count."""
_NUMBERED = (
    "(SELECT value AS chosen FROM json_each(?)) CROSS JOIN facts ON facts.file = chosen"
    " CROSS JOIN files ON number = chosen"
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


class Total(NamedTuple):
    """How many files there are, and their bytes; ``more``: at least so many.

    ``numbers`` are those of the files, where there are few.
    """

    files: int
    bytes: int
    more: bool = False
    numbers: tuple[int, ...] | None = None


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
        among: Sequence[int] | None = None,
    ) -> Page:
        """Return files that fulfil all filters, after the cursor.

        ``among`` are the ``numbers`` of ``count`` with the same filters: they are not searched
        again.

        ``filters`` has values by fact, and of ``compliance``, ``health`` and ``name`` (a part of
        the path). Raises ``ValueError`` for a cursor, an order or a filter that does not exist.
        """
        where, values = _where(filters)
        key = ORDERS[order] if order == "path" else f"coalesce({ORDERS[order]}, -1)"
        after, place = _following(key, order, cursor, descending)
        direction = "DESC" if descending else "ASC"
        found = _Ordered(key, direction, after, place, limit + 1, order == "path")
        with self._pool.read() as connection:
            if among is not None:
                query = found.among(_NUMBERED, "1")
                rows = connection.execute(query, (json.dumps(list(among)), *place)).fetchall()
            else:
                rows = self._rows(connection, found, filters, (where, values))
        more_follow = len(rows) > limit
        cursor = _cursor(rows[limit - 1], order) if more_follow else None
        return Page([_row(row) for row in rows[:limit]], cursor)

    def count(self, filters: Mapping[str, str]) -> Total:
        """Return how many files fulfil the filters, and their bytes."""
        if not filters:
            every = self.values("container")  # of which each file has one
            return Total(sum(item.files for item in every), sum(item.bytes for item in every))
        with self._pool.read() as connection:
            if len(filters) == 1 and (known := _known_count(connection, filters)):
                return Total(*known)
            where, values = _where(filters)
            source, first = _source(connection, filters)
            query = f"SELECT facts.file, facts.size AS size FROM {source} WHERE {where} LIMIT"  # noqa: S608
            bound = (*first, *values)
            found = connection.execute(f"{query} {_REMEMBERED}", bound).fetchall()
            if len(found) < _REMEMBERED:
                numbers = tuple(number for number, _ in found)
                return Total(len(found), sum(size for _, size in found), numbers=numbers)
            most = _COUNTED if filters.get("name") else -1
            files, size = connection.execute(
                f"SELECT count(*), coalesce(sum(size), 0) FROM ({query} {most})",  # noqa: S608
                bound,
            ).fetchone()
        return Total(files, size, files == most)

    def _rows(
        self,
        connection: sqlite3.Connection,
        order: _Ordered,
        filters: Mapping[str, str],
        which: tuple[str, tuple[object, ...]],
    ) -> list[tuple[object, ...]]:
        """Return the rows of a page: from the first files in order, or else from all."""
        where, values = which
        if not filters:
            query = order.stretch("1", None)
            return connection.execute(query, order.place).fetchall()
        for length in _STRETCHES if _least(connection, filters) > _FEW else ():
            query = order.stretch(where, length)
            rows = connection.execute(query, (*order.place, *values)).fetchall()
            if len(rows) == order.limit:
                return rows
        source, first = _source(connection, filters, paths=True)
        query = order.among(source, where)
        return connection.execute(query, (*first, *values, *order.place)).fetchall()

    def values(self, fact: str) -> list[Count]:
        """Return the values of a fact in the whole library, those of most files first."""
        with self._pool.read() as connection:
            rows = connection.execute(
                "SELECT value, files, bytes FROM fact_counts WHERE fact = ? AND files", (fact,)
            ).fetchall()
        found = [Count(*row) for row in rows]
        return sorted(found, key=lambda item: (-item.files, item.value))


class _Ordered(NamedTuple):
    """The order of a page: the key, the direction, and the condition of what follows the cursor."""

    key: str
    direction: str
    after: str
    place: tuple[object, ...]
    limit: int
    by_path: bool

    def stretch(self, where: str, length: int | None) -> str:
        """Return the query for a page of the files that fulfil a condition.

        Only so many files are looked at in order, without a ``length`` all.
        """
        table, number = ("files", "number") if self.by_path else ("facts", "facts.file")
        after = self.after.replace("facts.file", number)
        if self.by_path:  # not all files have been probed
            after += " AND EXISTS (SELECT 1 FROM facts WHERE facts.file = number)"
        direction = self.direction
        inner = (
            f"SELECT {number} AS chosen FROM {table} WHERE {after}"  # noqa: S608
            f" ORDER BY {self.key} {direction}, {number} {direction} LIMIT {length or self.limit}"
        )
        return (
            f"SELECT {_COLUMNS} FROM ({inner}) CROSS JOIN facts ON facts.file = chosen"  # noqa: S608
            f" CROSS JOIN files ON number = chosen WHERE {where} {self._ending}"
        )

    def among(self, source: str, where: str) -> str:
        """Return the query for a page of all files of a source that fulfil a condition."""
        return f"SELECT {_COLUMNS} FROM {source} WHERE {where} AND {self.after} {self._ending}"  # noqa: S608

    @property
    def _ending(self) -> str:
        # The sign has SQLite sort what is found, and not read every file in the order of an index.
        return (
            f"ORDER BY +({self.key}) {self.direction}, facts.file {self.direction}"
            f" LIMIT {self.limit}"
        )


def _following(
    key: str, order: str, cursor: str | None, descending: bool
) -> tuple[str, tuple[object, ...]]:
    """Return the condition of the files that follow the cursor, with its values."""
    if cursor is None:
        return "1", ()
    # A row value would treat an unknown duration, NULL, as the end of the table.
    return f"({key}, facts.file) {'<' if descending else '>'} (?, ?)", _after(cursor, order)


def _source(
    connection: sqlite3.Connection, filters: Mapping[str, str], paths: bool = False
) -> tuple[str, tuple[object, ...]]:
    """Return the tables to read, the one first that leaves the fewest files, and their values."""
    rarest = _rarest(connection, filters)
    values: tuple[object, ...] = ()
    if rarest is not None and rarest[0] <= _FEW:
        first = (
            "(SELECT file AS chosen FROM fact_values WHERE fact = ? AND value = ?)"
            " CROSS JOIN facts ON facts.file = chosen"
        )
        values = rarest[1:]
    elif filters.get("name") and (rarest is None or rarest[0] > _SOME):
        return "files CROSS JOIN facts ON facts.file = number", ()
    else:
        first = "facts"
    if paths or filters.get("name"):
        first += " CROSS JOIN files ON number = facts.file"
    return first, values


def _least(connection: sqlite3.Connection, filters: Mapping[str, str]) -> int:
    """Return how many files at most fulfil the filters, as far as that is counted."""
    rarest = _rarest(connection, filters)
    return rarest[0] if rarest is not None else sys.maxsize


def _rarest(
    connection: sqlite3.Connection, filters: Mapping[str, str]
) -> tuple[int, str, str] | None:
    """Return the value of the fewest files among those that are asked for, with their number."""
    found = []
    for fact, value in filters.items():
        if fact in (*SINGLE, *SEVERAL):
            known = _known_count(connection, {fact: value})
            found.append((known[0] if known else 0, fact, _as_utf8(value)))
    return min(found, default=None)


def _known_count(
    connection: sqlite3.Connection, filters: Mapping[str, str]
) -> tuple[int, int] | None:
    """Return how many files have the value of one fact, and their bytes."""
    row: tuple[int, int] | None = connection.execute(
        "SELECT files, bytes FROM fact_counts WHERE fact = ? AND value = ?",
        *[(name, _as_utf8(value)) for name, value in filters.items()],
    ).fetchone()
    return row


def _where(filters: Mapping[str, str]) -> tuple[str, tuple[object, ...]]:
    parts: list[str] = ["1"]
    values: list[object] = []
    # The name comes last, as it takes the longest.
    for name, value in sorted(filters.items(), key=lambda item: item[0] == "name"):
        if name in SINGLE:
            parts.append(f"+facts.{name} = ?")
            values.append(_as_utf8(value))
        elif name in SEVERAL:
            # Most files have none of these letters, or nothing else: that is found out faster.
            wanted = _as_utf8(value)
            parts.append(
                f"instr(facts.{name}, ?) AND"
                f" (facts.{name} = ? OR instr(' ' || facts.{name} || ' ', ?))"
            )
            values += [wanted, wanted, f" {wanted} "]
        elif name == "name":
            if len(value) > _LONGEST:
                raise ValueError(f"the name has more than {_LONGEST} characters")
            parts.append("CAST(files.path AS TEXT) LIKE ? ESCAPE '\\'")
            pattern = re.sub(r"([\\%_])", r"\\\1", _as_utf8(value))
            values.append(f"%{pattern}%")
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
