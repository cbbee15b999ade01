"""The tables of the library database, and the migration steps between its versions."""

from __future__ import annotations

import sqlite3

from vpo.db.connection import DaemonConnectionPool
from vpo.db.serve_schema import VERSION_9, VERSION_10, VERSION_11
from vpo.errors import DatabaseError

_VERSION_1 = (
    # `number` is only for joins; `id`, a UUID, is the id for everybody else.
    """
    CREATE TABLE files (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        path BLOB NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL
    )
    """,
    "CREATE INDEX files_stat ON files (inode, size, mtime_ns)",
    # Not in `files`, whose rows are all read at the start of a run: these are large.
    """
    CREATE TABLE probes (
        file INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
        probe TEXT NOT NULL,
        probed_at TEXT NOT NULL
    )
    """,
    # No vpo has written 'encoded'; the table `encodes` has that.
    """
    CREATE TABLE verdicts (
        fingerprint TEXT NOT NULL,
        file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
        verdict TEXT NOT NULL CHECK (verdict IN ('complies', 'encoded', 'failed')),
        error_type TEXT,
        error_message TEXT,
        recorded_at TEXT NOT NULL,
        PRIMARY KEY (fingerprint, file)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX verdicts_file ON verdicts (file)",
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        policies TEXT NOT NULL,
        options TEXT NOT NULL,
        workers INTEGER NOT NULL,
        dry_run INTEGER NOT NULL,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'interrupted', 'stopped')),
        summary TEXT
    )
    """,
    "CREATE INDEX runs_started ON runs (started_at)",
    "CREATE INDEX runs_running ON runs (id) WHERE state = 'running'",
    """
    CREATE TABLE outcomes (
        id TEXT PRIMARY KEY,
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        file INTEGER REFERENCES files ON DELETE SET NULL,
        path BLOB NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'done', 'interrupted')),
        status TEXT,
        strategy TEXT,
        plan TEXT,
        error_type TEXT,
        error_message TEXT,
        warnings TEXT NOT NULL DEFAULT '[]',
        started_at TEXT NOT NULL,
        seconds REAL,
        size_before INTEGER,
        size_after INTEGER
    )
    """,
    "CREATE INDEX outcomes_run ON outcomes (run)",
    "CREATE INDEX outcomes_file ON outcomes (file)",
    "CREATE INDEX outcomes_running ON outcomes (run) WHERE state = 'running'",
)

_VERSION_2 = (
    # For `vpo undo`: the kept original, and the stat of the result that it replaces.
    "ALTER TABLE outcomes ADD COLUMN kept TEXT CHECK (kept IN ('file', 'header'))",
    "ALTER TABLE outcomes ADD COLUMN kept_path BLOB",
    "ALTER TABLE outcomes ADD COLUMN kept_size INTEGER",
    "ALTER TABLE outcomes ADD COLUMN result_path BLOB",
    "ALTER TABLE outcomes ADD COLUMN result_stat TEXT",
    "CREATE INDEX outcomes_kept ON outcomes (kept_path) WHERE kept IS NOT NULL",
)

_VERSION_3 = (
    # The fingerprint of policies by the content of their files, to avoid parsing them.
    "CREATE TABLE fingerprints (content TEXT PRIMARY KEY, fingerprint TEXT NOT NULL)",
    # Compressed from now on. What was lost is probed again.
    "DROP TABLE probes",
    """
    CREATE TABLE probes (
        file INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
        probe BLOB NOT NULL,
        probed_at TEXT NOT NULL
    )
    """,
)

_VERSION_4 = (
    # When `vpo undo` restored the original.
    "ALTER TABLE outcomes ADD COLUMN undone_at TEXT",
)

_VERSION_5 = (
    # By the cache key of the encode (`mark`), for the file with this size and inode.
    """
    CREATE TABLE encodes (
        file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
        mark TEXT NOT NULL,
        history TEXT NOT NULL CHECK (history IN ('encoded', 'futile')),
        size INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        PRIMARY KEY (file, mark)
    ) WITHOUT ROWID
    """,
)

_VERSION_6 = (
    "DROP INDEX verdicts_file",
    "ALTER TABLE verdicts RENAME TO compliance_records",
    "ALTER TABLE compliance_records RENAME COLUMN verdict TO compliance",
    "ALTER TABLE compliance_records RENAME COLUMN fingerprint TO cache_key",
    "CREATE INDEX compliance_records_file ON compliance_records (file)",
    # JSON; NULL without warnings. The index finds the few files that have some.
    "ALTER TABLE compliance_records ADD COLUMN warnings TEXT",
    """
    CREATE INDEX compliance_records_warnings ON compliance_records (cache_key)
    WHERE warnings IS NOT NULL
    """,
    "ALTER TABLE encodes RENAME COLUMN mark TO cache_key",
    """
    UPDATE outcomes
    SET plan = json_remove(
        json_set(plan, '$.cost', json(json_extract(plan, '$.load'))), '$.load'
    )
    WHERE CASE WHEN json_valid(plan) THEN json_type(plan, '$.load') END IS NOT NULL
    """,
    # NULL where an older vpo wrote the row.
    "ALTER TABLE files ADD COLUMN device INTEGER",
    # By content key; `bit_rates` is JSON.
    """
    CREATE TABLE contents (
        key TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        bit_rates TEXT NOT NULL DEFAULT '{}'
    ) WITHOUT ROWID
    """,
    "CREATE INDEX contents_size ON contents (size)",
    """
    CREATE TABLE encoded_contents (
        cache_key TEXT NOT NULL,
        content TEXT NOT NULL REFERENCES contents ON DELETE CASCADE,
        history TEXT NOT NULL CHECK (history IN ('encoded', 'futile')),
        PRIMARY KEY (cache_key, content)
    ) WITHOUT ROWID
    """,
    # By the SHA-256 of a video's packets; the other facts tell which videos are worth reading.
    """
    CREATE TABLE encoded_videos (
        cache_key TEXT NOT NULL,
        digest TEXT NOT NULL,
        codec TEXT NOT NULL,
        width INTEGER,
        height INTEGER,
        PRIMARY KEY (cache_key, digest)
    ) WITHOUT ROWID
    """,
)

_VERSION_7 = (
    # What `vpo ignore` leaves alone.
    """
    CREATE TABLE ignored (
        path BLOB PRIMARY KEY,
        size INTEGER NOT NULL,
        content TEXT NOT NULL,
        ignored_at TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    # The file as `vpo undo` restored it (JSON): `vpo watch` leaves it alone until it changes.
    "ALTER TABLE outcomes ADD COLUMN undone_stat TEXT",
    "CREATE INDEX outcomes_undone ON outcomes (path) WHERE undone_stat IS NOT NULL",
    # Whether the user has acknowledged a failure: until file or policy changes, it is no news.
    "ALTER TABLE compliance_records ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0",
)

_VERSION_8 = (
    # The last health check of a file, and the stat that the file had; `health` is JSON.
    """
    CREATE TABLE health (
        file INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        checked_at TEXT NOT NULL,
        health TEXT NOT NULL
    )
    """,
)

STEPS: tuple[tuple[str, ...], ...] = (
    _VERSION_1,
    _VERSION_2,
    _VERSION_3,
    _VERSION_4,
    _VERSION_5,
    _VERSION_6,
    _VERSION_7,
    _VERSION_8,
    VERSION_9,
    VERSION_10,
    VERSION_11,
)
"""``STEPS[n]`` migrates from version n to n + 1; version 0 is an empty file.

A released step is never changed; append the next one.
"""


def migrate_database(
    pool: DaemonConnectionPool, steps: tuple[tuple[str, ...], ...] = STEPS
) -> None:
    """Migrate the database to the newest version, one transaction a step.

    Raises ``DatabaseError`` and changes nothing if a newer vpo or another program wrote it.
    """
    with pool.read() as connection:
        version = _version(connection)
    _refuse_newer(version, pool, steps)
    while version < len(steps):
        with pool.transaction() as connection:
            # Another process may have migrated it before this transaction began.
            version = _version(connection)
            _refuse_newer(version, pool, steps)
            if version == len(steps):
                return
            if version == 0:
                _refuse_foreign(connection, pool)
            for statement in steps[version]:
                connection.execute(statement)
            version += 1
            connection.execute(f"PRAGMA user_version = {version}")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _refuse_newer(
    version: int, pool: DaemonConnectionPool, steps: tuple[tuple[str, ...], ...]
) -> None:
    if version > len(steps):
        raise DatabaseError(
            f"{pool.path}: a newer vpo wrote this database (version {version}; this vpo"
            f" reads up to {len(steps)}); install that vpo, or set VPO_DATA_DIR to another folder"
        )


def _refuse_foreign(connection: sqlite3.Connection, pool: DaemonConnectionPool) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise DatabaseError(
            f"{pool.path}: this is another program's database; set VPO_DATA_DIR to another folder"
        )
