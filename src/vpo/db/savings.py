"""How much smaller runs have made files."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.db.outcomes import time_text
from vpo.db.schema import migrate_database

_SINCE = """
    SELECT count(*), coalesce(sum(size_before - size_after), 0) FROM outcomes
    WHERE state = 'done' AND status = 'changed' AND undone_at IS NULL AND started_at >= ?
"""
_RATIO = """
    SELECT sum(size_after) * 1.0 / sum(size_before) FROM (
        SELECT size_after, size_before FROM outcomes
        WHERE state = 'done' AND status = 'changed' AND strategy = 'transcode' AND undone_at IS NULL
        AND size_before > 0 ORDER BY rowid DESC LIMIT 200
    )
"""


_STATUSES = "SELECT status, count(*) FROM outcomes WHERE state = 'done' GROUP BY status"
_SECONDS = """
    SELECT strategy, sum(seconds) FROM outcomes
    WHERE state = 'done' AND strategy IS NOT NULL AND strategy != 'none' GROUP BY strategy
"""


class Saved(NamedTuple):
    """How many files were changed, and by how many bytes they became smaller."""

    files: int
    bytes: int


class Savings:
    """What all runs have saved, without what was undone; raises ``DatabaseError`` as ``Store``."""

    def __init__(self, pool: DaemonConnectionPool) -> None:
        self._pool = pool
        migrate_database(pool)

    def since(self, begin: datetime | None = None) -> Saved:
        """Return what was saved by files begun at this time or later, by default ever."""
        with self._pool.read() as connection:
            found = connection.execute(_SINCE, (time_text(begin) if begin else "",)).fetchone()
        return Saved(*found)

    def encode_ratio(self) -> float | None:
        """Return the size of the last encodes as a part of what they were; ``None`` without any."""
        with self._pool.read() as connection:
            ratio: float | None = connection.execute(_RATIO).fetchone()[0]
        return ratio

    def statuses(self) -> dict[str, int]:
        """Return how many outcomes have each status."""
        with self._pool.read() as connection:
            return dict(connection.execute(_STATUSES).fetchall())

    def seconds(self) -> dict[str, float]:
        """Return how long files were processed with each strategy."""
        with self._pool.read() as connection:
            return {name: spent or 0.0 for name, spent in connection.execute(_SECONDS)}
