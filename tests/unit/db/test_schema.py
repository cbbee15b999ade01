"""Migrations: from nothing, step by step, twice at once, and never back."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import Cost, EncodeRecord, Timing
from vpo.db.schema import STEPS, migrate_database
from vpo.db.store import Store
from vpo.errors import DatabaseError

NEXT = (
    "ALTER TABLE files ADD COLUMN note TEXT",
    "CREATE TABLE notes (number INTEGER PRIMARY KEY)",
)
SHA256_OF_STEPS = (
    "ccd37bce3df5b3b5",
    "ac6ff077cdbccd22",
    "99e458f2521ec046",
    "761742f2191f672b",
    "f8ade92fb98264ec",
    "e79653263a2e889a",
    "e2170a36bfe707d5",
    "4ebb756ac6b7d33f",
    "da605bdde0da4de1",
    "08c39d61ea747988",
    "f7ac47d72a8b92a0",
)
"""The beginning of each step's digest; a step that users have run is never edited."""


VERSION_5_ROWS = (
    "INSERT INTO files VALUES (1, 'id', x'2f61', 7, 8, 9)",
    "INSERT INTO verdicts VALUES ('f', 1, 'complies', NULL, NULL, '')",
    "INSERT INTO verdicts VALUES ('g', 1, 'failed', 'VerifyError', 'no', '')",
    "INSERT INTO encodes VALUES (1, 'e', 'encoded', 7, 9)",
    "INSERT INTO runs VALUES ('run', '2026-01-01T00:00:00+00:00', NULL, '[]', '{}', 1, 0, 1, '',"
    " 'finished', NULL)",
    "INSERT INTO outcomes (id, run, file, path, state, status, strategy, plan, started_at, seconds,"
    " size_before) VALUES ('o', 'run', 1, x'2f61', 'done', 'changed', 'remux',"
    ' \'{"changes":[{"to":"\\u00e9 \\udcff"}],"load":["remux",7]}\','
    " '2026-01-01T00:00:00+00:00', 1.5, 7)",
    "INSERT INTO outcomes (id, run, path, state, started_at)"
    " VALUES ('p', 'run', x'2f62', 'interrupted', '2026-01-01T00:00:00+00:00')",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vpo.db"


def shape(pool: DaemonConnectionPool) -> tuple[int, list[tuple[str, str]]]:
    with pool.read() as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    return version, rows


def test_migrate_creates_schema_and_is_idempotent(path: Path) -> None:
    with DaemonConnectionPool(path) as pool:
        migrate_database(pool)
        first = shape(pool)
        assert first[0] == len(STEPS)
        assert {name for name, _ in first[1]} >= {"files", "compliance_records", "runs", "outcomes"}
        migrate_database(pool)
        assert shape(pool) == first


def test_migrate_step_by_step_gives_the_same_schema(tmp_path: Path) -> None:
    steps = (*STEPS, NEXT)
    with (
        DaemonConnectionPool(tmp_path / "a") as at_once,
        DaemonConnectionPool(tmp_path / "b") as stepwise,
    ):
        migrate_database(at_once, steps)
        for known in range(1, len(steps) + 1):
            migrate_database(stepwise, steps[:known])
            assert shape(stepwise)[0] == known
        assert shape(stepwise) == shape(at_once)


def test_migrate_keeps_stored_rows(path: Path) -> None:
    with DaemonConnectionPool(path) as pool:
        migrate_database(pool)
        with pool.transaction() as connection:
            connection.execute("INSERT INTO files VALUES (1, 'id', x'ff', 1, 2, 3, 4)")
        migrate_database(pool, (*STEPS, NEXT))
        with pool.read() as connection:
            row = connection.execute("SELECT * FROM files").fetchone()
        assert row == (1, "id", b"\xff", 1, 2, 3, 4, None)


def test_version_6_renames_and_keeps_what_version_5_recorded(path: Path) -> None:
    with DaemonConnectionPool(path) as pool:
        migrate_database(pool, STEPS[:5])
        with pool.transaction() as connection:
            for statement in VERSION_5_ROWS:
                connection.execute(statement)
        store = Store(pool)
        assert store.compliant("f") == {b"/a": (7, 8, 9)}
        assert store.failed("g") == {b"/a": ((7, 8, 9), "VerifyError", "no")}
        assert store.encodes("e") == [EncodeRecord(b"/a", "encoded", 7, 9, 8, None)]
        (row, other) = store.outcomes("run")
        assert row.plan == {"changes": [{"to": "\u00e9 \udcff"}], "cost": ["remux", 7]}
        assert other.plan is None
        assert store.timings([]) == [Timing("/a", Cost("remux", 7), 7, 1.5)]


def test_failed_migration_step_changes_nothing(path: Path) -> None:
    with DaemonConnectionPool(path) as pool:
        migrate_database(pool)
        before = shape(pool)
        with pytest.raises(DatabaseError, match="syntax error"):
            migrate_database(pool, (*STEPS, (*NEXT, "CREATE NONSENSE")))
        assert shape(pool) == before
        migrate_database(pool, (*STEPS, NEXT))
        assert shape(pool)[0] == len(STEPS) + 1


def test_migrate_refuses_newer_version(path: Path) -> None:
    with DaemonConnectionPool(path) as pool:
        migrate_database(pool, (*STEPS, NEXT))
    before = path.read_bytes()
    with (
        DaemonConnectionPool(path) as pool,
        pytest.raises(
            DatabaseError, match=r"vpo\.db: a newer vpo wrote this .*version 12; .* 11\)"
        ),
    ):
        migrate_database(pool)
    assert path.read_bytes() == before


def test_migrate_refuses_database_of_another_program(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (n)")
    other.close()
    with DaemonConnectionPool(path) as pool:
        with pytest.raises(DatabaseError, match="another program's database"):
            migrate_database(pool)
        assert [name for name, _ in shape(pool)[1]] == ["theirs"]


def test_two_threads_can_migrate_at_once(path: Path) -> None:
    barrier = Barrier(2)

    def run(_: int) -> None:
        with DaemonConnectionPool(path) as pool:
            barrier.wait(timeout=30)
            migrate_database(pool)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, range(2)))
    with DaemonConnectionPool(path) as pool:
        assert shape(pool)[0] == len(STEPS)


def test_many_processes_can_migrate_at_once(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from vpo.db.connection import DaemonConnectionPool;"
        "from vpo.db.store import Store; sys.stdin.readline();"
        "Store(DaemonConnectionPool(Path(sys.argv[1]))).runs()"
    )
    argv = [sys.executable, "-c", code, str(path)]
    processes = [subprocess.Popen(argv, stdin=subprocess.PIPE) for _ in range(5)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(timeout=60) for process in processes] == [0] * 5


def test_released_migration_steps_are_unchanged() -> None:
    digests = [hashlib.sha256("\n".join(step).encode()).hexdigest()[:16] for step in STEPS]
    assert digests == list(SHA256_OF_STEPS)
