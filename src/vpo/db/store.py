"""The library database: every question that vpo asks it, and everything that it writes there."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from itertools import chain
from typing import TYPE_CHECKING, Any

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import (
    as_json,
    as_text,
    bounds,
    error_of,
    forget_compliance,
    locate,
    number_of,
    parse_time,
    unsigned,
    write_encode,
    write_facts,
)
from vpo.db.records import (
    ComplianceRecord,
    Cost,
    KeptOriginal,
    OutcomeRecord,
    Result,
    Run,
    RunningOutcome,
    RunState,
    Stat,
    Timing,
)
from vpo.db.schema import migrate_database
from vpo.errors import UsageError

if TYPE_CHECKING:
    from vpo.media.model import MediaFile

_KNOWN = """
    SELECT path, size, mtime_ns, inode FROM verdicts CROSS JOIN files ON number = file
    WHERE fingerprint = ? AND verdict <> 'failed'
"""
_FAILED = """
    SELECT path, size, mtime_ns, inode, error_type, error_message
    FROM verdicts JOIN files ON number = file WHERE fingerprint = ? AND verdict = 'failed'
"""
_KNOWN_UNDER = """
    SELECT path, size, mtime_ns, inode FROM files CROSS JOIN verdicts ON file = number
    WHERE fingerprint = ? AND verdict <> 'failed' AND (path = ? OR path > ? AND path < ?)
"""
_ANSWERED = """
    SELECT path, fingerprint, size, mtime_ns, inode, verdict <> 'failed', error_type, error_message
    FROM verdicts JOIN files ON number = file WHERE fingerprint >= ? AND fingerprint < ?
"""
_RUN = """
    id, started_at, finished_at, policies, options, workers, dry_run, pid, host, state, summary
"""
_OUTCOME = """
    outcomes.id, run, files.id, outcomes.path, state, status, strategy, plan, error_type,
    error_message, warnings, started_at, seconds, size_before, size_after, undone_at
"""
_KEPT = """
    SELECT id, path, kept, kept_path, kept_size, result_path, result_stat, started_at
    FROM outcomes WHERE kept IS NOT NULL
"""
_FORGET_BEGUN = """
    DELETE FROM verdicts WHERE file IN (
        SELECT number FROM files JOIN outcomes USING (path) WHERE run = ? AND state = 'running'
    )
"""
_TOOK = """
    SELECT path, strategy, json_extract(plan, '$.load'), size_before, seconds, runs.policies = ?
    FROM outcomes JOIN runs ON runs.id = run
    WHERE status IN ('changed', 'unchanged') AND seconds > 0 AND size_before IS NOT NULL
    ORDER BY outcomes.rowid DESC LIMIT 1000
"""
_FEW = 200
"""Up to so many paths, asking for each is faster than reading all that is known."""


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Store:
    """Reads and writes the library database; brings it to the newest version first.

    Every method raises ``DatabaseError`` as the pool does. ``exists`` says whether a path is there;
    ``now`` is the clock.
    """

    def __init__(
        self,
        pool: DaemonConnectionPool,
        exists: Callable[[str], bool] = os.path.lexists,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._pool, self._exists, self._now = pool, exists, now
        migrate_database(pool)

    def compliant(self, fingerprint: str, under: Sequence[str] | None = None) -> dict[bytes, Stat]:
        """The files that need no work for this policy as long as they are still as stated.

        ``under`` restricts them to these files and to what is in these folders.
        """
        with self._pool.read() as connection:
            if under is None or len(under) > _FEW:
                rows: Iterable[Any] = connection.execute(_KNOWN, (fingerprint,))
            else:
                ranges = ((fingerprint, *bounds(os.fsencode(path))) for path in under)
                rows = chain.from_iterable(connection.execute(_KNOWN_UNDER, r) for r in ranges)
            return {path: unsigned(*stat) for path, *stat in rows}

    def encodes(self, mark: str) -> dict[bytes, tuple[str, int, int]]:
        """What came of encoding files under this mark, by path: with the size and the inode that
        the file has if it is still that one.
        """
        with self._pool.read() as connection:
            rows = connection.execute(
                "SELECT path, history, encodes.size, encodes.inode FROM encodes"
                " JOIN files ON number = file WHERE mark = ?",
                (mark,),
            ).fetchall()
        return {
            path: (history, *unsigned(size, 0, inode)[::2]) for path, history, size, inode in rows
        }

    def failed(self, fingerprint: str) -> dict[bytes, tuple[Stat, str, str]]:
        """The files that failed for good with this policy as they were then: type and message."""
        with self._pool.read() as connection:
            rows = connection.execute(_FAILED, (fingerprint,)).fetchall()
        return {path: (unsigned(*stat), kind, said) for path, *stat, kind, said in rows}

    def compliance_records(self, first: str, end: str) -> dict[bytes, list[ComplianceRecord]]:
        """The verdicts under all marks from ``first`` to before ``end``, by path."""
        found: dict[bytes, list[ComplianceRecord]] = {}
        with self._pool.read() as connection:
            for path, mark, *rest in connection.execute(_ANSWERED, (first, end)):
                size, mtime_ns, inode, complies, kind, said = rest
                stat = unsigned(size, mtime_ns, inode)
                row = ComplianceRecord(mark, stat, bool(complies), kind or "", said or "")
                found.setdefault(path, []).append(row)
        return found

    def fingerprint(self, content: str) -> str | None:
        """The fingerprint of policies whose files hold this, if it is on record."""
        with self._pool.read() as connection:
            row = connection.execute(
                "SELECT fingerprint FROM fingerprints WHERE content = ?", (content,)
            ).fetchone()
        return row[0] if row else None

    def remember_fingerprint(self, content: str, fingerprint: str) -> None:
        """Put the fingerprint of policies on record."""
        with self._pool.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO fingerprints (content, fingerprint) VALUES (?, ?)",
                (content, fingerprint),
            )

    def media(self, path: str) -> MediaFile | None:
        """The file as it was probed last; it may have changed since."""
        with self._pool.read() as connection:
            row = connection.execute(
                "SELECT probe FROM probes JOIN files ON number = file WHERE path = ?",
                (os.fsencode(path),),
            ).fetchone()
        if row is None:
            return None
        import zlib  # late, as the models: most runs read no probe

        from vpo.media.model import from_json

        return from_json(json.loads(zlib.decompress(row[0])))

    def start_run(
        self,
        run_id: str,
        *,
        policies: Any,
        options: Any,
        workers: int,
        dry_run: bool,
        pid: int,
        host: str,
    ) -> None:
        """Begin a run under a new UUID; ``policies`` and ``options`` are kept as JSON."""
        values = (as_json(policies), as_json(options), workers, dry_run, pid, as_text(host))
        with self._pool.transaction() as connection:
            connection.execute(
                "INSERT INTO runs (id, started_at, policies, options, workers, dry_run, pid, host,"
                " state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running')",
                (run_id, self._time(), *values),
            )

    def finish_run(self, run_id: str, state: RunState, summary: Any) -> None:
        """End a run; ``summary`` is kept as JSON."""
        with self._pool.transaction() as connection:
            connection.execute(
                "UPDATE runs SET state = ?, finished_at = ?, summary = ? WHERE id = ?",
                (state, self._time(), as_json(summary), run_id),
            )

    def start_outcomes(self, run_id: str, paths: Iterable[str]) -> list[str]:
        """Note that the work on these files begins; returns an id for each."""
        started = self._time()
        rows = [(str(uuid.uuid4()), run_id, os.fsencode(path), started) for path in paths]
        with self._pool.transaction() as connection:
            connection.executemany(
                "INSERT INTO outcomes (id, run, path, state, started_at)"
                " VALUES (?, ?, ?, 'running', ?)",
                rows,
            )
        return [row[0] for row in rows]

    def record(self, results: Iterable[Result]) -> None:
        """Write what became of these files, all of it or (on an error) nothing."""
        with self._pool.transaction() as connection:
            for result in results:
                number = locate(connection, result, self._exists)
                if result.touched and result.stat is not None:
                    forget_compliance(connection, result.stat)
                if number is not None:
                    write_facts(connection, number, result, self._time())
                    write_encode(connection, number, result)
                _write_outcome(connection, number, result)

    def timings(self, policies: Any) -> list[Timing]:
        """How long the last files took; ``alike`` are those of runs with these policies."""
        with self._pool.read() as connection:
            rows = connection.execute(_TOOK, (as_json(policies),)).fetchall()
        return [
            Timing(
                os.fsdecode(path),
                Cost(*json.loads(load)) if load else strategy and Cost(strategy, size),
                size,
                seconds,
                bool(alike),
            )
            for path, strategy, load, size, seconds, alike in rows
        ]

    def running_runs(self) -> list[Run]:
        """The runs that have not ended, oldest first; their process may be dead."""
        return self._runs("WHERE state = 'running' ORDER BY started_at")

    def running_outcomes(self) -> list[RunningOutcome]:
        """The files that some process has begun, oldest first."""
        with self._pool.read() as connection:
            rows = connection.execute(
                "SELECT id, run, path FROM outcomes WHERE state = 'running' ORDER BY rowid"
            ).fetchall()
        return [RunningOutcome(id_, run, os.fsdecode(path)) for id_, run, path in rows]

    def mark_interrupted(self, run_ids: Iterable[str]) -> None:
        """Note that these runs were killed, and what they were working on with them."""
        ids = [(run_id,) for run_id in run_ids]
        finished = self._time()
        with self._pool.transaction() as connection:
            # An edit of the header in place may have been complete, and leaves the stat as it was.
            connection.executemany(_FORGET_BEGUN, ids)
            connection.executemany(
                "UPDATE outcomes SET state = 'interrupted' WHERE run = ? AND state = 'running'", ids
            )
            connection.executemany(
                "UPDATE runs SET state = 'interrupted', finished_at = ?"
                " WHERE id = ? AND state = 'running'",
                [(finished, run_id) for (run_id,) in ids],
            )

    def runs(self, limit: int = 20) -> list[Run]:
        """The latest runs, newest first."""
        return self._runs("ORDER BY started_at DESC, rowid DESC LIMIT ?", limit)

    def run(self, prefix: str) -> Run:
        """The run whose id is or begins so, or the ``last`` one; ``UsageError`` if there is none,
        or several."""
        wanted = prefix.lower()
        if wanted == "last":
            found = self.runs(1)
        else:
            found = self._runs("WHERE substr(id, 1, ?) = ? LIMIT 2", len(wanted), wanted)
        if not found or not wanted:
            raise UsageError(f"there is no run {prefix}; vpo history lists them")
        if len(found) > 1:
            raise UsageError(f"several runs begin with {prefix}; give more of the id")
        return found[0]

    def outcomes(self, run_id: str) -> list[OutcomeRecord]:
        """What the run with this (whole) id did, in the order begun."""
        with self._pool.read() as connection:
            rows = connection.execute(
                f"SELECT {_OUTCOME} FROM outcomes LEFT JOIN files ON number = file"  # noqa: S608
                " WHERE run = ? ORDER BY outcomes.rowid",
                (run_id,),
            ).fetchall()
        return [_outcome(row) for row in rows]

    def kept(self, *, run_id: str | None = None, path: str | None = None) -> list[KeptOriginal]:
        """The originals that are kept, newest first: all, or those of a run or of a file."""
        which = ""
        values: tuple[object, ...] = ()
        if run_id is not None:
            which, values = "AND run = ?", (run_id,)
        elif path is not None:
            which, values = "AND (result_path = ?1 OR path = ?1)", (os.fsencode(path),)
        with self._pool.read() as connection:
            rows = connection.execute(f"{_KEPT} {which} ORDER BY started_at DESC", values)
            return [_kept(row) for row in rows]

    def record_kept(
        self, outcome: str, kept: tuple[str, str, int], result_path: str, result_stat: Stat
    ) -> None:
        """Put an original on record that an interrupted run has kept: kind, path and size."""
        with self._pool.transaction() as connection:
            _write_kept(connection, outcome, kept, result_path, result_stat)

    def without_original(self, outcomes: Iterable[str]) -> list[str]:
        """Those of these outcomes that have no kept original on record, and are not under way."""
        with self._pool.read() as connection:
            rows = connection.execute(
                "SELECT value FROM json_each(?) LEFT JOIN outcomes ON outcomes.id = value"
                " WHERE kept IS NULL AND state IS NOT 'running'",
                (as_json(list(outcomes)),),
            ).fetchall()
        return [row[0] for row in rows]

    def record_found(self, found: Sequence[KeptOriginal]) -> None:
        """Put kept originals on record that were found; outcomes that are lost get a run."""
        run_id, policies = str(uuid.uuid4()), ["kept originals that were found"]
        self.start_run(
            run_id, policies=policies, options={}, workers=0, dry_run=False, pid=0, host=""
        )
        with self._pool.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO outcomes (id, run, path, state, status, started_at)"
                " VALUES (?, ?, ?, 'done', 'changed', ?)",
                [
                    (item.outcome, run_id, os.fsencode(item.path), _stored(item.started_at))
                    for item in found
                ],
            )
            for item in found:
                kept = (item.kind, item.kept_path, item.size)
                _write_kept(connection, item.outcome, kept, item.result_path, item.result_stat)
        self.finish_run(run_id, "finished", {"changed": len(found)})

    def record_undone(self, outcome: str) -> None:
        """Note that the kept original of this outcome was put back."""
        with self._pool.transaction() as connection:
            connection.execute(
                "UPDATE outcomes SET kept = NULL, undone_at = ? WHERE id = ?",
                (self._time(), outcome),
            )

    def folders(self) -> set[str]:
        """The folders of all files that are or were on record."""
        with self._pool.read() as connection:
            rows = connection.execute("SELECT path FROM files UNION SELECT path FROM outcomes")
            return {os.path.dirname(os.fsdecode(path)) for (path,) in rows}

    def forget_kept(self, outcomes: Iterable[str]) -> None:
        """Note that these originals are kept no longer."""
        with self._pool.transaction() as connection:
            connection.executemany(
                "UPDATE outcomes SET kept = NULL WHERE id = ?", [(key,) for key in outcomes]
            )

    def forget_file(self, path: str) -> None:
        """Drop what is known of a file's content: it is another now."""
        with self._pool.transaction() as connection:
            number = number_of(connection, os.fsencode(path))
            connection.execute("DELETE FROM verdicts WHERE file = ?", (number,))
            connection.execute("DELETE FROM probes WHERE file = ?", (number,))

    def _runs(self, which: str, *values: object) -> list[Run]:
        with self._pool.read() as connection:
            rows = connection.execute(f"SELECT {_RUN} FROM runs {which}", values).fetchall()  # noqa: S608
        return [_run(row) for row in rows]

    def _time(self) -> str:
        return _stored(self._now())


def _stored(moment: datetime) -> str:
    """Always with microseconds: then the order of the texts is the order in time."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")


def _write_outcome(connection: sqlite3.Connection, number: int | None, result: Result) -> None:
    connection.execute(
        "UPDATE outcomes SET state = 'done', file = ?, status = ?, strategy = ?, plan = ?,"
        " error_type = ?, error_message = ?, warnings = ?, seconds = ?, size_before = ?,"
        " size_after = ? WHERE id = ?",
        (
            number,
            result.status,
            result.strategy,
            None if result.plan is None else as_json(result.plan),
            *error_of(result),
            as_json(result.warnings),
            result.seconds,
            result.size_before,
            result.size_after,
            result.outcome,
        ),
    )
    if result.kept is not None and result.stat is not None:
        _write_kept(connection, result.outcome, result.kept, result.path, result.stat)


def _write_kept(
    connection: sqlite3.Connection,
    outcome: str,
    kept: tuple[str, str, int],
    result_path: str,
    result_stat: Stat,
) -> None:
    kind, path, size = kept
    result = (os.fsencode(result_path), as_json(result_stat))
    connection.execute(
        "UPDATE outcomes SET kept = ?, kept_path = ?, kept_size = ?, result_path = ?,"
        " result_stat = ? WHERE id = ?",
        (kind, os.fsencode(path), size, *result, outcome),
    )


def _run(row: tuple[Any, ...]) -> Run:
    id_, started, finished, policies, options, workers, dry_run, pid, host, state, summary = row
    return Run(
        id=id_,
        started_at=parse_time(started),
        finished_at=parse_time(finished) if finished else None,
        policies=json.loads(policies),
        options=json.loads(options),
        workers=workers,
        dry_run=bool(dry_run),
        pid=pid,
        host=host,
        state=state,
        summary=json.loads(summary) if summary else None,
    )


def _outcome(row: tuple[Any, ...]) -> OutcomeRecord:
    """The columns are in the order of the fields."""
    id_, run, file_id, path, state, status, strategy, plan, kind, said, warnings, started = row[:12]
    seconds, before, after, undone = row[12:]
    return OutcomeRecord(
        id_,
        run,
        file_id,
        os.fsdecode(path),
        state,
        status,
        strategy,
        json.loads(plan) if plan else None,
        kind,
        said,
        tuple(json.loads(warnings)),
        parse_time(started),
        *(seconds, before, after),
        parse_time(undone) if undone else None,
    )


def _kept(row: tuple[Any, ...]) -> KeptOriginal:
    outcome, path, kind, kept_path, size, result_path, stat, started = row
    return KeptOriginal(
        outcome,
        os.fsdecode(path),
        kind,
        os.fsdecode(kept_path),
        size,
        os.fsdecode(result_path),
        tuple(json.loads(stat)),
        parse_time(started),
    )
