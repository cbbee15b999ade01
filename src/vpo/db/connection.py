"""Connections to the library database: one for writing, and one for each concurrent reader.

In WAL mode readers never wait for the writer. Writers of several processes wait for each other, up
to the pool's timeout; no transaction may be open while a program processes a file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from vpo.errors import DatabaseError

LOCK_SECONDS = 30.0


class DaemonConnectionPool:
    """A pool of connections to the database at ``path``, which is created (mode 0600) if missing.

    ``timeout`` is how many seconds to wait for another process's transaction. ``reading`` also
    opens a database that cannot be written. Every method raises ``DatabaseError``, which names the
    file and what to do.
    """

    def __init__(self, path: Path, timeout: float = LOCK_SECONDS, *, reading: bool = False) -> None:
        self.path = path
        self._timeout = timeout
        self._address = read_only_address(path) if reading else None
        self._writing = threading.RLock()
        self._guard = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with self._translated():
            if self._address is None:
                _create(path)
            self._writer = self._connect()
            try:
                if self._address is None:
                    self._use_wal()
            except BaseException:
                self._writer.close()
                raise

    def __enter__(self) -> DaemonConnectionPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self, *, synced: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield the writing connection; commit at the end, or roll back on any exception.

        One thread at a time; transactions do not nest. ``synced``: a power cut does not undo it.
        """
        with self._writing, self._translated():
            self._check_open()
            if self._writer.in_transaction:
                raise RuntimeError("a transaction is open in this thread already")
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield a read-only connection that no other thread uses meanwhile."""
        with self._translated():
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)

    def close(self) -> None:
        """Close every connection; those of readers are closed when they are done."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        with self._writing:
            self._writer.close()

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            self._check_open()
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _check_open(self) -> None:
        if self._closed:
            raise DatabaseError(f"{self.path}: the database is closed")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._address or self.path,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
            uri=self._address is not None,
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_wal(self) -> None:
        """Switch to WAL mode, retrying: SQLite does not wait for other processes here."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                self._writer.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _roll_back(self) -> None:
        # SQLite may have rolled back by itself. If this fails too (the disk is gone), the first
        # error says why; nothing was committed in either case.
        with contextlib.suppress(sqlite3.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise DatabaseError(f"{self.path}: {_explain(str(error))}") from error


_EXPLANATIONS = (
    (
        ("not a database", "malformed", "encrypted"),
        "the database is damaged; `vpo db rebuild` saves what can be read and makes a new one",
    ),
    (("locked",), "the database is in use by another program; wait for it, or end it"),
    (
        ("readonly", "read-only"),
        "the database cannot be written; make the file and its folder writable",
    ),
    (("disk is full",), "no space is left for the database; free some space"),
    (
        ("unable to open",),
        "the database cannot be opened; its folder must exist and be writable, or set VPO_DATA_DIR",
    ),
    (("disk i/o",), "the disk failed to read or write the database; check the disk"),
)


def _explain(message: str) -> str:
    """Return what went wrong and what to do, by SQLite's text: Python 3.10 lacks its codes."""
    for parts, text in _EXPLANATIONS:
        if any(part in message.lower() for part in parts):
            return f"{text} ({message})"
    return f"the database refused a statement ({message})"


def read_only_address(path: Path) -> str | None:
    """Return the URI that opens a database that is not writable; ``None`` if it is, or is missing.

    Without a write-ahead log next to it nobody writes it, and ``immutable`` stops SQLite from
    trying to create one (sqlite.org/uri.html).
    """
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if writable or not os.path.exists(path):
        return None
    immutable = "" if os.path.exists(f"{path}-wal") else "&immutable=1"
    return f"{path.absolute().as_uri()}?mode=ro{immutable}"


def _create(path: Path) -> None:
    """Create the folder and an empty file, whose mode SQLite copies to its own files."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # Not opened if it exists: closing it would release the locks of this process.
        return
    except OSError as error:
        raise DatabaseError(
            f"{path}: the database cannot be created: {error.strerror};"
            " make its folder writable, or set VPO_DATA_DIR"
        ) from error
