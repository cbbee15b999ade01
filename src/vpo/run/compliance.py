"""The compliance records of earlier runs, for the policies and metadata of this run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from vpo.db.records import ComplianceRecord
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.plugins.metadata import Metadata, cache_key_range


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

    def __init__(
        self, store: Store, fingerprint: str, metadata: Metadata, roots: Sequence[str]
    ) -> None:
        self._metadata, self._fingerprint = metadata, fingerprint
        self._compliant = store.compliant(fingerprint, roots)
        self._warned = store.warned(fingerprint)
        self._failed = store.failed(fingerprint)
        self._failed_by_identity = store.failed_by_identity(fingerprint) if self._failed else {}
        uses_metadata = metadata.fields or metadata.warnings
        self._with_metadata = (
            store.compliance_records(*cache_key_range(fingerprint)) if uses_metadata else {}
        )

    def complies(self, item: Candidate) -> bool:
        """Return whether the file is known to comply."""
        if self._metadata.warnings and any(row.complies for row in self._rows(item)):
            return True
        if item.path in self._metadata.fields:
            return any(row.complies for row in self._rows(item, exact=True))
        return self._compliant.get(os.fsencode(item.path)) == item.stat

    def warnings(self, item: Candidate) -> tuple[str, ...]:
        """Return the warnings about a file that complies."""
        if item.path in self._metadata.fields or self._metadata.warnings:
            rows = [row for row in self._rows(item) if row.complies]
            key = self._metadata.cache_key(item.path, self._fingerprint)
            best = max(rows, key=lambda row: row.cache_key == key, default=None)
            if best is not None:
                return best.warnings
        return self._warned.get(os.fsencode(item.path), ())

    @property
    def has_failures(self) -> bool:
        """Whether a failure of any file is recorded."""
        with_metadata = (row for rows in self._with_metadata.values() for row in rows)
        return bool(self._failed) or any(not row.complies for row in with_metadata)

    def failure(self, item: Candidate) -> tuple[str, str] | None:
        """Return the type and message of a failure that would only happen again."""
        if item.path in self._metadata.fields:
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
        key = self._metadata.cache_key(item.path, self._fingerprint) if exact else None
        for row in self._with_metadata.get(os.fsencode(item.path), ()):
            if row.stat == item.stat and key in (None, row.cache_key):
                yield row
