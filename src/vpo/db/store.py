"""Records runs, outcomes and kept originals in the library database, and reads them."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import (
    InodeOf,
    as_json,
    as_text,
    forget_changed,
    forget_compliance,
    inode_of,
    locate,
    number_of,
    parse_time,
    write_content,
    write_encode,
    write_facts,
    write_videos,
)
from vpo.db.knowledge import Knowledge
from vpo.db.outcomes import (
    KEPT_ORIGINALS,
    OUTCOME_COLUMNS,
    RUN_COLUMNS,
    kept_of,
    outcome_of,
    run_of,
    time_text,
    write_kept,
    write_outcome,
)
from vpo.db.records import (
    Cost,
    Ignored,
    Kept,
    KeptOriginal,
    NewRun,
    OutcomeRow,
    Result,
    Run,
    RunningOutcome,
    RunState,
    Stat,
    Timing,
)
from vpo.db.schema import migrate_database
from vpo.errors import UsageError

_FORGET_BEGUN = """
    DELETE FROM compliance_records WHERE file IN (
        SELECT number FROM files JOIN outcomes USING (path) WHERE run = ? AND state = 'running'
    )
"""
_TIMINGS = """
    SELECT path, strategy, json_extract(plan, '$.cost'), size_before, seconds, runs.policies = ?,
        size_after
    FROM outcomes JOIN runs ON runs.id = run
    WHERE status IN ('changed', 'unchanged') AND seconds > 0 AND size_before IS NOT NULL
    ORDER BY outcomes.rowid DESC LIMIT 1000
"""
_ACKNOWLEDGE = """
    UPDATE compliance_records SET acknowledged = 1
    WHERE compliance = 'failed' AND file = (SELECT number FROM files WHERE path = ?)
"""
_OF_PATH = "result_path = ?1 OR path = ?1"


def utc_now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(timezone.utc)


class Store(Knowledge):
    """The library database, migrated to the newest version.

    Every method raises ``DatabaseError`` as the pool does. ``inode`` returns the inode that a
    path names; ``now`` is the clock.
    """

    def __init__(
        self,
        pool: DaemonConnectionPool,
        inode: InodeOf = inode_of,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(pool)
        self._inode, self._now = inode, now
        migrate_database(pool)

    def start_run(self, run: NewRun) -> None:
        """Record that a run begins."""
        settings = (as_json(run.policies), as_json(run.options), run.workers, run.dry_run)
        with self._pool.transaction() as connection:
            connection.execute(
                "INSERT INTO runs (id, started_at, policies, options, workers, dry_run, pid, host,"
                " state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running')",
                (run.id, self._time(), *settings, run.pid, as_text(run.host)),
            )

    def finish_run(self, run_id: str, state: RunState, summary: Any) -> None:
        """Record the end of a run; ``summary`` is stored as JSON."""
        with self._pool.transaction() as connection:
            connection.execute(
                "UPDATE runs SET state = ?, finished_at = ?, summary = ? WHERE id = ?",
                (state, self._time(), as_json(summary), run_id),
            )

    def start_outcomes(
        self, run_id: str, paths: Iterable[str], *, synced: bool = False
    ) -> list[str]:
        """Record that processing of these files begins; return the id of each outcome.

        ``synced``: a power cut undoes neither this nor what was recorded before.
        """
        started = self._time()
        rows = [(str(uuid.uuid4()), run_id, os.fsencode(path), started) for path in paths]
        with self._pool.transaction(synced=synced) as connection:
            connection.executemany(
                "INSERT INTO outcomes (id, run, path, state, started_at)"
                " VALUES (?, ?, ?, 'running', ?)",
                rows,
            )
        return [row[0] for row in rows]

    def record(self, results: Iterable[Result]) -> None:
        """Write the results of these files, all of them or (on an error) none."""
        with self._pool.transaction() as connection:
            for result in results:
                number = locate(connection, result, self._inode)
                if result.touched and result.stat is not None:
                    forget_compliance(connection, result.stat)
                if number is not None:
                    write_facts(connection, number, result, self._time())
                    write_encode(connection, number, result)
                    write_content(connection, number, result)
                write_videos(connection, result)
                write_outcome(connection, number, result)

    def timings(self, policies: Any) -> list[Timing]:
        """Return how long the last files took; ``alike`` are those of runs with these policies."""
        with self._pool.read() as connection:
            rows = connection.execute(_TIMINGS, (as_json(policies),)).fetchall()
        return [
            Timing(
                os.fsdecode(path),
                Cost(*json.loads(cost)) if cost else strategy and Cost(strategy, size),
                size,
                seconds,
                bool(alike),
                after,
            )
            for path, strategy, cost, size, seconds, alike, after in rows
        ]

    def running_runs(self) -> list[Run]:
        """Return the runs that have not ended, oldest first; their process may be dead."""
        return self._runs("WHERE state = 'running' ORDER BY started_at")

    def running_outcomes(self) -> list[RunningOutcome]:
        """Return the files that have begun and not ended, oldest first."""
        with self._pool.read() as connection:
            rows = connection.execute(
                "SELECT id, run, path FROM outcomes WHERE state = 'running' ORDER BY rowid"
            ).fetchall()
        return [RunningOutcome(id_, run, os.fsdecode(path)) for id_, run, path in rows]

    def mark_interrupted(self, run_ids: Iterable[str]) -> None:
        """Record that these runs were killed, with the files that they were processing."""
        ids = [(run_id,) for run_id in run_ids]
        finished = self._time()
        with self._pool.transaction() as connection:
            # A header edit may have been complete, and leaves the stat unchanged.
            connection.executemany(_FORGET_BEGUN, ids)
            connection.executemany(
                "UPDATE outcomes SET state = 'interrupted' WHERE run = ? AND state = 'running'", ids
            )
            connection.executemany(
                "UPDATE runs SET state = 'interrupted', finished_at = ?"
                " WHERE id = ? AND state = 'running'",
                [(finished, run_id) for (run_id,) in ids],
            )

    def runs(self, limit: int = 20, before: str | None = None) -> list[Run]:
        """Return the latest runs, or those before the one with this (whole) id, newest first."""
        order = "ORDER BY started_at DESC, rowid DESC LIMIT ?"
        if before is None:
            return self._runs(order, limit)
        older = "(started_at, rowid) < (SELECT started_at, rowid FROM runs WHERE id = ?)"
        return self._runs(f"WHERE {older} {order}", before, limit)

    def run(self, prefix: str) -> Run:
        """Return the run whose id has this prefix, or the ``last`` one.

        Raises ``UsageError`` if there is none, or more than one.
        """
        wanted = prefix.lower()
        if wanted == "last":
            found = self.runs(1)
        else:
            found = self._runs("WHERE substr(id, 1, ?) = ? LIMIT 2", len(wanted), wanted)
        if not found or not wanted:
            raise UsageError(f"there is no run {prefix}; `vpo history` lists the runs")
        if len(found) > 1:
            raise UsageError(f"several run ids begin with {prefix}; give more of the id")
        return found[0]

    def outcomes(
        self, run_id: str, limit: int | None = None, after: str | None = None
    ) -> list[OutcomeRow]:
        """Return the outcomes of the run with this (whole) id, in the order begun.

        With ``after``, only those behind the outcome with that id; with a limit, not more of them.
        """
        behind = "SELECT rowid FROM outcomes WHERE id = ?"
        which = "run = ?" if after is None else f"run = ? AND outcomes.rowid > ({behind})"
        values = (run_id,) if after is None else (run_id, after)
        with self._pool.read() as connection:
            rows = connection.execute(
                f"SELECT {OUTCOME_COLUMNS} FROM outcomes LEFT JOIN files ON number = file"  # noqa: S608
                f" WHERE {which} ORDER BY outcomes.rowid LIMIT ?",
                (*values, -1 if limit is None else limit),
            ).fetchall()
        return [outcome_of(row) for row in rows]

    def kept(self, *, run_id: str | None = None, path: str | None = None) -> list[KeptOriginal]:
        """Return the kept originals, newest first: all, or those of a run or of a file."""
        which = ""
        values: tuple[object, ...] = ()
        if run_id is not None:
            which, values = "AND run = ?", (run_id,)
        elif path is not None:
            which, values = f"AND ({_OF_PATH})", (os.fsencode(path),)
        with self._pool.read() as connection:
            rows = connection.execute(f"{KEPT_ORIGINALS} {which} ORDER BY started_at DESC", values)
            return [kept_of(row) for row in rows]

    def last_undone(self, *, run_id: str | None = None, path: str | None = None) -> datetime | None:
        """Return when the last change of a file, or of the files of a run, was undone."""
        which, value = ("run = ?1", run_id) if path is None else (_OF_PATH, os.fsencode(path))
        with self._pool.read() as connection:
            row = connection.execute(
                "SELECT undone_at FROM outcomes WHERE result_path IS NOT NULL AND "  # noqa: S608
                f"({which}) ORDER BY started_at DESC, rowid DESC LIMIT 1",
                (value,),
            ).fetchone()
        return parse_time(row[0]) if row and row[0] else None

    def last_kept(self) -> Run | None:
        """Return the latest run of which an original is kept."""
        found = self._runs(
            "WHERE id IN (SELECT run FROM outcomes WHERE kept IS NOT NULL)"
            " ORDER BY started_at DESC, rowid DESC LIMIT 1"
        )
        return found[0] if found else None

    def record_kept(self, outcome: str, kept: Kept, result_path: str, result_stat: Stat) -> None:
        """Record an original that is kept after all: kind, path and size."""
        with self._pool.transaction() as connection:
            write_kept(connection, outcome, kept, result_path, result_stat)

    def without_original(self, outcomes: Iterable[str]) -> list[str]:
        """Return which of these outcomes have no recorded kept original, and do not run."""
        with self._pool.read() as connection:
            rows = connection.execute(
                "SELECT value FROM json_each(?) LEFT JOIN outcomes ON outcomes.id = value"
                " WHERE kept IS NULL AND state IS NOT 'running'",
                (as_json(list(outcomes)),),
            ).fetchall()
        return [row[0] for row in rows]

    def record_found(self, found: Sequence[KeptOriginal]) -> None:
        """Record kept originals that were found; a new run holds outcomes that were lost."""
        run_id = str(uuid.uuid4())
        self.start_run(NewRun(run_id, ["kept originals that were found"], {}, 0, pid=0, host=""))
        with self._pool.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO outcomes (id, run, path, state, status, started_at)"
                " VALUES (?, ?, ?, 'done', 'changed', ?)",
                [
                    (item.outcome, run_id, os.fsencode(item.path), time_text(item.started_at))
                    for item in found
                ],
            )
            for item in found:
                kept = Kept(item.kind, item.kept_path, item.size)
                write_kept(connection, item.outcome, kept, item.result_path, item.result_stat)
        self.finish_run(run_id, "finished", {"changed": len(found)})

    def record_undone(self, outcome: str, stat: Stat | None = None) -> None:
        """Record that the kept original of this outcome was restored, to a file with this stat."""
        with self._pool.transaction() as connection:
            connection.execute(
                "UPDATE outcomes SET kept = NULL, undone_at = ?, undone_stat = ? WHERE id = ?",
                (self._time(), as_json(stat) if stat else None, outcome),
            )

    def ignored(self) -> list[Ignored]:
        """Return the files that are left alone, by path."""
        with self._pool.read() as connection:
            rows = connection.execute("SELECT * FROM ignored ORDER BY path").fetchall()
        return [
            Ignored(os.fsdecode(path), size, content, parse_time(at))
            for path, size, content, at in rows
        ]

    def ignore(self, path: str, size: int, content: str) -> None:
        """Record that a file is left alone from now on."""
        with self._pool.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO ignored (path, size, content, ignored_at)"
                " VALUES (?, ?, ?, ?)",
                (os.fsencode(path), size, content, self._time()),
            )

    def stop_ignoring(self, path: str, content: str | None) -> int:
        """Forget that a file at this path, or with this content, is left alone; return how many."""
        with self._pool.transaction() as connection:
            return connection.execute(
                "DELETE FROM ignored WHERE path = ? OR content = ?", (os.fsencode(path), content)
            ).rowcount

    def acknowledge(self, paths: Iterable[str]) -> int:
        """Record that the known failures of these files are no news; return how many files."""
        with self._pool.transaction() as connection:
            return sum(
                bool(connection.execute(_ACKNOWLEDGE, (os.fsencode(path),)).rowcount)
                for path in paths
            )

    def folders(self) -> set[str]:
        """Return the folders of all files that are or were recorded."""
        with self._pool.read() as connection:
            rows = connection.execute("SELECT path FROM files UNION SELECT path FROM outcomes")
            return {os.path.dirname(os.fsdecode(path)) for (path,) in rows}

    def forget_kept(self, outcomes: Iterable[str]) -> None:
        """Record that these originals are no longer kept."""
        with self._pool.transaction() as connection:
            connection.executemany(
                "UPDATE outcomes SET kept = NULL WHERE id = ?", [(key,) for key in outcomes]
            )

    def forget_file(self, path: str) -> None:
        """Delete the probe and the compliance of a file whose content has changed, or is about to.

        For good: its size and times may stay, and the next run would take it for compliant.
        """
        with self._pool.transaction(synced=True) as connection:
            number = number_of(connection, os.fsencode(path))
            connection.execute("DELETE FROM compliance_records WHERE file = ?", (number,))
            connection.execute("DELETE FROM probes WHERE file = ?", (number,))

    def forget_changed(
        self, paths: Iterable[str], changed_at: Callable[[str], float | None]
    ) -> None:
        """Delete the compliance of the files at and under these paths that have changed since.

        ``changed_at`` returns when a file was last changed (seconds since 1970; ``None``: unknown).
        """
        with self._pool.transaction() as connection:
            for path in paths:
                forget_changed(connection, path, changed_at)

    def _runs(self, which: str, *values: object) -> list[Run]:
        with self._pool.read() as connection:
            rows = connection.execute(f"SELECT {RUN_COLUMNS} FROM runs {which}", values).fetchall()  # noqa: S608
        return [run_of(row) for row in rows]

    def _time(self) -> str:
        return time_text(self._now())


@contextlib.contextmanager
def open_store(path: Path, *, dry_run: bool) -> Iterator[Store | None]:
    """Open the library database; ``None`` for a dry run without one, which creates none."""
    if dry_run and not path.exists():
        yield None
        return
    with DaemonConnectionPool(path, reading=dry_run) as pool:
        yield Store(pool)
