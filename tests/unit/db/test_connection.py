"""The pool: who waits for whom, what survives, and what an error says."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vpo.db.connection import DaemonConnectionPool
from vpo.errors import DatabaseError

CREATE = "CREATE TABLE IF NOT EXISTS t (n INTEGER)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "vpo.db"


def count(pool: DaemonConnectionPool) -> int:
    with pool.read() as connection:
        found: int = connection.execute("SELECT count(*) FROM t").fetchone()[0]
    return found


def insert(pool: DaemonConnectionPool, number: int = 1) -> None:
    with pool.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (?)", (number,))


def filled(path: Path, rows: int = 1) -> None:
    with DaemonConnectionPool(path) as pool:
        with pool.transaction() as connection:
            connection.execute(CREATE)
        for number in range(rows):
            insert(pool, number)


def python(code: str, *args: object) -> subprocess.Popen[str]:
    """Another process; it says a line when it is where it should be, and waits for one."""
    head = (
        "import sys; from pathlib import Path; from vpo.db.connection import DaemonConnectionPool\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_database_files_are_private(path: Path) -> None:
    before = os.umask(0)
    try:
        with DaemonConnectionPool(path) as pool, pool.transaction() as connection:
            connection.execute(CREATE)
            for name in os.listdir(path.parent):
                assert stat.S_IMODE(os.stat(path.parent / name).st_mode) == 0o600
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_connections_have_their_pragmas(path: Path) -> None:
    with DaemonConnectionPool(path) as pool, pool.read() as reader, pool.transaction() as writer:
        for connection in (reader, writer):
            assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1
            assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
            assert connection.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000


def test_transaction_is_committed(path: Path) -> None:
    filled(path, rows=3)
    with DaemonConnectionPool(path) as pool:
        assert count(pool) == 3


def test_transaction_that_a_power_cut_must_not_undo_is_synced(path: Path) -> None:
    filled(path)
    modes = []
    with DaemonConnectionPool(path) as pool:
        for synced in (True, False):
            with pool.transaction(synced=synced) as connection:
                modes.append(connection.execute("PRAGMA synchronous").fetchone()[0])
    assert modes == [2, 1]  # FULL, NORMAL


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_transaction_is_rolled_back_on_error(path: Path, error: type[BaseException]) -> None:
    filled(path)
    with DaemonConnectionPool(path) as pool:
        with pytest.raises(error), pool.transaction() as connection:
            connection.execute("DELETE FROM t")
            raise error
        assert count(pool) == 1
        insert(pool)
        assert count(pool) == 2


def test_transactions_do_not_nest(path: Path) -> None:
    filled(path)
    with DaemonConnectionPool(path) as pool:
        with pytest.raises(RuntimeError), pool.transaction() as connection:
            connection.execute("DELETE FROM t")
            with pool.transaction():
                pass
        assert count(pool) == 1


def test_a_reader_does_not_wait_for_an_open_transaction(path: Path) -> None:
    filled(path)
    with DaemonConnectionPool(path, timeout=0) as pool, ThreadPoolExecutor(1) as other:
        with pool.transaction() as connection:
            connection.execute("DELETE FROM t")
            assert other.submit(count, pool).result(timeout=30) == 1
            assert count(pool) == 1
        assert other.submit(count, pool).result(timeout=30) == 0


def test_a_reader_cannot_write(path: Path) -> None:
    filled(path)
    with DaemonConnectionPool(path) as pool:
        with pytest.raises(DatabaseError), pool.read() as connection:
            connection.execute("DELETE FROM t")
        assert count(pool) == 1


def test_readers_at_the_same_time_have_a_connection_each(path: Path) -> None:
    filled(path)
    barrier = threading.Barrier(4)
    with DaemonConnectionPool(path) as pool, ThreadPoolExecutor(4) as threads:

        def used(_: int) -> int:
            with pool.read() as connection:
                barrier.wait(timeout=30)
                return id(connection)

        first = set(threads.map(used, range(4)))
        assert len(first) == 4
        assert set(threads.map(used, range(4))) == first


def test_writers_of_one_process_take_turns(path: Path) -> None:
    filled(path, rows=0)
    with DaemonConnectionPool(path, timeout=0) as pool, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: insert(pool, number), range(200)))
        assert count(pool) == 200


def test_two_processes_can_write(path: Path) -> None:
    filled(path, rows=0)
    code = """
with DaemonConnectionPool(Path(sys.argv[1])) as pool:
    print("ready", flush=True); sys.stdin.readline()
    for n in range(200):
        with pool.transaction() as connection: connection.execute("INSERT INTO t VALUES (?)", (n,))
"""
    processes = [python(code, path) for _ in range(2)]
    assert [line(process) for process in processes] == ["ready", "ready"]
    for process in processes:
        process.communicate("go\n", timeout=60)
    assert [process.returncode for process in processes] == [0, 0]
    with DaemonConnectionPool(path) as pool:
        assert count(pool) == 400


def test_many_processes_can_create_the_database_at_once(path: Path) -> None:
    code = "DaemonConnectionPool(Path(sys.argv[1])).close()"
    processes = [python(code, path) for _ in range(6)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 6


def test_kill_in_a_transaction_rolls_back(path: Path) -> None:
    filled(path)
    code = """
pool = DaemonConnectionPool(Path(sys.argv[1]))
with pool.transaction() as connection:
    connection.execute("PRAGMA cache_spill = 1")
    connection.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(100_000)))
    print("inside", flush=True); sys.stdin.readline()
"""
    process = python(code, path)
    assert line(process) == "inside"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    with DaemonConnectionPool(path, timeout=0) as pool:
        assert count(pool) == 1
        insert(pool)
        with pool.read() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_kill_after_a_transaction_loses_nothing(path: Path) -> None:
    filled(path)
    code = """
pool = DaemonConnectionPool(Path(sys.argv[1]))
with pool.transaction() as connection: connection.execute("INSERT INTO t VALUES (2)")
print("done", flush=True); sys.stdin.readline()
"""
    process = python(code, path)
    assert line(process) == "done"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    with DaemonConnectionPool(path) as pool:
        assert count(pool) == 2


def test_closed_pool_refuses_connections(path: Path) -> None:
    filled(path)
    pool = DaemonConnectionPool(path)
    with pool.read() as idle:
        pass
    with pool.read() as used, pool.read() as also:
        assert idle in (used, also)
        pool.close()
        assert used.execute("SELECT count(*) FROM t").fetchone()[0] == 1
    for connection in (used, also):
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")
    pool.close()
    with pytest.raises(DatabaseError, match="closed"), pool.read():
        pass
    with pytest.raises(DatabaseError, match="closed"), pool.transaction():
        pass
    assert os.listdir(path.parent) == ["vpo.db"]


def test_pool_is_closed_when_its_block_raises(path: Path) -> None:
    with pytest.raises(ValueError, match="odd"), DaemonConnectionPool(path) as pool:
        raise ValueError("odd")
    with pytest.raises(DatabaseError, match="closed"), pool.read():
        pass


def test_locked_database_is_an_error(path: Path) -> None:
    filled(path)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with DaemonConnectionPool(path, timeout=0) as pool:
            with pytest.raises(DatabaseError, match=r"vpo\.db: .* in use by another program"):
                insert(pool)
            assert count(pool) == 1
            other.execute("COMMIT")
            insert(pool)
    finally:
        other.close()


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is not what it was\n" * 400)


def tear(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [overwrite, tear])
def test_damaged_database_is_an_error_and_unchanged(
    path: Path, damage: Callable[[Path], None]
) -> None:
    filled(path)
    damage(path)
    before = path.read_bytes()
    with (
        pytest.raises(DatabaseError, match=r"vpo\.db: the database is damaged; `vpo db rebuild` "),
        DaemonConnectionPool(path) as pool,
    ):
        count(pool)
    assert path.read_bytes() == before


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are not listed here")
def test_failed_open_leaves_no_file_open(path: Path) -> None:
    filled(path)
    overwrite(path)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(DatabaseError) as caught:
        DaemonConnectionPool(path)
    # The traceback still holds the frames: nothing was closed by the garbage collector.
    assert caught.value.__traceback__ is not None
    assert len(os.listdir("/proc/self/fd")) == before


def test_folder_in_place_of_database_is_an_error(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DatabaseError, match=r"vpo\.db: .*cannot be opened.*VPO_DATA_DIR"):
        DaemonConnectionPool(path)


def test_file_in_place_of_data_folder_is_an_error(path: Path) -> None:
    path.parent.touch()
    with pytest.raises(DatabaseError, match=r"vpo\.db: .*its folder must exist.*VPO_DATA_DIR"):
        DaemonConnectionPool(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_unwritable_data_folder_is_an_error(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    with pytest.raises(DatabaseError, match=r"cannot be created: Permission denied"):
        DaemonConnectionPool(path)


WRITE = """
    with DaemonConnectionPool(Path(sys.argv[1])) as pool, pool.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
"""
READ = """
    with DaemonConnectionPool(Path(sys.argv[1]), reading=True) as pool, pool.read() as connection:
        print(connection.execute("SELECT count(*) FROM t").fetchone()[0], "row")
"""


def run_as_nobody(path: Path, what: str = WRITE) -> str:
    """What a user who may not write the file is told."""
    code = f"""
import os
os.setgid(65534); os.setuid(65534)
from vpo.errors import DatabaseError
try:{what}
except DatabaseError as error:
    print(error)
"""
    process = python(code, path)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_read_only_database_is_an_error() -> None:
    # Not in pytest's own folder, which another user may not enter.
    folder = Path("/tmp") / f"vpo-read-only-{os.getpid()}"
    try:
        filled(folder / "vpo.db")
        folder.chmod(0o755)
        (folder / "vpo.db").chmod(0o444)
        said = run_as_nobody(folder / "vpo.db")
        assert "make the file and its folder writable" in said or "cannot be opened" in said
        assert "vpo.db" in said
        assert run_as_nobody(folder / "vpo.db", READ) == "1 row\n"
    finally:
        shutil.rmtree(folder)


def test_full_disk_is_an_error(path: Path) -> None:
    filled(path)
    with DaemonConnectionPool(path) as pool:
        with (
            pytest.raises(DatabaseError, match=r"vpo\.db: no space is left.*free some"),
            pool.transaction() as connection,
        ):
            connection.execute("PRAGMA max_page_count = 3")
            connection.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(10_000)))
        assert count(pool) == 1


def test_wrong_statement_is_not_reported_as_damage(path: Path) -> None:
    with (
        DaemonConnectionPool(path) as pool,
        pytest.raises(DatabaseError, match=r"refused a statement .*no such table"),
        pool.read() as connection,
    ):
        connection.execute("SELECT * FROM no_such")


def test_data_folder_may_have_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"d\xff\n")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    filled(folder / "vpo.db")
    assert (folder / "vpo.db").stat().st_size
