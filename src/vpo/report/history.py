"""Records of runs and outcomes as JSON, and what an outcome has changed as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vpo.db.records import OutcomeRow, Run
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.report.diff import change_text


def record_json(record: Run | OutcomeRow) -> dict[str, Any]:
    """Return a run or an outcome as docs/json.md describes it."""
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in record._asdict().items()
    }


def changes_made(outcome: OutcomeRow) -> Iterator[str]:
    """Yield the changes that a run has made to a file; the caller makes the texts printable."""
    if outcome.status == "failed" and outcome.strategy == "none":
        return  # planned, but not made
    for change in (outcome.plan or {}).get("changes", ()):
        fact = Fact.parse(change["kind"], change["track"])
        removed = fact.kind is ChangeKind.REMOVE
        track = "" if fact.track is None or removed else f"track {fact.track} "
        yield track + change_text(fact, change["from"], change["to"])
