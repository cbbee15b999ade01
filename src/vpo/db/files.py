"""The rows of a file: where it is, its stat, and what is known of it while that is its stat."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from vpo.db.records import Result, Stat


def locate(
    connection: sqlite3.Connection, result: Result, exists: Callable[[str], bool]
) -> int | None:
    """The file's row, brought to its present path and stat; ``None`` if nothing is known of it."""
    path = os.fsencode(result.path)
    number = number_of(connection, path)
    if result.stat is None:
        return number
    if result.was is not None and (old := number_of(connection, os.fsencode(result.was))):
        if number not in (None, old):
            connection.execute("DELETE FROM files WHERE number = ?", (number,))
        number = old
    stat = signed(result.stat)
    if number is None:
        number = _renamed(connection, stat, exists)
    if number is None:
        return connection.execute(
            "INSERT INTO files (id, path, size, mtime_ns, inode) VALUES (?, ?, ?, ?, ?)",
            (str(uuid.uuid4()), path, *stat),
        ).lastrowid
    _move(connection, number, path, stat)
    return number


def number_of(connection: sqlite3.Connection, path: bytes) -> int | None:
    row = connection.execute("SELECT number FROM files WHERE path = ?", (path,)).fetchone()
    return row[0] if row else None


def _renamed(
    connection: sqlite3.Connection, stat: Stat, exists: Callable[[str], bool]
) -> int | None:
    """The row of a file with this stat that is no longer where it was: this is it, renamed."""
    rows = connection.execute(
        "SELECT number, path FROM files WHERE size = ? AND mtime_ns = ? AND inode = ?", stat
    ).fetchall()
    return next((number for number, path in rows if not exists(os.fsdecode(path))), None)


def _move(connection: sqlite3.Connection, number: int, path: bytes, stat: Stat) -> None:
    """Set path and stat; what was known of other content is forgotten."""
    row = connection.execute(
        "SELECT size, mtime_ns, inode FROM files WHERE number = ?", (number,)
    ).fetchone()
    if row != stat:
        connection.execute("DELETE FROM verdicts WHERE file = ?", (number,))
        connection.execute("DELETE FROM probes WHERE file = ?", (number,))
    connection.execute(
        "UPDATE files SET path = ?, size = ?, mtime_ns = ?, inode = ? WHERE number = ?",
        (path, *stat, number),
    )


def forget_compliance(connection: sqlite3.Connection, stat: Stat) -> None:
    """Of the file with this stat, under all its names: an edit in place changes them all, and can
    leave size, time and inode as they were."""
    connection.execute(
        "DELETE FROM verdicts WHERE file IN"
        " (SELECT number FROM files WHERE size = ? AND mtime_ns = ? AND inode = ?)",
        signed(stat),
    )


def write_facts(connection: sqlite3.Connection, number: int, result: Result, time: str) -> None:
    """The probe and the verdict, if the result has them."""
    if result.media is not None:
        import zlib

        from vpo.media.model import to_json

        connection.execute(
            "INSERT OR REPLACE INTO probes (file, probe, probed_at) VALUES (?, ?, ?)",
            (number, zlib.compress(as_json(to_json(result.media)).encode()), time),
        )
    if result.compliance is not None:
        connection.execute(
            "INSERT OR REPLACE INTO verdicts"
            " (fingerprint, file, verdict, error_type, error_message, recorded_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (result.fingerprint, number, result.compliance, *error_of(result), time),
        )


def write_encode(connection: sqlite3.Connection, number: int, result: Result) -> None:
    """What is remembered of an encode; what vpo does to the file otherwise does not end that."""
    if result.stat is None:
        return
    size, _, inode = signed(result.stat)
    if result.touched:
        connection.execute(
            "UPDATE encodes SET size = ?, inode = ? WHERE file = ? AND size = ?",
            (size, inode, number, result.size_before),
        )
    if result.encode is not None:
        mark, history = result.encode
        connection.execute(
            "INSERT OR REPLACE INTO encodes (file, mark, history, size, inode)"
            " VALUES (?, ?, ?, ?, ?)",
            (number, mark, history, size, inode),
        )


def bounds(path: bytes) -> tuple[bytes, bytes, bytes]:
    """The path itself, and the bounds of all that lies in it as a folder."""
    folder = path.rstrip(b"/")
    return path, folder + b"/", folder + b"0"  # "0" comes next after "/"


def signed(stat: Stat) -> Stat:
    """Some file systems use all 64 bits of an inode; SQLite's integers have a sign."""
    size, mtime_ns, inode = stat
    return size, mtime_ns, inode if inode < 1 << 63 else inode - (1 << 64)


def unsigned(size: int, mtime_ns: int, inode: int) -> Stat:
    return size, mtime_ns, inode if inode >= 0 else inode + (1 << 64)


def error_of(result: Result) -> tuple[str | None, str | None]:
    said = result.error_message
    return result.error_type, None if said is None else as_text(said)


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def as_json(value: Any) -> str:
    """In ASCII, so that the halves of surrogate pairs that stand for odd bytes survive."""
    return json.dumps(value, separators=(",", ":"))


def as_text(text: str) -> str:
    """SQLite takes no text with surrogates in it; a message can bear their escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
