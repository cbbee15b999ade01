"""The compliance records of earlier runs, for the policies, metadata and time of this run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vpo.db.records import ComplianceRecord
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.execute.outcome import Failure, Outcome
from vpo.plugins.metadata import Metadata, cache_key_range
from vpo.policy.ages import age, age_class, ages_in

_AGE = "+age"


def current_records(store: Store, keys: CacheKeys) -> Iterator[tuple[bytes, ComplianceRecord]]:
    """Yield the records with these policies and any metadata, of files at the age they have now."""
    _, end = cache_key_range(keys.fingerprint)
    for path, rows in store.compliance_records(keys.fingerprint, end).items():
        for row in rows:
            if keys.is_current(row.cache_key, row.stat[1]):
                yield path, row


def failed_before(item: Candidate, kind: str, message: str) -> Outcome:
    """Return the outcome of a file with a recorded failure, which would only happen again."""
    text = f"{message} (in an earlier run, and the file is unchanged; --force tries again)"
    return Outcome(item.path, "failed", error=Failure(kind, text), size_before=item.size)


class CacheKeys(NamedTuple):
    """The cache keys of files: of their compliance with policies, at ``now_ns``.

    Beside the policies they stand for the metadata of the file, and for its age as far as the
    policies tell one from another.
    """

    fingerprint: str
    metadata: Metadata
    now_ns: int

    def of(self, path: str, mtime_ns: int, beside: str | None = None) -> str:
        """Return the cache key of a file; ``beside``: see ``Metadata.cache_key``."""
        return self.metadata.cache_key(path, self.fingerprint, beside) + self._age(mtime_ns)

    def is_current(self, key: str, mtime_ns: int) -> bool:
        """Return whether a cache key is one of the file's age, with any metadata."""
        return key.endswith(self._age(mtime_ns))

    @property
    def ages(self) -> tuple[float, ...]:
        return ages_in(self.fingerprint)

    def _age(self, mtime_ns: int) -> str:
        ages = self.ages
        return f"{_AGE}{age_class(ages, age(mtime_ns, self.now_ns))}" if ages else ""


class AcknowledgedFailures:
    """The failures that the user has acknowledged, each for one state of a file."""

    def __init__(self, store: Store, fingerprint: str, records: ComplianceRecords) -> None:
        self._records = records
        self._paths = store.acknowledged(fingerprint)
        self._unreadable = store.acknowledged_unreadable()

    def __contains__(self, item: Candidate) -> bool:
        path = os.fsencode(item.path)
        if self._unreadable.get(path) == item.stat:
            return True
        return path in self._paths and self._records.failure(item) is not None


class ComplianceRecords:
    """The recorded compliance and failures, each for one state of a file and its metadata.

    If a metadata plugin is unavailable now, a file that complied with any earlier metadata still
    complies, and is not processed again with less metadata.
    """

    def __init__(self, store: Store, keys: CacheKeys, roots: Sequence[str]) -> None:
        self._keys, self._metadata = keys, keys.metadata
        fingerprint, metadata = keys.fingerprint, keys.metadata
        self._varies = bool(keys.ages)
        self._compliant = store.compliant(fingerprint, roots)
        self._warned = store.warned(fingerprint)
        self._failed = store.failed(fingerprint)
        self._failed_by_identity = store.failed_by_identity(fingerprint) if self._failed else {}
        varied = metadata.fields or metadata.warnings or metadata.beside or self._varies
        self._rows_of = store.compliance_records(*cache_key_range(fingerprint)) if varied else {}

    def complies(self, item: Candidate) -> bool:
        """Return whether the file is known to comply."""
        if self._metadata.warnings and any(row.complies for row in self._rows(item)):
            return True
        if self._has_own_key(item):
            return any(row.complies for row in self._rows(item, exact=True))
        return self._compliant.get(os.fsencode(item.path)) == item.stat

    def warnings(self, item: Candidate) -> tuple[str, ...]:
        """Return the warnings about a file that complies."""
        if self._has_own_key(item) or self._metadata.warnings:
            rows = [row for row in self._rows(item) if row.complies]
            key = self._keys.of(item.path, item.mtime_ns)
            best = max(rows, key=lambda row: row.cache_key == key, default=None)
            if best is not None:
                return best.warnings
        return self._warned.get(os.fsencode(item.path), ())

    @property
    def has_failures(self) -> bool:
        """Whether a failure of any file is recorded."""
        varied = (row for rows in self._rows_of.values() for row in rows)
        return bool(self._failed) or any(not row.complies for row in varied)

    def failure(self, item: Candidate) -> tuple[str, str] | None:
        """Return the type and message of a failure that would only happen again."""
        if self._has_own_key(item):
            failed = (row for row in self._rows(item, exact=True) if not row.complies)
            return next(((row.error_type, row.error_message) for row in failed), None)
        stat, *error = self._failed.get(os.fsencode(item.path), (None, "", ""))
        if stat == item.stat:
            return error[0], error[1]
        # The same file under another name: renamed, moved, or another hard link.
        unknown = self._failed_by_identity.get((None, *item.stat))
        return self._failed_by_identity.get((item.device, *item.stat), unknown)

    def _rows(self, item: Candidate, exact: bool = False) -> Iterator[ComplianceRecord]:
        """Yield the records of the file's state, with any metadata or (``exact``) the current."""
        key = self._keys.of(item.path, item.mtime_ns) if exact else None
        for row in self._rows_of.get(os.fsencode(item.path), ()):
            current = self._keys.is_current(row.cache_key, item.mtime_ns)
            if row.stat == item.stat and current and key in (None, row.cache_key):
                yield row

    def _has_own_key(self, item: Candidate) -> bool:
        """Return whether its cache key stands for more than the policies."""
        return self._varies or self._metadata.varies(item.path)
