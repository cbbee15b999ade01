"""Records of runs and outcomes as JSON, and what an outcome has changed as text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vpo.db.records import OutcomeRow, Run
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.report.diff import change_text
from vpo.text import display_path

COUNTS = ("changed", "unchanged", "skipped", "failed", "cancelled", "not_started")
"""The statuses that are counted for a run."""
_SHOWN_PATHS = 2
"""How many paths of a run a line names."""


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


def run_counts(run: Run) -> str:
    """Return how many files have each status, as ``3 changed, 1 failed``; empty if none has."""
    summary = run.summary or {}
    named = (f"{summary[name]} {name.replace('_', ' ')}" for name in COUNTS if summary.get(name))
    return ", ".join(named)


def run_subject(run: Run) -> str:
    """Return the policies and the library or the paths of a run."""
    policies = ", ".join(run.policies)
    library, paths = run.options.get("library"), run.options.get("paths", ())
    if library is not None:
        return f"{policies}; library {library}"
    if not paths:
        return policies
    more = len(paths) - _SHOWN_PATHS
    named = ", ".join(display_path(os.path.abspath(path)) for path in paths[:_SHOWN_PATHS])
    return f"{policies}; {named}{f' and {more} more' if more > 0 else ''}"
