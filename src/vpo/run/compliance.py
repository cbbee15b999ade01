"""What earlier runs found out about the candidates, under the policies and answers of this one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from vpo.db.records import Answered, Stat
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.plugins.metadata import Answers, marks


class ComplianceRecords:
    """The records on record. One is good for a file as it was, with the answer of then.

    A source that is silent now has taken nothing back: what complied with any of its answers does
    so still, and is not looked at again knowing less.
    """

    def __init__(
        self, store: Store, fingerprint: str, answers: Answers, roots: Sequence[str]
    ) -> None:
        self._answers, self._fingerprint = answers, fingerprint
        self._known = store.known(fingerprint, roots)
        self._failed = store.failed(fingerprint)
        asked = answers.fields or answers.warnings
        self._answered = store.answered(*marks(fingerprint)) if asked else {}

    def complies(self, item: Candidate) -> bool:
        """Whether the file needs no work."""
        if self._answers.warnings and any(row.complies for row in self._rows(item)):
            return True
        if item.path in self._answers.fields:
            return any(row.complies for row in self._rows(item, exact=True))
        return self._known.get(os.fsencode(item.path)) == _stat(item)

    @property
    def has_failures(self) -> bool:
        """Whether any file is on record as failing."""
        answered = (row for rows in self._answered.values() for row in rows)
        return bool(self._failed) or any(not row.complies for row in answered)

    def failure(self, item: Candidate) -> tuple[str, str] | None:
        """The type and message of a failure that would only happen again."""
        if item.path in self._answers.fields:
            failed = (row for row in self._rows(item, exact=True) if not row.complies)
            return next(((row.error_type, row.error_message) for row in failed), None)
        stat, *error = self._failed.get(os.fsencode(item.path), (None, "", ""))
        return (error[0], error[1]) if stat == _stat(item) else None

    def _rows(self, item: Candidate, exact: bool = False) -> Iterator[Answered]:
        """What is on record of the file as it is, with any answer or (``exact``) that of now."""
        mark = self._answers.mark(item.path, self._fingerprint) if exact else None
        for row in self._answered.get(os.fsencode(item.path), ()):
            if row.stat == _stat(item) and mark in (None, row.mark):
                yield row


def _stat(item: Candidate) -> Stat:
    return item.size, item.mtime_ns, item.inode
