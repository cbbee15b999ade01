"""Rows of runs, outcomes and kept originals: how they are written, and what is read from them."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import datetime, timezone
from typing import Any

from vpo.db.files import as_json, error_of, parse_time
from vpo.db.records import Kept, KeptOriginal, OutcomeRow, Result, Run, Stat

RUN_COLUMNS = """
    id, started_at, finished_at, policies, options, workers, dry_run, pid, host, state, summary
"""
OUTCOME_COLUMNS = """
    outcomes.id, run, files.id, outcomes.path, state, status, strategy, plan, error_type,
    error_message, warnings, started_at, seconds, size_before, size_after, undone_at
"""
KEPT_ORIGINALS = """
    SELECT id, path, kept, kept_path, kept_size, result_path, result_stat, started_at
    FROM outcomes WHERE kept IS NOT NULL
"""


def time_text(time: datetime) -> str:
    """Return a time as text, always with microseconds, so that texts sort by time."""
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")


def write_outcome(connection: sqlite3.Connection, number: int | None, result: Result) -> None:
    """Write what became of a file, and of its original; ``number`` is the file's row."""
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
        write_kept(connection, result.outcome, result.kept, result.path, result.stat)


def write_kept(
    connection: sqlite3.Connection,
    outcome: str,
    kept: Kept,
    result_path: str,
    result_stat: Stat,
) -> None:
    """Write which original an outcome kept, and the result that it can replace."""
    kind, path, size = kept
    result = (os.fsencode(result_path), as_json(result_stat))
    connection.execute(
        "UPDATE outcomes SET kept = ?, kept_path = ?, kept_size = ?, result_path = ?,"
        " result_stat = ?, undone_at = NULL WHERE id = ?",
        (kind, os.fsencode(path), size, *result, outcome),
    )


def run_of(row: tuple[Any, ...]) -> Run:
    """Return the record of a row of ``RUN_COLUMNS``."""
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


def outcome_of(row: tuple[Any, ...]) -> OutcomeRow:
    """Return the record of a row of ``OUTCOME_COLUMNS``."""
    id_, run, file_id, path, state, status, strategy, plan, kind, text, warnings, started = row[:12]
    seconds, before, after, undone = row[12:]
    return OutcomeRow(
        id_,
        run,
        file_id,
        os.fsdecode(path),
        state,
        status,
        strategy,
        json.loads(plan) if plan else None,
        kind,
        text,
        tuple(json.loads(warnings)),
        parse_time(started),
        *(seconds, before, after),
        parse_time(undone) if undone else None,
    )


def kept_of(row: tuple[Any, ...]) -> KeptOriginal:
    """Return the record of a row of ``KEPT_ORIGINALS``."""
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
