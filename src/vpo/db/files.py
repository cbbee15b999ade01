"""The rows of one file: its path and stat, and its probe and compliance while the stat holds."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from vpo.db.records import Result, Stat

InodeOf = Callable[[str], int | None]
"""Returns the inode that a path names now; ``None`` if it names nothing."""

_RECORDED = """
    SELECT number, path, min(recorded_at) FROM files JOIN compliance_records ON file = number
    WHERE path = ? OR path > ? AND path < ? GROUP BY number
"""


def inode_of(path: str) -> int | None:
    """Return the inode that a path names; ``None`` if it names nothing that can be seen."""
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def locate(connection: sqlite3.Connection, result: Result, inode: InodeOf) -> int | None:
    """Return the number of the file's row after updating path and stat; ``None`` without a row."""
    path = os.fsencode(result.path)
    number = number_of(connection, path)
    if result.stat is None:
        return number
    if result.was is not None and (old := number_of(connection, os.fsencode(result.was))):
        if number not in (None, old):
            connection.execute("DELETE FROM files WHERE number = ?", (number,))
        number = old
    stat = signed(result.stat)
    if result.was is None and (moved := _moved(connection, result, number, inode)) is not None:
        if number is not None:
            _swap_paths(connection, number, moved)
        number = moved
    if number is None:
        number = connection.execute(
            "INSERT INTO files (id, path, size, mtime_ns, inode) VALUES (?, ?, ?, ?, ?)",
            (str(uuid.uuid4()), path, *stat),
        ).lastrowid
    else:
        _move(connection, number, path, stat)
    connection.execute("UPDATE files SET device = ? WHERE number = ?", (result.device, number))
    return number


def number_of(connection: sqlite3.Connection, path: bytes) -> int | None:
    """Return the number of a path's row, ``None`` if there is none."""
    row = connection.execute("SELECT number FROM files WHERE path = ?", (path,)).fetchone()
    return row[0] if row else None


def _moved(
    connection: sqlite3.Connection, result: Result, number: int | None, inode: InodeOf
) -> int | None:
    """Return the row of this file under a path that does not name it any more.

    ``number`` is the row of its new path, which is another file's if that was there before, as when
    two names are swapped.
    """
    if result.stat is None or (number and _stat_of(connection, number) == signed(result.stat)):
        return None
    rows = connection.execute(
        "SELECT number, path FROM files WHERE size = ? AND mtime_ns = ? AND inode = ?"
        " AND coalesce(device = ?, 1)",  # unknown in either
        (*signed(result.stat), result.device),
    ).fetchall()
    own = result.stat[2]
    return next((each for each, path in rows if inode(os.fsdecode(path)) != own), None)


def _swap_paths(connection: sqlite3.Connection, some: int, other: int) -> None:
    """Give a file the path of another, which gets its: where that is now, its own result tells."""
    paths = dict(
        connection.execute("SELECT number, path FROM files WHERE number IN (?, ?)", (some, other))
    )
    command = "UPDATE files SET path = ? WHERE number = ?"
    connection.execute(command, (b"\0", some))  # no path, as no two may be the same meanwhile
    connection.execute(command, (paths[some], other))
    connection.execute(command, (paths[other], some))


def _stat_of(connection: sqlite3.Connection, number: int) -> Stat:
    command = "SELECT size, mtime_ns, inode FROM files WHERE number = ?"
    found: Stat = connection.execute(command, (number,)).fetchone()
    return found


def _move(connection: sqlite3.Connection, number: int, path: bytes, stat: Stat) -> None:
    """Set path and stat; delete the probe and the compliance of other content."""
    if _stat_of(connection, number) != stat:
        connection.execute("DELETE FROM compliance_records WHERE file = ?", (number,))
        connection.execute("DELETE FROM probes WHERE file = ?", (number,))
    connection.execute(
        "UPDATE files SET path = ?, size = ?, mtime_ns = ?, inode = ? WHERE number = ?",
        (path, *stat, number),
    )


def forget_compliance(connection: sqlite3.Connection, stat: Stat) -> None:
    """Delete the compliance of the file with this stat, under all its hard links.

    An edit in place changes all of them, and may leave size, time and inode unchanged.
    """
    connection.execute(
        "DELETE FROM compliance_records WHERE file IN"
        " (SELECT number FROM files WHERE size = ? AND mtime_ns = ? AND inode = ?)",
        signed(stat),
    )


def forget_changed(
    connection: sqlite3.Connection, under: str, changed_at: Callable[[str], float | None]
) -> None:
    """Delete the compliance of the files in a folder, or of a file, recorded before their change.

    ``changed_at`` returns when a file was last changed (seconds since 1970), ``None`` if unknown.
    """
    rows = connection.execute(_RECORDED, bounds(os.fsencode(under))).fetchall()
    for number, path, recorded_at in rows:
        changed = changed_at(os.fsdecode(path))
        if changed is None or changed > parse_time(recorded_at).timestamp():
            connection.execute("DELETE FROM compliance_records WHERE file = ?", (number,))


def write_facts(connection: sqlite3.Connection, number: int, result: Result, time: str) -> None:
    """Write the probe and the compliance that the result has."""
    if result.media is not None:
        import zlib

        from vpo.db.facts import write_file_facts
        from vpo.media.model import media_to_json

        connection.execute("DELETE FROM facts WHERE file = ?", (number,))
        connection.execute(
            "INSERT OR REPLACE INTO probes (file, probe, probed_at) VALUES (?, ?, ?)",
            (number, zlib.compress(as_json(media_to_json(result.media)).encode()), time),
        )
        write_file_facts(connection, number, result.media)
    if result.compliance is not None:
        cache_key, compliance = result.fingerprint, result.compliance
        if compliance == "suspect":
            compliance = "failed"
            if not _failed_before(connection, number, cache_key):
                cache_key = f"{_SUSPECT}{cache_key}"
        connection.execute(
            "INSERT OR REPLACE INTO compliance_records"
            " (cache_key, file, compliance, error_type, error_message, recorded_at, warnings,"
            " acknowledged) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                cache_key,
                number,
                compliance,
                *error_of(result),
                time,
                as_json(result.remaining) if result.remaining else None,
                _is_acknowledged(connection, number, result),
            ),
        )


_SUSPECT = "suspect "
"""Before the cache key under which a first failure is recorded; nothing looks it up but the next.
It is forgotten with the file's other compliance."""


def _is_acknowledged(connection: sqlite3.Connection, number: int, result: Result) -> bool:
    """Return whether this failure of the unchanged file was acknowledged before."""
    found = connection.execute(
        "SELECT 1 FROM compliance_records WHERE file = ? AND cache_key IN (?, ?)"
        " AND acknowledged AND error_type = ?",
        (number, result.fingerprint, f"{_SUSPECT}{result.fingerprint}", result.error_type),
    )
    return found.fetchone() is not None


def _failed_before(connection: sqlite3.Connection, number: int, cache_key: str | None) -> bool:
    found = connection.execute(
        "SELECT 1 FROM compliance_records WHERE file = ? AND cache_key IN (?, ?)"
        " AND compliance = 'failed'",
        (number, cache_key, f"{_SUSPECT}{cache_key}"),
    )
    return found.fetchone() is not None


def write_encode(connection: sqlite3.Connection, number: int, result: Result) -> None:
    """Write the history of an encode; other changes by vpo to the file keep it valid."""
    if result.stat is None:
        return
    size, _, inode = signed(result.stat)
    if result.touched:
        connection.execute(
            "UPDATE encodes SET size = ?, inode = ? WHERE file = ? AND size = ?",
            (size, inode, number, result.size_before),
        )
    if result.encode is not None:
        cache_key, history = result.encode
        connection.execute(
            "INSERT OR REPLACE INTO encodes (file, cache_key, history, size, inode)"
            " VALUES (?, ?, ?, ?, ?)",
            (number, cache_key, history, size, inode),
        )


def write_content(connection: sqlite3.Connection, number: int, result: Result) -> None:
    """Write what holds for all files with this content: encodes, and measured bit rates."""
    if result.stat is None or result.content is None:
        return
    size, _, inode = signed(result.stat)
    encodes = connection.execute(
        "SELECT cache_key, history FROM encodes WHERE file = ? AND size = ? AND inode = ?",
        (number, size, inode),
    ).fetchall()
    if not encodes and not result.bit_rates:
        return
    connection.execute(
        "INSERT OR IGNORE INTO contents (key, size) VALUES (?, ?)", (result.content, size)
    )
    if result.bit_rates:
        connection.execute(
            "UPDATE contents SET bit_rates = ? WHERE key = ?",
            (as_json(result.bit_rates), result.content),
        )
    connection.executemany(
        "INSERT OR REPLACE INTO encoded_contents (cache_key, content, history) VALUES (?, ?, ?)",
        [(cache_key, result.content, history) for cache_key, history in encodes],
    )


def write_videos(connection: sqlite3.Connection, result: Result) -> None:
    """Write which videos were encoded, to know them in any file."""
    if result.encode is not None:
        connection.executemany(
            "INSERT OR REPLACE INTO encoded_videos (cache_key, digest, codec, width, height)"
            " VALUES (?, ?, ?, ?, ?)",
            [(result.encode[0], video.digest, *video.shape) for video in result.videos],
        )


def bounds(path: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the path, and the bounds of all paths in it as a folder (the second excluded)."""
    folder = path.rstrip(b"/")
    return path, folder + b"/", folder + b"0"  # "0" comes next after "/"


def signed(stat: Stat) -> Stat:
    """Return the stat with a signed inode: file systems use 64 bits, SQLite's integers 63."""
    size, mtime_ns, inode = stat
    return size, mtime_ns, inode if inode < 1 << 63 else inode - (1 << 64)


def unsigned(size: int, mtime_ns: int, inode: int) -> Stat:
    """Return the stat that ``signed`` was given."""
    return size, mtime_ns, inode if inode >= 0 else inode + (1 << 64)


def error_of(result: Result) -> tuple[str | None, str | None]:
    """Return the error's type and its storable message."""
    message = result.error_message
    return result.error_type, None if message is None else as_text(message)


def parse_time(text: str) -> datetime:
    """Return a stored time as an aware ``datetime``."""
    return datetime.fromisoformat(text)


def as_json(value: Any) -> str:
    """Return the value as ASCII JSON, in which the surrogates of undecodable bytes survive."""
    return json.dumps(value, separators=(",", ":"))


def as_text(text: str) -> str:
    """Return the text with surrogates as escapes, as SQLite accepts none."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
