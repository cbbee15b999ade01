"""Plans that wait for a person, and what was decided about them.

A plan is approved by its hash. Its decision is kept as long as the file's plan stays the same, so
that nobody is asked twice about a plan that was rejected.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import as_json, parse_time
from vpo.db.outcomes import time_text
from vpo.db.schema import migrate_database
from vpo.db.store import utc_now

Decision = Literal["approved", "rejected"]

_COLUMNS = "path, library, hash, strategy, changes, kinds, warnings, planned_at, decision"
_INSERT = "INSERT OR REPLACE INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PATHS = "decision IS NULL AND hex(path) IN (SELECT value FROM json_each(?))"


class Reviewed(NamedTuple):
    """A plan for one file, by its hash, as ``docs/json.md`` describes its changes."""

    path: str
    library: str
    hash: str
    strategy: str
    changes: Sequence[Mapping[str, Any]]
    kinds: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class Review(NamedTuple):
    """A plan, when it was made, and what was decided about it (``None``: nothing yet)."""

    plan: Reviewed
    planned_at: datetime
    decision: Decision | None


class Reviews:
    """The plans of files in review; every method raises ``DatabaseError`` as ``Store``.

    For pages, the API and commands: ``waiting``, ``of``, ``kinds``, ``of_kinds``, ``approve``,
    ``reject``.
    For the runner alone: ``put``, ``forget``.
    """

    def __init__(self, pool: DaemonConnectionPool, now: Callable[[], datetime] = utc_now) -> None:
        self._pool, self._now = pool, now
        migrate_database(pool)

    def put(self, plan: Reviewed) -> Decision | None:
        """Store the plan of a file in place of an earlier one.

        Return what a person has decided about the same plan before.
        """
        known = self.of(plan.path)
        decision = known.decision if known is not None and known.plan.hash == plan.hash else None
        row = (
            *(os.fsencode(plan.path), plan.library, plan.hash, plan.strategy),
            *(as_json(plan.changes), as_json(sorted(plan.kinds)), as_json(plan.warnings)),
            *(time_text(self._now()), decision),
        )
        with self._pool.transaction() as connection:
            connection.execute(_INSERT, row)
        return decision

    def of(self, path: str) -> Review | None:
        """Return the last plan of a file."""
        found = self._rows("path = ?", os.fsencode(path))
        return found[0] if found else None

    def waiting(self, limit: int = -1) -> list[Review]:
        """Return the plans that nothing was decided about, in the order of their paths."""
        return self._rows("decision IS NULL", limit=limit)

    def kinds(self) -> dict[tuple[str, ...], int]:
        """Return how many plans wait that have exactly these kinds of changes."""
        query = "SELECT kinds, count(*) FROM reviews WHERE decision IS NULL GROUP BY kinds"
        with self._pool.read() as connection:
            rows = connection.execute(query).fetchall()
        return {tuple(json.loads(kinds)): count for kinds, count in rows}

    def of_kinds(self, kinds: Sequence[str]) -> list[Review]:
        """Return the plans that wait and change nothing but these kinds."""
        allowed = set(kinds)
        return [item for item in self.waiting() if allowed.issuperset(item.plan.kinds)]

    def approve(self, plans: Mapping[str, str]) -> list[str]:
        """Approve plans, by path and hash; return the paths of those that wait with that hash.

        The files wait in the queue for their turn, to be processed with exactly this plan.
        """
        done = []
        with self._pool.transaction(synced=True) as connection:
            for path, digest in plans.items():
                changed = connection.execute(
                    "UPDATE reviews SET decision = 'approved'"
                    " WHERE decision IS NULL AND path = ? AND hash = ?",
                    (os.fsencode(path), digest),
                ).rowcount
                if changed:
                    connection.execute(
                        "UPDATE queue SET state = 'waiting', approved = ?, reason = NULL"
                        " WHERE path = ? AND state = 'review'",
                        (digest, os.fsencode(path)),
                    )
                    done.append(path)
        return done

    def reject(self, paths: Sequence[str]) -> int:
        """Reject the plans of these files and take them out of the queue; return how many."""
        names = (json.dumps([os.fsencode(path).hex().upper() for path in paths]),)
        with self._pool.transaction() as connection:
            connection.execute(
                "DELETE FROM queue WHERE state = 'review' AND path IN"  # noqa: S608
                f" (SELECT path FROM reviews WHERE {_PATHS})",
                names,
            )
            return connection.execute(
                f"UPDATE reviews SET decision = 'rejected' WHERE {_PATHS}",  # noqa: S608
                names,
            ).rowcount

    def forget(self, path: str) -> None:
        """Delete the plan of a file, which was carried out, or has nothing to do."""
        with self._pool.transaction() as connection:
            connection.execute("DELETE FROM reviews WHERE path = ?", (os.fsencode(path),))

    def _rows(self, which: str, *values: object, limit: int = -1) -> list[Review]:
        query = f"SELECT {_COLUMNS} FROM reviews WHERE {which} ORDER BY path LIMIT ?"  # noqa: S608
        with self._pool.read() as connection:
            return [_review(row) for row in connection.execute(query, (*values, limit))]


def _review(row: tuple[Any, ...]) -> Review:
    path, library, digest, strategy, changes, kinds, warnings, planned, decision = row
    plan = Reviewed(
        os.fsdecode(path),
        library,
        digest,
        strategy,
        json.loads(changes),
        tuple(json.loads(kinds)),
        tuple(json.loads(warnings)),
    )
    return Review(plan, parse_time(planned), decision)
