"""The durable queue: the files that wait for ``vpo serve``, in the order in which they go.

The highest priority goes first, then the lowest position. A row is there until the outcome of its
file is recorded: whatever ends the server, the file is still in the queue.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import parse_time
from vpo.db.outcomes import time_text
from vpo.db.schema import migrate_database
from vpo.db.store import utc_now

QueueState = Literal["waiting", "running", "held", "review"]
"""``held``: waits for ``release``; ``review``: its plan waits for a person."""
Source = Literal["person", "watch", "schedule", "hook"]
"""Who added a file."""
Place = Literal["front", "back"]

_COLUMNS = (
    "id, path, library, source, priority, position, state, added_at, due, tries, reason,"
    " approved, cancelled"
)
_ORDER = "ORDER BY priority DESC, position, id"
_SHOWN = "ORDER BY state != 'running', priority DESC, position, id"
_ADD = """
    INSERT INTO queue (path, library, source, priority, position, state, added_at)
    VALUES (?, ?, ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM queue), 'waiting', ?)
    ON CONFLICT (path) DO UPDATE SET
        priority = max(priority, excluded.priority), due = NULL,
        again = (state = 'running'),
        state = CASE state WHEN 'review' THEN 'waiting' ELSE state END
"""
_FIRST = f"""
    SELECT {_COLUMNS} FROM queue
    WHERE state = 'waiting' AND (due IS NULL OR due <= ?)
    AND library IN (SELECT value FROM json_each(?)) {_ORDER} LIMIT 1
"""  # noqa: S608 - constants
_ENDS = {
    "front": "SELECT max(priority), min(position) - 1 FROM queue WHERE state != 'running'",
    "back": "SELECT min(priority), max(position) + 1 FROM queue WHERE state != 'running'",
}
_IDS = "id IN (SELECT value FROM json_each(?))"


class NewItem(NamedTuple):
    """A file to add; ``priority`` is mostly that of its library."""

    path: str
    library: str
    source: Source
    priority: int = 0


class QueueItem(NamedTuple):
    """A file in the queue.

    ``due`` (seconds since 1970) is when it is tried again, ``reason`` why it was not processed the
    last time, of ``tries``. ``approved`` is the hash of the plan that a person has approved.
    ``cancelled``: a person wants the end of the running file.
    """

    id: int
    path: str
    library: str
    source: Source
    priority: int
    position: float
    state: QueueState
    added_at: datetime
    due: float | None
    tries: int
    reason: str | None
    approved: str | None
    cancelled: bool


class FileQueue:
    """The queue; every method raises ``DatabaseError`` as ``Store``.

    For pages, the API and commands: ``add``, ``items``, ``counts``, ``find``, ``at``, ``move``,
    ``move_before``, ``hold``, ``release``, ``cancel``. For the runner alone: ``reset``, ``first``,
    ``take``, ``finish``, ``put_back``, ``send_to_review``, ``approve``, ``to_cancel``. Ids that are
    not in the queue, or whose state does not fit, are left out; each change returns how many rows
    it has changed.
    """

    def __init__(
        self,
        pool: DaemonConnectionPool,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool, self._now, self._clock = pool, now, clock
        migrate_database(pool)

    def add(self, items: Iterable[NewItem]) -> int:
        """Add files at the end of their priority; return how many were not in the queue.

        One that waits gets the higher priority; one that runs is processed once more; the plan of
        one in review is made anew; one that is held stays so.
        """
        added = time_text(self._now())
        rows = [
            (os.fsencode(item.path), item.library, item.source, item.priority, added)
            for item in items
        ]
        with self._pool.transaction(synced=True) as connection:
            before = _count(connection)
            connection.executemany(_ADD, rows)
            return _count(connection) - before

    def items(self, state: QueueState | None = None, limit: int = -1) -> list[QueueItem]:
        """Return the files, those that run first, then in the order in which they go."""
        which, values = ("WHERE state = ?", (state,)) if state else ("", ())
        query = f"SELECT {_COLUMNS} FROM queue {which} {_SHOWN} LIMIT ?"  # noqa: S608
        with self._pool.read() as connection:
            return [_item(row) for row in connection.execute(query, (*values, limit))]

    def find(self, keys: Sequence[str]) -> list[QueueItem]:
        """Return the files with these ids or paths, in the order of the queue."""
        ids = {key for key in keys if key.isascii() and key.isdigit()}
        paths = {os.path.realpath(key) for key in keys if "\0" not in key}
        return [item for item in self.items() if str(item.id) in ids or item.path in paths]

    def at(self, path: str) -> QueueItem | None:
        """Return the file with this path, ``None`` if it is not in the queue."""
        query = f"SELECT {_COLUMNS} FROM queue WHERE path = ?"  # noqa: S608
        with self._pool.read() as connection:
            row = connection.execute(query, (os.fsencode(path),)).fetchone()
        return _item(row) if row else None

    def counts(self) -> dict[QueueState, int]:
        """Return how many files have each state."""
        query = "SELECT state, count(*) FROM queue GROUP BY state"
        with self._pool.read() as connection:
            found: dict[QueueState, int] = dict(connection.execute(query).fetchall())
        states: tuple[QueueState, ...] = ("running", "waiting", "held", "review")
        return {state: found.get(state, 0) for state in states}

    def move(self, ids: Sequence[int], place: Place) -> int:
        """Move files to the front or the back, in their present order."""
        with self._pool.transaction() as connection:
            moved = _waiting_order(connection, ids)
            for number in reversed(moved) if place == "front" else moved:
                ends = connection.execute(_ENDS[place]).fetchone()
                _place(connection, number, *ends)
        return len(moved)

    def move_before(self, ids: Sequence[int], other: int) -> int:
        """Move files to directly before another one that waits, in their present order."""
        with self._pool.transaction() as connection:
            moved = [number for number in _waiting_order(connection, ids) if number != other]
            for number in moved:
                _place(connection, number, *_gap_before(connection, number, other))
        return len(moved)

    def hold(self, ids: Sequence[int]) -> int:
        """Hold files that wait until they are released."""
        return self._change("state = 'held'", "state = 'waiting'", ids)

    def release(self, ids: Sequence[int]) -> int:
        """Have files that are held, or tried again later, wait for their turn."""
        which = "(state = 'held' OR state = 'waiting' AND due IS NOT NULL)"
        return self._change("state = 'waiting', due = NULL", which, ids)

    def cancel(self, ids: Sequence[int]) -> int:
        """Take files out of the queue; of those that run, the runner ends the tools first."""
        with self._pool.transaction() as connection:
            marked = connection.execute(
                f"UPDATE queue SET cancelled = 1 WHERE state = 'running' AND {_IDS}",  # noqa: S608
                (json.dumps(list(ids)),),
            ).rowcount
            connection.execute(
                "DELETE FROM reviews WHERE decision IS NULL AND path IN"  # noqa: S608
                f" (SELECT path FROM queue WHERE state != 'running' AND {_IDS})",
                (json.dumps(list(ids)),),
            )
            return (
                marked
                + connection.execute(
                    f"DELETE FROM queue WHERE state != 'running' AND {_IDS}",  # noqa: S608
                    (json.dumps(list(ids)),),
                ).rowcount
            )

    def reset(self) -> int:
        """Have files wait again that were running when the last server ended."""
        with self._pool.transaction() as connection:
            connection.execute(
                "DELETE FROM queue WHERE state = 'running' AND cancelled AND NOT again"
            )
            return connection.execute(
                "UPDATE queue SET state = 'waiting', cancelled = 0, again = 0"
                " WHERE state = 'running'"
            ).rowcount

    def first(self, libraries: Sequence[str]) -> QueueItem | None:
        """Return the file of these libraries that goes next."""
        with self._pool.read() as connection:
            return self._first(connection, libraries)

    def take(
        self, libraries: Sequence[str], wanted: Callable[[QueueItem], bool]
    ) -> QueueItem | None:
        """Mark the file that goes next as running and return it; ``None`` if it is not wanted."""
        with self._pool.transaction() as connection:
            item = self._first(connection, libraries)
            if item is None or not wanted(item):
                return None
            connection.execute("UPDATE queue SET state = 'running' WHERE id = ?", (item.id,))
        return item._replace(state="running")

    def finish(self, number: int) -> None:
        """Take a file out whose outcome is recorded, or have it wait if it was added again."""
        with self._pool.transaction() as connection:
            again = connection.execute(
                "UPDATE queue SET state = 'waiting', approved = NULL, due = NULL, tries = 0,"
                " reason = NULL, cancelled = 0, again = 0 WHERE id = ? AND again",
                (number,),
            ).rowcount
            if not again:
                connection.execute("DELETE FROM queue WHERE id = ?", (number,))

    def put_back(
        self,
        number: int,
        reason: str | None = None,
        seconds: float | None = None,
        unapproved: bool = False,
    ) -> None:
        """Have a running file wait again, not before ``seconds`` from now.

        ``unapproved``: the approval of its plan no longer holds.
        """
        due = None if seconds is None else self._clock() + seconds
        with self._pool.transaction() as connection:
            connection.execute(
                "UPDATE queue SET state = 'waiting', due = ?, reason = ?, cancelled = 0, again = 0,"
                " tries = tries + ?, approved = iif(?, NULL, approved) WHERE id = ?",
                (due, reason, seconds is not None, unapproved, number),
            )

    def send_to_review(self, number: int, reason: str | None = None) -> None:
        """Have a file wait for a person, with the plan that ``Reviews`` holds."""
        self._change(
            "state = 'review', approved = NULL, again = 0, reason = ?", "1", [number], reason
        )

    def approve(self, number: int, approved: str | None, reason: str | None = None) -> None:
        """Have a file wait with the plan that may run; ``None``: its plan is to be made anew."""
        change = "state = 'waiting', approved = ?, reason = ?, due = NULL, again = 0"
        self._change(change, "1", [number], approved, reason)

    def to_cancel(self) -> list[QueueItem]:
        """Return the running files that a person has cancelled."""
        return [item for item in self.items("running") if item.cancelled]

    def _first(self, connection: sqlite3.Connection, libraries: Sequence[str]) -> QueueItem | None:
        values = (self._clock(), json.dumps(list(libraries)))
        row = connection.execute(_FIRST, values).fetchone()
        return _item(row) if row else None

    def _change(self, change: str, which: str, ids: Sequence[int], *values: object) -> int:
        query = f"UPDATE queue SET {change} WHERE {which} AND {_IDS}"  # noqa: S608
        with self._pool.transaction() as connection:
            return connection.execute(query, (*values, json.dumps(list(ids)))).rowcount


def _count(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("SELECT count(*) FROM queue").fetchone()[0]
    return number


def _waiting_order(connection: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Return those of the ids that do not run, in the order of the queue."""
    query = f"SELECT id FROM queue WHERE state != 'running' AND {_IDS} {_ORDER}"  # noqa: S608
    return [number for (number,) in connection.execute(query, (json.dumps(list(ids)),))]


def _place(connection: sqlite3.Connection, number: int, priority: int, position: float) -> None:
    connection.execute(
        "UPDATE queue SET priority = ?, position = ? WHERE id = ?", (priority, position, number)
    )


def _gap_before(connection: sqlite3.Connection, number: int, other: int) -> tuple[int, float]:
    """Return the priority, and a position between another row and the one before it."""
    row = connection.execute(
        "SELECT priority, position FROM queue WHERE id = ?", (other,)
    ).fetchone()
    if row is None:
        return _own_place(connection, number)
    priority, position = row
    before = connection.execute(
        "SELECT max(position) FROM queue WHERE priority = ? AND position < ? AND id != ?",
        (priority, position, number),
    ).fetchone()[0]
    between = position - 1 if before is None else (before + position) / 2
    if between in (before, position):  # halved until no number is left between them
        _renumber(connection, priority)
        return _gap_before(connection, number, other)
    return priority, between


def _own_place(connection: sqlite3.Connection, number: int) -> tuple[int, float]:
    query = "SELECT priority, position FROM queue WHERE id = ?"
    priority, position = connection.execute(query, (number,)).fetchone()
    return priority, position


def _renumber(connection: sqlite3.Connection, priority: int) -> None:
    query = "SELECT id FROM queue WHERE priority = ? ORDER BY position, id"
    rows = connection.execute(query, (priority,)).fetchall()
    pairs = [(float(place), number) for place, (number,) in enumerate(rows)]
    connection.executemany("UPDATE queue SET position = ? WHERE id = ?", pairs)


def _item(row: tuple[Any, ...]) -> QueueItem:
    number, path, library, source, priority, position, state, added, due, tries = row[:10]
    place = (library, source, priority, position, state, parse_time(added))
    reason, approved, cancelled = row[10:]
    return QueueItem(
        number, os.fsdecode(path), *place, due, tries, reason, approved, bool(cancelled)
    )
