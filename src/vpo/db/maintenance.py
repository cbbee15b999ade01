"""Checks, backs up and rebuilds the database file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from vpo.db.connection import DaemonConnectionPool, read_only_address
from vpo.db.schema import STEPS, migrate_database
from vpo.errors import DatabaseError

_TABLES = (
    *("files", "probes", "compliance_records", "encodes", "runs", "outcomes"),
    *("contents", "encoded_contents", "encoded_videos", "ignored", "health"),
    *("queue", "reviews"),
)
"""Ordered so that a table only refers to those before it."""
_FORMER_NAMES = {"compliance_records": "verdicts"}
"""What tables were called in older versions of the schema."""
_SIDE_FILES = ("-wal", "-shm")


class Rebuilt(NamedTuple):
    """The path to which the old database was moved, if there was one, and rows saved by table."""

    moved_to: Path | None
    saved: Mapping[str, int]


def check_database(path: Path) -> list[str]:
    """Return what is wrong with the database; nothing if it is sound or does not exist yet."""
    if not path.exists():
        return []
    try:
        with contextlib.closing(_open(path)) as connection:
            rows = connection.execute("PRAGMA integrity_check").fetchall()
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        return [str(error)]
    found = [str(row[0]) for row in rows if row[0] != "ok"]
    return found + ([f"{len(broken)} rows refer to missing rows"] if broken else [])


def back_up_database(path: Path, target: str) -> int:
    """Copy the database, even while it is written, and return the copy's size in bytes.

    Raises ``DatabaseError``; never overwrites a file.
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with (
            contextlib.closing(_open(path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
    except OSError as error:
        raise DatabaseError(
            f"{target}: the backup cannot be written: {error.strerror}; choose another path"
        ) from None
    except sqlite3.Error as error:
        os.unlink(target)
        raise DatabaseError(
            f"{path}: the database cannot be copied: {error}; try `vpo db rebuild`"
        ) from None
    return os.stat(target).st_size


def rebuild_database(path: Path) -> Rebuilt:
    """Move the database away and copy everything readable into a new one."""
    moved_to = _move_away(path)
    saved = dict.fromkeys(_TABLES, 0)
    with DaemonConnectionPool(path) as pool:
        if moved_to is not None:
            with contextlib.suppress(sqlite3.Error), contextlib.closing(_open(moved_to)) as old:
                # The rows are copied as they are, and then migrated.
                migrate_database(pool, STEPS[: _version(old)])
                for table in _TABLES:
                    saved[table] = _save(pool, old, table)
        migrate_database(pool)
    return Rebuilt(moved_to, saved)


def _version(old: sqlite3.Connection) -> int:
    """Return the version of the schema, the newest if it cannot be read."""
    try:
        version: int = old.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error:
        return len(STEPS)
    return version or len(STEPS)


def _move_away(path: Path) -> Path | None:
    if not path.exists():
        return None
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", *_SIDE_FILES):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{target}{suffix}")
    return target


def _save(pool: DaemonConnectionPool, old: sqlite3.Connection, table: str) -> int:
    """Copy the rows of a table up to the first that cannot be read."""
    saved = 0
    with pool.transaction() as connection:
        if not connection.execute(f"PRAGMA table_info({table})").fetchall():
            table = _FORMER_NAMES.get(table, table)
        known = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        # Caught here, or the transaction would report it as an error of the new database.
        try:
            there = old.execute(f"PRAGMA table_info({table})").fetchall()
            columns = ", ".join(names := [row[1] for row in there if row[1] in known])
            rows = old.execute(f"SELECT {columns} FROM {table}")  # noqa: S608
        except sqlite3.Error:
            return 0
        marks = ", ".join("?" * len(names))
        insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
        while True:
            try:
                row = rows.fetchone()
            except sqlite3.Error:
                break
            if row is None:
                break
            with contextlib.suppress(sqlite3.IntegrityError):
                connection.execute(insert, row)
                saved += 1
    return saved


def _open(path: Path) -> sqlite3.Connection:
    """Open a database for reading; one with a write-ahead log is opened writable to apply it."""
    address = read_only_address(path) or f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True)
