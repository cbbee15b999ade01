"""Prints the events of a run as text: progress, plans or results, the summary, and failures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from vpo.db.records import STATUSES
from vpo.errors import ErrorKind
from vpo.execute.outcome import Outcome
from vpo.report.progress import ProgressMode, progress_display
from vpo.text import counted, display_path, printable, saved_text

if TYPE_CHECKING:
    from vpo.discover import Discovery
    from vpo.run.progress import ProgressSource
    from vpo.run.request import Request
    from vpo.run.summary import Summary

_STYLES = {
    "changed": "32",
    "planned": "36",
    "failed": "31",
    "skipped": "33",
    "cancelled": "33",
    "dim": "2",
}
_SUMMARY_WORDS = {"planned": "to be changed", "not_started": "not started"}
_SCREEN = 20
"""Lines after which earlier output may have scrolled off the terminal."""
MIN_SAVED = 1_000_000
"""Bytes; the summary leaves out smaller savings."""


class Console:
    """A text stream with colours if it is a terminal.

    ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` turn colours off. ``timed`` lines begin with the
    time. ``lines`` counts written lines.
    """

    def __init__(self, stream: TextIO, timed: bool = False) -> None:
        self.stream, self._timed = stream, timed
        self.terminal = stream.isatty()
        self.lines = 0
        self._colors = (
            self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line, in which the caller has made names printable."""
        if self._timed and text:
            text = f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text}"
        if style and self._colors:
            text = f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
        self.stream.write(text + "\n")
        self.stream.flush()
        self.lines += 1


class TextReport:
    """Prints a run for people; see the module."""

    timed = False

    def __init__(
        self, out: TextIO, err: TextIO, verbosity: int, progress: ProgressMode | None = None
    ) -> None:
        self._out = Console(out, self.timed)
        self._err = Console(err, self.timed)
        self._verbosity = verbosity
        quiet = verbosity < 0 and progress is None
        self._mode: ProgressMode | None = "none" if quiet else progress
        self._progress = progress_display(err, mode=self._mode)
        self._failures: list[tuple[Outcome, bool]] = []
        """Failed and skipped files, and whether their line was printed."""
        self._partly = 0
        self._dry_run = False
        self._reported: frozenset[tuple[str, str]] = frozenset()

    def begin(
        self,
        run_id: str,  # noqa: ARG002
        request: Request,
        workers: int,  # noqa: ARG002
        found: Discovery,
    ) -> None:
        self._dry_run, self._reported = request.dry_run, request.reported
        self._failures, self._partly = [], 0
        self._progress = progress_display(self._err.stream, mode=self._mode)
        if self._verbosity >= 0:
            self._introduce(request, found)

    def _introduce(self, request: Request, found: Discovery) -> None:
        """Name the library, and say so if there is nothing to do."""
        if request.library is not None:
            self._out.line(f"library {printable(request.library)}", "dim")
        if not found.candidates and not found.problems:
            self._out.line(
                "no video files found in "
                + ", ".join(display_path(path) for path in request.paths)
                + ("" if request.recursive else " (use -R to search subfolders)")
            )

    def note(self, text: str) -> None:
        if self._verbosity >= 0:
            self._progress.clear()
            self._err.line(printable(text))

    def started(self, path: str) -> None:
        if self._verbosity >= 2:
            self._progress.clear()
            self._out.line(f"started   {display_path(path)}", "dim")

    def finished(self, outcome: Outcome) -> None:
        self._partly += is_partial(outcome)
        wanted = self._wanted(outcome)
        if outcome.error is not None and not self._is_known(outcome):
            self._failures.append((outcome, wanted))
        if wanted:
            self._progress.clear()
            self._show(outcome)

    def progress(self, get_progress: ProgressSource) -> None:
        if not self._dry_run and self._progress.enabled:
            self._progress.show(get_progress())

    tick = progress

    def end(self, summary: Summary) -> None:
        self._progress.clear()
        if self._verbosity >= 0:
            for line in digest_lines(summary):
                self._out.line(line)
            if summary.estimate is not None:
                from vpo.report.estimate import estimate_lines  # late: most runs have none

                for line in estimate_lines(summary.estimate):
                    self._out.line(line)
            self._out.line(summary_text(summary, dry_run=self._dry_run, partly=self._partly))
        self._list_failures()

    def _wanted(self, outcome: Outcome) -> bool:
        if self._verbosity < 0 or outcome.status == "not_started" or self._is_known(outcome):
            return False
        if outcome.warnings:
            return True
        if outcome.status == "unchanged" or (outcome.status == "skipped" and not outcome.error):
            return self._verbosity >= 1
        # A terminal has the progress; a log needs a line for each file.
        return self._dry_run or self._verbosity >= 1 or not self._has_progress_only()

    def _has_progress_only(self) -> bool:
        """Return whether files that were changed need no line of their own."""
        return self._out.terminal

    def _is_known(self, outcome: Outcome) -> bool:
        """Return whether the same failure of the file was reported by an earlier run."""
        error = outcome.error
        return error is not None and (outcome.path, error.type) in self._reported

    def _show(self, outcome: Outcome) -> None:
        text = f"{outcome.status:9} {names_text(outcome)}{self._what(outcome)}"
        if outcome.error is not None:
            text += f": {printable(outcome.error.message)}"
        self._out.line(text, outcome.status if outcome.status in _STYLES else "")
        if outcome.plan and (self._dry_run or self._verbosity >= 1):
            from vpo.report.diff import plan_lines  # imported late: often there is no plan

            effective = shows_changes(outcome, self._dry_run)
            for line, style in plan_lines(outcome.plan, effective=effective):
                self._out.line(line, style)
        self._warn(outcome)

    def _warn(self, outcome: Outcome) -> None:
        for warning in outcome.warnings:
            self._out.line(f"    warning: {printable(warning)}", "skipped")

    def _what(self, outcome: Outcome) -> str:
        """Return strategy and number of changes in brackets; empty without changes."""
        if outcome.plan is None or not _is_effective(outcome):
            return ""
        partly = f"{self._partly_changed()}: " if is_partial(outcome) else ""
        changes = counted(len(outcome.plan.changes), "change")
        return f"  ({partly}{outcome.strategy}, {changes})"

    def _partly_changed(self) -> str:
        return "to be partly changed" if self._dry_run else "partly changed"

    def _list_failures(self) -> None:
        """List failures on standard error, unless they were printed to the same place just now."""
        same = _same_destination(self._out.stream, self._err.stream)
        seen = same and not (self._err.terminal and self._out.lines > _SCREEN)
        for outcome, in_line in self._failures:
            unwanted = outcome.status in ("skipped", "cancelled") and self._verbosity < 0
            if not unwanted and not (in_line and seen):
                self._failure(outcome)

    def _failure(self, outcome: Outcome) -> None:
        partly = f" ({self._partly_changed()})" if is_partial(outcome) else ""
        message = printable(outcome.error.message) if outcome.error else ""
        text = f"{outcome.status}: {names_text(outcome)}{partly}: {message}"
        self._err.line(text, outcome.status)


def is_partial(outcome: Outcome) -> bool:
    """Return whether a failed file was partly changed, as ``on_error: continue`` allows."""
    changes = outcome.plan is not None and bool(outcome.plan.changes)
    return outcome.status == "failed" and outcome.strategy != "none" and changes


def _is_effective(outcome: Outcome) -> bool:
    """Return whether the planned changes were made, or would be on a dry run."""
    return outcome.status in ("changed", "planned") or is_partial(outcome)


def shows_changes(outcome: Outcome, dry_run: bool) -> bool:
    """Return whether the plan of a file is shown with its changes."""
    return _is_effective(outcome) or (dry_run and _is_hindered(outcome))


def _is_hindered(outcome: Outcome) -> bool:
    """Return whether nothing but permissions keeps the planned changes from being made."""
    return outcome.error is not None and outcome.error.kind is ErrorKind.PUBLISH


def names_text(outcome: Outcome) -> str:
    """Return the file, with its new name if the container changes."""
    old, new = outcome.was or outcome.path, outcome.path
    if outcome.plan is not None and _is_effective(outcome):
        new = outcome.plan.after.path
    if new == old:
        return display_path(old)
    return f"{display_path(old)} -> {printable(os.path.basename(new))}"


def _same_destination(one: TextIO, other: TextIO) -> bool:
    """Return whether both streams write to the same file, pipe or terminal."""
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except (OSError, ValueError):
        return False


def digest_lines(summary: Summary) -> Iterator[str]:
    """Yield how many files a dry run would change, by strategy and by kind of change.

    And what only a run finds out, once for all files.
    """
    named = {"strategy": summary.strategies, "kind of change": summary.kinds}
    for name, counts in named.items():
        if counts:
            # The most frequent first, then by name: the order of the files does not matter.
            found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            parts = (f"{printable(key.replace('_', ' '))} {number}" for key, number in found)
            yield f"files by {name}: {', '.join(parts)}"
    if summary.unread and not summary.strategies.keys().isdisjoint(("remux", "transcode")):
        yield "a dry run does not read files to their end: a run refuses those damaged inside"
    if summary.conditional:
        files = counted(summary.conditional, "file")
        yield f"{files} with min_savings: what an encode saves is found out by a run only"
    if summary.kinds["loudness"]:
        yield "loudness is measured by a run only: audio that has it, or is silent, stays as it is"


def summary_text(summary: Summary, *, dry_run: bool, partly: int = 0) -> str:
    """Return ``12 files in 3.4 s: 4 changed, 7 unchanged, 1 failed``.

    ``partly`` is how many of the failed files were partly changed.
    """
    parts = []
    for name in STATUSES:
        if summary.counts[name]:
            parts.append(f"{summary.counts[name]} {_SUMMARY_WORDS.get(name, name)}")
        if name == "skipped" and summary.linked:
            parts.append(f"{summary.linked} of them for their hard links")
        if name == "skipped" and summary.acknowledged:
            parts.append(f"{summary.acknowledged} of them acknowledged failures")
        if name == "failed" and partly:
            parts.append(f"{partly} of them {'to be ' if dry_run else ''}partly changed")
    text = f"{counted(summary.total, 'file')} in {summary.seconds:.1f} s"
    text += ": " + ", ".join(parts) if parts else ""
    return "; ".join([text, *_remarks(summary, dry_run)])


def _remarks(summary: Summary, dry_run: bool) -> Iterator[str]:
    if abs(summary.saved) >= MIN_SAVED and not dry_run:
        yield saved_text(summary.saved)
    if summary.warned:
        yield f"{counted(summary.warned, 'file')} with warnings"
    if summary.excluded:
        yield f"{counted(summary.excluded, 'name')} excluded"
    if summary.separated:
        old = "would keep" if dry_run else "keep"
        yield f"the hard links of {counted(summary.separated, 'file')} {old} the old content"
    if summary.stopped_early:
        yield "interrupted" if summary.interrupted else "stopped early after a failure"
