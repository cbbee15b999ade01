"""The library as a whole: what is on record of its files, whichever policies they were for."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import bounds, locate, number_of, parse_time, unsigned, write_facts
from vpo.db.records import Result, Stat
from vpo.db.schema import migrate_database
from vpo.media.model import MediaFile, from_json

SCAN = "scan"
"""Stands for a policy where a verdict says that the file cannot be read at all."""

_WHERE = "(path = ? OR path > ? AND path < ?)"
_SEEN = f"""
    SELECT path, size, mtime_ns, inode, NULL FROM files JOIN probes ON file = number WHERE {_WHERE}
    UNION ALL
    SELECT path, size, mtime_ns, inode, error_message FROM files JOIN verdicts ON file = number
    WHERE fingerprint = '{SCAN}' AND {_WHERE}
"""  # noqa: S608 - constants
_MEDIA = f"""
    SELECT path, size, mtime_ns, inode, probe FROM files JOIN probes ON file = number
    WHERE {_WHERE} ORDER BY path
"""  # noqa: S608
_COUNT = f"SELECT count(*) FROM files JOIN probes ON file = number WHERE {_WHERE}"  # noqa: S608
_FAILED = f"""
    SELECT path, error_type, error_message, started_at, max(rowid), status FROM outcomes
    WHERE state = 'done' AND {_WHERE} GROUP BY path HAVING status = 'failed'
    UNION ALL
    SELECT path, error_type, error_message, recorded_at, 0, 'failed'
    FROM files JOIN verdicts ON file = number WHERE fingerprint = '{SCAN}' AND {_WHERE}
    ORDER BY path, 4 DESC
"""  # noqa: S608


class Seen(NamedTuple):
    """A file as it was when it was probed last; ``error`` is why it could not be read then."""

    stat: Stat
    error: str | None


class Failed(NamedTuple):
    """A file that failed the last time that it was worked on, or that cannot be read."""

    path: str
    error_type: str
    message: str
    at: datetime


class Library:
    """Reads and writes what is known of files without a policy; raises as ``Store`` does.

    ``under`` are files, or folders that stand for all that lies in them.
    """

    def __init__(
        self, pool: DaemonConnectionPool, exists: Callable[[str], bool] = os.path.lexists
    ) -> None:
        self._pool, self._exists = pool, exists
        migrate_database(pool)

    def seen(self, under: Sequence[str]) -> dict[str, Seen]:
        """What was probed, by path, as far as it was not forgotten."""
        found: dict[str, Seen] = {}
        with self._pool.read() as connection:
            for place in map(_place, under):
                for path, *stat, error in connection.execute(_SEEN, (*place, *place)):
                    found[os.fsdecode(path)] = Seen(unsigned(*stat), error)
        return found

    def media(self, under: Sequence[str]) -> Iterator[tuple[MediaFile, Stat]]:
        """Every file that is known, one after the other, by path; one reached twice counts once."""
        with self._pool.read() as connection:
            for place in map(_place, _apart(under)):
                for path, size, mtime_ns, inode, data in connection.execute(_MEDIA, place):
                    known = {**json.loads(zlib.decompress(data)), "path": os.fsdecode(path)}
                    yield from_json(known), unsigned(size, mtime_ns, inode)

    def count(self, under: Sequence[str]) -> int:
        """How many files ``media`` has."""
        with self._pool.read() as connection:
            places = [_place(path) for path in _apart(under)]
            return sum(connection.execute(_COUNT, place).fetchone()[0] for place in places)

    def note(self, results: Iterable[Result]) -> None:
        """Write what was seen of these files, all or (on an error) nothing."""
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
        with self._pool.transaction() as connection:
            for result in results:
                number = locate(connection, result, self._exists)
                if number is not None:
                    _forget(connection, number)
                    write_facts(connection, number, result, now)

    def forget(self, paths: Iterable[str]) -> None:
        """These files are gone: they count no longer. What would be needed if they came back, as
        that they were encoded already, stays."""
        with self._pool.transaction() as connection:
            for path in paths:
                number = number_of(connection, os.fsencode(path))
                if number is not None:
                    _forget(connection, number)

    def failed(self, under: Sequence[str]) -> Iterator[Failed]:
        """The files whose last outcome is a failure, and those that cannot be read."""
        with self._pool.read() as connection:
            for place in map(_place, _apart(under)):
                last = None
                for path, kind, said, at, *_ in connection.execute(_FAILED, (*place, *place)):
                    if path != last:  # else it failed, and cannot be read
                        yield Failed(os.fsdecode(path), kind or "", said or "", parse_time(at))
                    last = path


def _forget(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("DELETE FROM probes WHERE file = ?", (number,))
    connection.execute("DELETE FROM verdicts WHERE file = ? AND fingerprint = ?", (number, SCAN))


def _place(path: str) -> tuple[bytes, bytes, bytes]:
    return bounds(os.fsencode(path))


def _apart(under: Sequence[str]) -> list[str]:
    """Without those that lie in others."""
    kept: list[str] = []
    for path in sorted(set(under), key=len):
        if not any(path.startswith(other.rstrip(os.sep) + os.sep) for other in kept):
            kept.append(path)
    return kept
