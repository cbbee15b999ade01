"""Reads what earlier runs have found out about files from the library database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from vpo.db.connection import DaemonConnectionPool
from vpo.db.files import as_json, bounds, unsigned
from vpo.db.records import (
    SCAN,
    ComplianceRecord,
    EncodeRecord,
    FileIdentity,
    KnownContent,
    Stat,
    VideoShape,
)

if TYPE_CHECKING:
    from vpo.media.model import MediaFile

_COMPLIANT = """
    SELECT path, size, mtime_ns, inode FROM compliance_records CROSS JOIN files ON number = file
    WHERE cache_key = ? AND compliance = 'complies'
"""
_FAILED = """
    SELECT path, device, size, mtime_ns, inode, error_type, error_message
    FROM compliance_records JOIN files ON number = file
    WHERE cache_key = ? AND compliance = 'failed'
"""
_COMPLIANT_UNDER = """
    SELECT path, size, mtime_ns, inode FROM files CROSS JOIN compliance_records ON file = number
    WHERE cache_key = ? AND compliance = 'complies' AND (path = ? OR path > ? AND path < ?)
"""
_WARNED = """
    SELECT path, warnings FROM compliance_records CROSS JOIN files ON number = file
    WHERE cache_key = ? AND warnings IS NOT NULL AND compliance = 'complies'
"""
_COMPLIANCE_RECORDS = """
    SELECT path, cache_key, size, mtime_ns, inode, compliance = 'complies',
        error_type, error_message, warnings
    FROM compliance_records JOIN files ON number = file WHERE cache_key >= ? AND cache_key < ?
"""
_PROCESSED = """
    SELECT path, size, mtime_ns, inode FROM files JOIN compliance_records ON file = number
    WHERE cache_key >= ? AND cache_key < ?
"""
_ENCODES = """
    SELECT path, history, encodes.size, mtime_ns, encodes.inode, device
    FROM encodes JOIN files ON number = file WHERE cache_key = ?
"""
_CONTENTS = """
    SELECT key, size, bit_rates, history
    FROM contents LEFT JOIN encoded_contents ON content = key AND cache_key = ?
    WHERE size IN (SELECT value FROM json_each(?))
"""
_UNDONE = """
    SELECT path, undone_stat, max(rowid) FROM outcomes
    WHERE path IN (SELECT path FROM outcomes WHERE undone_stat IS NOT NULL) GROUP BY path
"""
_ACKNOWLEDGED = """
    SELECT path FROM compliance_records JOIN files ON number = file
    WHERE acknowledged AND compliance = 'failed' AND (cache_key = ? OR cache_key LIKE ?)
"""
_ACKNOWLEDGED_UNREADABLE = """
    SELECT path, size, mtime_ns, inode FROM compliance_records JOIN files ON number = file
    WHERE acknowledged AND cache_key = ?
"""
_VIDEOS = "SELECT digest, codec, width, height FROM encoded_videos WHERE cache_key = ?"
_FEW = 200
"""Up to this many paths, a query for each is faster than one for everything."""


class Knowledge:
    """What is recorded of files: compliance, failures, encodes, contents and probes."""

    def __init__(self, pool: DaemonConnectionPool) -> None:
        self._pool = pool

    def compliant(self, fingerprint: str, under: Sequence[str] | None = None) -> dict[bytes, Stat]:
        """Return the files that comply with these policies, as long as their stat holds.

        ``under`` restricts them to these files and to the files in these folders.
        """
        with self._pool.read() as connection:
            if under is None or len(under) > _FEW:
                rows: Iterable[Any] = connection.execute(_COMPLIANT, (fingerprint,))
            else:
                ranges = ((fingerprint, *bounds(os.fsencode(path))) for path in under)
                rows = chain.from_iterable(connection.execute(_COMPLIANT_UNDER, r) for r in ranges)
            return {path: unsigned(*stat) for path, *stat in rows}

    def warned(self, fingerprint: str) -> dict[bytes, tuple[str, ...]]:
        """Return the warnings about files that comply with these policies, by path."""
        with self._pool.read() as connection:
            rows = connection.execute(_WARNED, (fingerprint,)).fetchall()
        return {path: tuple(json.loads(text)) for path, text in rows}

    def encodes(self, cache_key: str) -> list[EncodeRecord]:
        """Return the files that were encoded under this cache key, or would be in vain."""
        with self._pool.read() as connection:
            rows = connection.execute(_ENCODES, (cache_key,)).fetchall()
        found = []
        for path, history, *stat, device in rows:
            size, mtime_ns, inode = unsigned(*stat)
            found.append(EncodeRecord(path, history, size, inode, mtime_ns, device))
        return found

    def contents(self, cache_key: str, sizes: Iterable[int]) -> dict[int, dict[str, KnownContent]]:
        """Return what is known of contents of these sizes in bytes, by size and content key."""
        with self._pool.read() as connection:
            rows = connection.execute(_CONTENTS, (cache_key, as_json(list(sizes)))).fetchall()
        found: dict[int, dict[str, KnownContent]] = {}
        for key, size, rates, history in rows:
            bit_rates = {int(index): rate for index, rate in json.loads(rates).items()}
            found.setdefault(size, {})[key] = KnownContent(history, bit_rates)
        return found

    def encoded_videos(self, cache_key: str) -> dict[VideoShape, set[str]]:
        """Return the SHA-256 of all videos that were encoded under this cache key, by shape."""
        found: dict[VideoShape, set[str]] = {}
        with self._pool.read() as connection:
            for digest, *shape in connection.execute(_VIDEOS, (cache_key,)):
                found.setdefault(tuple(shape), set()).add(digest)
        return found

    def failed(self, fingerprint: str) -> dict[bytes, tuple[Stat, str, str]]:
        """Return the files that fail again while their stat holds: stat, error type and message."""
        with self._pool.read() as connection:
            rows = connection.execute(_FAILED, (fingerprint,)).fetchall()
        return {path: (unsigned(*stat), kind, text) for path, _, *stat, kind, text in rows}

    def failed_by_identity(self, fingerprint: str) -> dict[FileIdentity, tuple[str, str]]:
        """Return the errors of these files by device (``None`` if unknown) and stat."""
        with self._pool.read() as connection:
            rows = connection.execute(_FAILED, (fingerprint,)).fetchall()
        return {(device, *unsigned(*stat)): (kind, text) for _, device, *stat, kind, text in rows}

    def compliance_records(self, first: str, end: str) -> dict[bytes, list[ComplianceRecord]]:
        """Return the records under the cache keys from ``first`` to before ``end``, by path."""
        found: dict[bytes, list[ComplianceRecord]] = {}
        with self._pool.read() as connection:
            for path, cache_key, *rest in connection.execute(_COMPLIANCE_RECORDS, (first, end)):
                size, mtime_ns, inode, complies, kind, message, text = rest
                stat = unsigned(size, mtime_ns, inode)
                warnings = tuple(json.loads(text)) if text else ()
                row = ComplianceRecord(
                    cache_key, stat, bool(complies), kind or "", message or "", warnings
                )
                found.setdefault(path, []).append(row)
        return found

    def processed(self, first: str, end: str, paths: Sequence[str]) -> dict[bytes, Stat]:
        """Return which of these files comply or would fail again, as long as their stat holds.

        Under any of the cache keys from ``first`` to before ``end``.
        """
        with self._pool.read() as connection:
            if len(paths) > _FEW:
                rows: Iterable[Any] = connection.execute(_PROCESSED, (first, end))
            else:
                query, keys = f"{_PROCESSED} AND path = ?", map(os.fsencode, paths)
                rows = chain.from_iterable(connection.execute(query, (first, end, k)) for k in keys)
            return {path: unsigned(*stat) for path, *stat in rows}

    def fingerprint(self, content: str) -> str | None:
        """Return the fingerprint of policies whose files have this content, if it is recorded."""
        with self._pool.read() as connection:
            row = connection.execute(
                "SELECT fingerprint FROM fingerprints WHERE content = ?", (content,)
            ).fetchone()
        return row[0] if row else None

    def remember_fingerprint(self, content: str, fingerprint: str) -> None:
        """Record the fingerprint of policies by the content of their files."""
        with self._pool.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO fingerprints (content, fingerprint) VALUES (?, ?)",
                (content, fingerprint),
            )

    def media(self, path: str) -> MediaFile | None:
        """Return the file's last probe; it may have changed since."""
        with self._pool.read() as connection:
            row = connection.execute(
                "SELECT probe FROM probes JOIN files ON number = file WHERE path = ?",
                (os.fsencode(path),),
            ).fetchone()
        if row is None:
            return None
        import zlib  # late, as the models: most runs read no probe

        from vpo.media.model import media_from_json

        return media_from_json(json.loads(zlib.decompress(row[0])))

    def undone(self) -> dict[bytes, Stat]:
        """Return the files whose last change was undone, as they were restored."""
        with self._pool.read() as connection:
            rows = connection.execute(_UNDONE).fetchall()
        return {path: tuple(json.loads(stat)) for path, stat, _ in rows if stat is not None}

    def acknowledged(self, fingerprint: str) -> set[bytes]:
        """Return the files whose failure with these policies, and any metadata, is no news."""
        with self._pool.read() as connection:
            rows = connection.execute(_ACKNOWLEDGED, (fingerprint, f"{fingerprint}%"))
            return {path for (path,) in rows}

    def acknowledged_unreadable(self) -> dict[bytes, Stat]:
        """Return the files whose being unreadable is no news, with their state."""
        with self._pool.read() as connection:
            rows = connection.execute(_ACKNOWLEDGED_UNREADABLE, (SCAN,))
            return {path: unsigned(*stat) for path, *stat in rows}
