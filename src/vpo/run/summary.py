"""The summary of a run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vpo.db.records import STATUSES
from vpo.errors import ErrorKind
from vpo.execute.outcome import Outcome

if TYPE_CHECKING:
    from vpo.run.estimate import Estimate


class Summary:
    """The counts, the duration and the savings of a run.

    ``seconds`` is its duration, ``saved`` the total of the bytes that the files became smaller,
    ``warned`` how many files have warnings.
    Of the files with further hard links, ``linked`` counts the skipped ones, and ``separated``
    those that were (or would be) replaced, so that the other links keep the old content.
    ``acknowledged`` counts those skipped as their failure is known and acknowledged;
    ``excluded`` counts files and folders that were left out, which are not part of ``total``.
    ``conditional`` counts the files of a dry run whose encode must save something.
    ``strategies`` and ``kinds`` count the files that a dry run would change, by strategy and by
    kind of change; a file can have several kinds. ``unread``: the run would read these files to
    their end and refuse damaged ones, which a dry run does not. ``estimate`` is that of a dry run,
    if it was asked for.
    """

    def __init__(self, run_id: str, total: int, excluded: int = 0, unread: bool = False) -> None:
        self.run_id = run_id
        self.total = total
        self.excluded = excluded
        self.unread = unread
        self.acknowledged = 0
        self.seconds = 0.0
        self.stopped_early = False
        self.interrupted = False
        self.tool_missing = False
        self.counts: Counter[str] = Counter()
        self.saved = 0
        self.warned = 0
        self.linked = self.separated = 0
        self.strategies: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.conditional = 0
        self.estimate: Estimate | None = None

    def facts(self) -> dict[str, object]:
        """Return the summary as documented for JSON."""
        return {
            "total": self.total,
            **{name: self.counts[name] for name in STATUSES},
            "seconds": self.seconds,
            "stopped_early": self.stopped_early,
            "warned": self.warned,
            "acknowledged": self.acknowledged,
            "excluded": self.excluded,
            "hard_links_skipped": self.linked,
            "hard_links_replaced": self.separated,
            "digest": self._digest() if self.strategies else None,
            "estimate": self.estimate.facts() if self.estimate else None,
        }

    def count(self, outcome: Outcome) -> None:
        """Count the outcome of one file."""
        self.counts[outcome.status] += 1
        if outcome.error and outcome.error.kind is ErrorKind.TOOL_MISSING:
            self.tool_missing = True
        if outcome.error and outcome.error.kind is ErrorKind.LINKED:
            self.linked += 1
        self.separated += outcome.separated
        self.warned += bool(outcome.warnings)
        if outcome.status == "planned" and outcome.plan is not None:
            self.strategies[outcome.strategy] += 1
            wanted = (how.min_savings for how in outcome.plan.video_encodes.values())
            self.conditional += any(least is not None for least in wanted)
            self.kinds.update({change.kind.value for change in outcome.plan.changes})
        if outcome.size_before is not None and outcome.size_after is not None:
            self.saved += outcome.size_before - outcome.size_after

    def _digest(self) -> dict[str, object]:
        return {"strategies": dict(self.strategies), "kinds": dict(self.kinds)}
