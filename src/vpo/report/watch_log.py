"""Prints the runs of a watch for people: a log, each line of which has the time and the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpo.report.text import TextReport, names_text, summary_text
from vpo.text import printable

if TYPE_CHECKING:
    from vpo.discover import Discovery
    from vpo.execute.outcome import Outcome
    from vpo.run.request import Request
    from vpo.run.summary import Summary


class WatchLog(TextReport):
    """Prints what became of each file, and the summary of a run with several."""

    timed = True
    _before = 0

    def _introduce(self, request: Request, found: Discovery) -> None:  # noqa: ARG002
        self._before = self._out.lines

    def end(self, summary: Summary) -> None:
        self._progress.clear()
        if summary.total > 1 and self._out.lines > self._before:
            self._out.line(summary_text(summary, dry_run=False, partly=self._partly), "dim")
        self._failures = [item for item in self._failures if not item[1]]
        self._list_failures()

    def _has_progress_only(self) -> bool:
        return False

    def _warn(self, outcome: Outcome) -> None:
        for warning in outcome.warnings:
            text = f"{'warning':9} {names_text(outcome)}: {printable(warning)}"
            self._out.line(text, "skipped")
