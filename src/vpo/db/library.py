"""Reads and writes what the database holds of the library's files, independent of policies."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import (
    InodeOf,
    bounds,
    inode_of,
    locate,
    number_of,
    parse_time,
    unsigned,
    write_facts,
)
from vpo.db.records import SCAN, Result, Stat
from vpo.db.schema import migrate_database
from vpo.media.model import MediaFile, media_from_json

_WHERE = "(path = ? OR path > ? AND path < ?)"
_SEEN = f"""
    SELECT path, size, mtime_ns, inode, NULL, 0
    FROM files JOIN probes ON file = number WHERE {_WHERE}
    UNION ALL
    SELECT path, size, mtime_ns, inode, error_message, acknowledged
    FROM files JOIN compliance_records ON file = number
    WHERE cache_key = '{SCAN}' AND {_WHERE}
"""  # noqa: S608 - constants
_MEDIA = f"""
    SELECT path, size, mtime_ns, inode, probe FROM files JOIN probes ON file = number
    WHERE {_WHERE} ORDER BY path
"""  # noqa: S608
_NUMBERS = f"SELECT number FROM files JOIN probes ON file = number WHERE {_WHERE}"  # noqa: S608
_ONE_MEDIA = "SELECT path, probe FROM files JOIN probes ON file = number WHERE number = ?"
_COUNT = f"SELECT count(*) FROM files JOIN probes ON file = number WHERE {_WHERE}"  # noqa: S608
_FAILED = f"""
    SELECT path, error_type, error_message, started_at, EXISTS (
        SELECT 1 FROM files JOIN compliance_records AS known ON known.file = number
        WHERE files.path = last.path AND acknowledged AND compliance = 'failed'
        AND known.error_type = last.error_type
    ) FROM (
        SELECT path, error_type, error_message, started_at, max(rowid), status FROM outcomes
        WHERE state = 'done' AND {_WHERE} GROUP BY path HAVING status = 'failed'
    ) AS last
    UNION ALL
    SELECT path, error_type, error_message, recorded_at, acknowledged
    FROM files JOIN compliance_records ON file = number WHERE cache_key = '{SCAN}' AND {_WHERE}
    ORDER BY path, 4 DESC
"""  # noqa: S608


_KNOWS = f"""
    SELECT EXISTS (SELECT 1 FROM files WHERE {_WHERE})
    OR EXISTS (SELECT 1 FROM outcomes WHERE state = 'done' AND {_WHERE})
"""  # noqa: S608


_DONE = f"""
    SELECT strategy, count(*), sum(size_before - size_after), sum(seconds), min(started_at)
    FROM outcomes
    WHERE status = 'changed' AND undone_at IS NULL AND {_WHERE} GROUP BY strategy
"""  # noqa: S608


class Done(NamedTuple):
    """What runs have done to files with one strategy, without what was undone.

    ``saved`` is by how many bytes the files became smaller, ``seconds`` how long it took.
    """

    strategy: str
    files: int
    saved: int
    seconds: float
    since: datetime


class Seen(NamedTuple):
    """A file at its last probe; ``error`` is why it could not be read, else ``None``.

    ``acknowledged``: the user knows that it cannot be read.
    """

    stat: Stat
    error: str | None
    acknowledged: bool


class Failed(NamedTuple):
    """A file that failed when it was last processed, or that cannot be read.

    ``acknowledged``: the user has taken the failure as known.
    """

    path: str
    error_type: str
    message: str
    at: datetime
    acknowledged: bool


class Library:
    """The files of the library; every method raises ``DatabaseError`` as ``Store`` does.

    ``under`` are paths of files, or of folders with all that is in them.
    """

    def __init__(self, pool: DaemonConnectionPool, inode: InodeOf = inode_of) -> None:
        self._pool, self._inode = pool, inode
        migrate_database(pool)

    def seen(self, under: Sequence[str]) -> dict[str, Seen]:
        """Return the probed files by path."""
        found: dict[str, Seen] = {}
        with self._pool.read() as connection:
            for place in map(_bounds, under):
                for path, *stat, error, known in connection.execute(_SEEN, (*place, *place)):
                    found[os.fsdecode(path)] = Seen(unsigned(*stat), error, bool(known))
        return found

    def media(self, under: Sequence[str]) -> Iterator[tuple[MediaFile, Stat]]:
        """Yield every probed file once, ordered by path."""
        with self._pool.read() as connection:
            for place in map(_bounds, _disjoint(under)):
                for path, size, mtime_ns, inode, data in connection.execute(_MEDIA, place):
                    known = {**json.loads(zlib.decompress(data)), "path": os.fsdecode(path)}
                    yield media_from_json(known), unsigned(size, mtime_ns, inode)

    def spread(self, under: Sequence[str]) -> tuple[int, Iterator[MediaFile]]:
        """Return how many files ``media`` yields, and an iterator over them in a mixed order.

        The order is always the same, and the first ones are from everywhere in the library.
        """
        with self._pool.read() as connection:
            places = [_bounds(path) for path in _disjoint(under)]
            numbers = [row[0] for place in places for row in connection.execute(_NUMBERS, place)]
        return len(numbers), self._numbered(sorted(numbers, key=_mixed))

    def _numbered(self, numbers: Sequence[int]) -> Iterator[MediaFile]:
        for number in numbers:
            with self._pool.read() as connection:
                row = connection.execute(_ONE_MEDIA, (number,)).fetchone()
            if row is not None:  # else it was removed meanwhile
                known = {**json.loads(zlib.decompress(row[1])), "path": os.fsdecode(row[0])}
                yield media_from_json(known)

    def count(self, under: Sequence[str]) -> int:
        """Return how many files ``media`` yields."""
        with self._pool.read() as connection:
            places = [_bounds(path) for path in _disjoint(under)]
            return sum(connection.execute(_COUNT, place).fetchone()[0] for place in places)

    def knows(self, path: str) -> bool:
        """Return whether a file was ever indexed or processed at this path or below it."""
        place = _bounds(path)
        with self._pool.read() as connection:
            return bool(connection.execute(_KNOWS, (*place, *place)).fetchone()[0])

    def record(self, results: Iterable[Result]) -> None:
        """Write the probes of these files, all of them or (on an error) none."""
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
        with self._pool.transaction() as connection:
            for result in results:
                number = locate(connection, result, self._inode)
                if number is not None:
                    _forget(connection, number)
                    write_facts(connection, number, result, now)

    def forget(self, paths: Iterable[str]) -> None:
        """Remove these files from the library because they are gone.

        That they were encoded is kept, in case they come back.
        """
        with self._pool.transaction() as connection:
            for path in paths:
                number = number_of(connection, os.fsencode(path))
                if number is not None:
                    _forget(connection, number)

    def done(self, under: Sequence[str]) -> list[Done]:
        """Return what all runs have done to files at these paths, by strategy."""
        found: dict[str, Done] = {}
        with self._pool.read() as connection:
            for place in map(_bounds, _disjoint(under)):
                for strategy, files, saved, seconds, since in connection.execute(_DONE, place):
                    item = Done(strategy, files, saved or 0, seconds or 0.0, parse_time(since))
                    found[strategy] = _sum(found.get(strategy), item)
        return sorted(found.values())

    def failed(self, under: Sequence[str]) -> Iterator[Failed]:
        """Yield the files whose last outcome is a failure, and those that cannot be read."""
        with self._pool.read() as connection:
            for place in map(_bounds, _disjoint(under)):
                last = None
                for path, kind, message, at, known in connection.execute(_FAILED, (*place, *place)):
                    if path != last:  # it can both have failed and be unreadable
                        when = parse_time(at)
                        yield Failed(
                            os.fsdecode(path), kind or "", message or "", when, bool(known)
                        )
                    last = path


def _sum(one: Done | None, other: Done) -> Done:
    if one is None:
        return other
    return Done(
        one.strategy,
        one.files + other.files,
        one.saved + other.saved,
        one.seconds + other.seconds,
        min(one.since, other.since),
    )


def _forget(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("DELETE FROM probes WHERE file = ?", (number,))
    connection.execute(
        "DELETE FROM compliance_records WHERE file = ? AND cache_key = ?", (number, SCAN)
    )


def _mixed(number: int) -> int:
    """Return where a number goes in an order that is mixed, and always the same (Knuth's hash)."""
    return number * 2654435761 % (1 << 32)


def _bounds(path: str) -> tuple[bytes, bytes, bytes]:
    return bounds(os.fsencode(path))


def _disjoint(under: Sequence[str]) -> list[str]:
    """Return the paths without those that are inside another one."""
    kept: list[str] = []
    for path in sorted(set(under), key=len):
        if not any(path.startswith(other.rstrip(os.sep) + os.sep) for other in kept):
            kept.append(path)
    return kept
