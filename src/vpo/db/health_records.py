"""Reads and writes the results of health checks in the library database."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import timezone

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import as_json, bounds, inode_of, locate, parse_time, signed, unsigned
from vpo.db.records import HealthRecord, Result
from vpo.db.schema import migrate_database

_HEALTH = """
    SELECT path, health.size, health.mtime_ns, health.inode, checked_at, health
    FROM health JOIN files ON number = file WHERE path = ? OR path > ? AND path < ?
"""


class HealthRecords:
    """The last health check of each file; every method raises ``DatabaseError`` as ``Store``."""

    def __init__(self, pool: DaemonConnectionPool) -> None:
        self._pool = pool
        migrate_database(pool)

    def known(self, under: Sequence[str]) -> dict[str, HealthRecord]:
        """Return the last check of each file at or below these paths."""
        found = {}
        with self._pool.read() as connection:
            for path in under:
                for name, *stat, at, health in connection.execute(
                    _HEALTH, bounds(os.fsencode(path))
                ):
                    record = HealthRecord(unsigned(*stat), parse_time(at), json.loads(health))
                    found[os.fsdecode(name)] = record
        return found

    def record(self, path: str, device: int | None, record: HealthRecord) -> None:
        """Record the check of a file, in place of an earlier one."""
        found = Result("", path, "unchanged", stat=record.stat, device=device)
        at = record.at.astimezone(timezone.utc).isoformat(timespec="microseconds")
        with self._pool.transaction() as connection:
            number = locate(connection, found, inode_of)
            connection.execute(
                "INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?, ?, ?)",
                (number, *signed(record.stat), at, as_json(record.health)),
            )
