"""What the database has about one file: its probe, compliance, health, history and ignoring."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from datetime import datetime
from typing import Any, NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import parse_time, unsigned
from vpo.db.outcomes import OUTCOME_COLUMNS, outcome_of
from vpo.db.records import SCAN, Compliance, HealthRecord, OutcomeRow, Stat
from vpo.db.schema import migrate_database
from vpo.media.model import MediaFile, media_from_json

_FILE = """
    SELECT number, id, path, size, mtime_ns, inode, probe, probed_at
    FROM files LEFT JOIN probes ON file = number
"""
_JUDGED = """
    SELECT cache_key = ?, compliance, error_type, error_message, warnings, recorded_at
    FROM compliance_records WHERE file = ? ORDER BY recorded_at DESC
"""
_HISTORY = f"""
    SELECT {OUTCOME_COLUMNS} FROM outcomes LEFT JOIN files ON number = outcomes.file
    WHERE outcomes.rowid IN (
        SELECT rowid FROM outcomes WHERE file = ?1
        UNION SELECT rowid FROM outcomes WHERE path = ?2
        UNION SELECT rowid FROM outcomes WHERE result_path = ?2
    ) ORDER BY outcomes.rowid DESC LIMIT ?3
"""  # noqa: S608 - constants
_SHOWN = 100
"""The most outcomes of one file that are read."""


class Judged(NamedTuple):
    """What was recorded of a file's compliance; ``unreadable``: it could not be probed."""

    unreadable: bool
    compliance: Compliance
    error_type: str | None
    message: str | None
    warnings: tuple[str, ...]
    at: datetime


class FileDetail(NamedTuple):
    """What is known of a file; ``media`` is ``None`` without a probe, ``id`` if not indexed.

    ``history`` begins with the last outcome.
    """

    id: str | None
    path: str
    stat: Stat | None
    media: MediaFile | None
    probed_at: datetime | None
    judged: tuple[Judged, ...]
    health: HealthRecord | None
    history: tuple[OutcomeRow, ...]

    @property
    def is_health_current(self) -> bool:
        """Whether the file is unchanged since it was checked, as far as the index knows."""
        return self.health is not None and self.health.stat == self.stat


class FileDetails:
    """Questions about one file; every method raises ``DatabaseError`` as ``Store``."""

    def __init__(self, pool: DaemonConnectionPool) -> None:
        self._pool = pool
        migrate_database(pool)

    def path_of(self, file_id: str) -> str | None:
        """Return the path of the file with this UUID."""
        with self._pool.read() as connection:
            row = connection.execute("SELECT path FROM files WHERE id = ?", (file_id,)).fetchone()
        return os.fsdecode(row[0]) if row else None

    def at(self, path: str) -> FileDetail | None:
        """Return what is known of the file at a path; ``None`` if nothing is."""
        name = os.fsencode(path)
        with self._pool.read() as connection:
            row = connection.execute(f"{_FILE} WHERE path = ?", (name,)).fetchone()
            if row is None:
                history = _history(connection, None, name)
                if not history:
                    return None
                return FileDetail(None, path, None, None, None, (), None, history)
            number, id_, _, *stat, data, probed_at = row
            return FileDetail(
                id_,
                path,
                unsigned(*stat),
                _media(path, data) if data is not None else None,
                parse_time(probed_at) if probed_at else None,
                _judged(connection, number),
                _health(connection, number),
                _history(connection, number, name),
            )


def _media(path: str, data: bytes) -> MediaFile:
    return media_from_json({**json.loads(zlib.decompress(data)), "path": path})


def _judged(connection: sqlite3.Connection, number: int) -> tuple[Judged, ...]:
    rows = connection.execute(_JUDGED, (SCAN, number))
    return tuple(
        Judged(
            bool(scan), state, kind, text, tuple(json.loads(known) if known else ()), parse_time(at)
        )
        for scan, state, kind, text, known, at in rows
    )


def _health(connection: sqlite3.Connection, number: int) -> HealthRecord | None:
    row: tuple[Any, ...] | None = connection.execute(
        "SELECT size, mtime_ns, inode, checked_at, health FROM health WHERE file = ?", (number,)
    ).fetchone()
    if row is None:
        return None
    *stat, at, health = row
    return HealthRecord(unsigned(*stat), parse_time(at), json.loads(health))


def _history(
    connection: sqlite3.Connection, number: int | None, name: bytes
) -> tuple[OutcomeRow, ...]:
    return tuple(map(outcome_of, connection.execute(_HISTORY, (number, name, _SHOWN))))
