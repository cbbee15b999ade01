"""Outcomes for people: the plan on a dry run; else the progress line, a summary, what failed."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TextIO

from vpo.db.records import STATUSES
from vpo.execute.outcome import Outcome
from vpo.text import counted, cut, printable, shown

if TYPE_CHECKING:
    from vpo.discover import Discovery
    from vpo.run.progress import ProgressSource, RunningFile, RunProgress
    from vpo.run.request import Request
    from vpo.run.summary import Summary

_STYLES = {"changed": "32", "planned": "36", "failed": "31", "skipped": "33", "dim": "2"}
_SUMMARY_WORDS = {"planned": "to be changed", "not_started": "not started"}
_SCREEN = 20
"""Lines after which what was shown before may have left the terminal."""
_NAME = 24
"""Columns for a name on the progress line."""
_SOON, _DAY = 90, 86400
"""Seconds."""
_WORTH_TELLING = 1_000_000
"""Bytes saved from which on the summary says so."""


class Console:
    """A text stream: colours only on a terminal that wants them, control characters never.

    ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` turn colours off. ``lines`` counts what was
    written.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.terminal = stream.isatty()
        self.lines = 0
        self._colors = (
            self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line; the caller has made names printable."""
        if style and self._colors:
            text = f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
        self.stream.write(text + "\n")
        self.stream.flush()
        self.lines += 1


class ProgressLine:
    """``Processing: 3/10 files [2 active]``, rewritten in place on a terminal, else absent."""

    def __init__(self, stream: TextIO, *, enabled: bool, doing: str = "Processing") -> None:
        self._stream = stream
        self._doing = doing
        self.enabled = enabled and stream.isatty()
        self._text = ""
        self._drawn = False

    def show(self, state: RunProgress, each: bool = False) -> None:
        """Show how far the run is, and if wanted ``each`` file that is being worked on."""
        if not self.enabled:
            return
        counts = f"{state.done}/{state.total} files [{state.active} active]"
        end = f", {state.waiting}" if state.waiting else _end(state.left)
        text = f"{self._doing}: {counts}{end}"
        if each:
            text += "".join(f"; {_far(item)}" for item in state.running)
        if self._drawn and text == self._text:
            return
        self._text, self._drawn = text, True
        self._draw()

    def clear(self) -> None:
        """Make room for another line; the next ``show`` draws the progress again."""
        if self.enabled and self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False

    def _draw(self) -> None:
        width = terminal_columns(self._stream)
        self._stream.write("\r" + cut(self._text, width - 1) + "\x1b[K")
        self._stream.flush()


def _far(item: RunningFile) -> str:
    """``A Very Long Na… 42 %, 80 s left``."""
    text = printable(cut(os.path.basename(item.path), _NAME))
    if item.part is not None:
        text += f" {item.part:.0%}"
    return text + _end(item.left)


def _end(left: float | None) -> str:
    """When all is done; as a time of day, which stays true while the line stays as it is."""
    if left is None:
        return ""
    if left < _SOON:
        return f", {left:.0f} s left"
    end = datetime.now() + timedelta(seconds=left)
    return f", done about {end:{'%H:%M' if left < _DAY else '%a %H:%M'}}"


def terminal_columns(stream: TextIO) -> int:
    """The terminal's width; one that says 0 does not know."""
    try:
        return max(20, os.get_terminal_size(stream.fileno()).columns or 80)
    except (OSError, ValueError):
        return 80


class TextReport:
    """For people: the plan on a dry run; else the progress line, the summary, what failed."""

    def __init__(self, out: TextIO, err: TextIO, verbosity: int) -> None:
        self._out = Console(out)
        self._err = Console(err)
        self._verbosity = verbosity
        self._line = ProgressLine(err, enabled=verbosity >= 0)
        self._failures: list[tuple[Outcome, bool]] = []
        """What failed or was skipped, and whether its line was shown."""
        self._partly = 0
        self._dry_run = False

    def begin(
        self,
        run_id: str,  # noqa: ARG002
        request: Request,
        workers: int,  # noqa: ARG002
        found: Discovery,
    ) -> None:
        self._dry_run = request.dry_run
        if not found.candidates and not found.problems and self._verbosity >= 0:
            self._out.line(
                "no video files found in "
                + ", ".join(shown(path) for path in request.paths)
                + ("" if request.recursive else " (folders below are not searched without -R)")
            )

    def note(self, text: str) -> None:
        if self._verbosity >= 0:
            self._line.clear()
            self._err.line(printable(text))

    def started(self, path: str) -> None:
        if self._verbosity >= 2:
            self._line.clear()
            self._out.line(f"started   {shown(path)}", "dim")

    def finished(self, outcome: Outcome) -> None:
        self._partly += is_partial(outcome)
        wanted = self._wanted(outcome)
        if outcome.error is not None:
            self._failures.append((outcome, wanted))
        if wanted:
            self._line.clear()
            self._show(outcome)

    def progress(self, look: ProgressSource) -> None:
        if not self._dry_run and self._line.enabled:
            self._line.show(look(), each=self._verbosity >= 1)

    tick = progress

    def end(self, summary: Summary) -> None:
        self._line.clear()
        if self._verbosity >= 0:
            self._out.line(summary_text(summary, dry_run=self._dry_run, partly=self._partly))
        self._list_failures()

    def _wanted(self, outcome: Outcome) -> bool:
        if self._verbosity < 0 or outcome.status == "not_started":
            return False
        if outcome.status == "unchanged":
            return self._verbosity >= 1
        # A terminal has the progress line; a log file wants to tell what happened.
        return self._dry_run or self._verbosity >= 1 or not self._out.terminal

    def _show(self, outcome: Outcome) -> None:
        text = f"{outcome.status:9} {_names(outcome)}{self._what(outcome)}"
        if outcome.error is not None:
            text += f": {printable(outcome.error.message)}"
        self._out.line(text, outcome.status if outcome.status in _STYLES else "")
        if outcome.plan and (self._dry_run or self._verbosity >= 1):
            from vpo.report.diff import plan_lines  # late: a second run has no plans

            for line, style in plan_lines(outcome.plan, effective=_is_effective(outcome)):
                self._out.line(line, style)
        for warning in outcome.warnings:
            self._out.line(f"    warning: {printable(warning)}", "skipped")

    def _what(self, outcome: Outcome) -> str:
        """How much is changed and in what way, in brackets; nothing where nothing is."""
        if outcome.plan is None or not _is_effective(outcome):
            return ""
        partly = f"{self._partly_changed()}: " if is_partial(outcome) else ""
        changes = counted(len(outcome.plan.changes), "change")
        return f"  ({partly}{outcome.strategy}, {changes})"

    def _partly_changed(self) -> str:
        return "to be partly changed" if self._dry_run else "partly changed"

    def _list_failures(self) -> None:
        """What failed, on standard error, unless whoever reads that has it before the eyes."""
        one_place = _same_place(self._out.stream, self._err.stream)
        seen = one_place and not (self._err.terminal and self._out.lines > _SCREEN)
        for outcome, in_line in self._failures:
            unwanted = outcome.status == "skipped" and self._verbosity < 0
            if not unwanted and not (in_line and seen):
                self._failure(outcome)

    def _failure(self, outcome: Outcome) -> None:
        partly = f" ({self._partly_changed()})" if is_partial(outcome) else ""
        message = printable(outcome.error.message) if outcome.error else ""
        text = f"{outcome.status}: {_names(outcome)}{partly}: {message}"
        self._err.line(text, outcome.status)


def is_partial(outcome: Outcome) -> bool:
    """Whether a file that failed is changed all the same, as ``on_error: continue`` wants it."""
    changes = outcome.plan is not None and bool(outcome.plan.changes)
    return outcome.status == "failed" and outcome.strategy != "none" and changes


def _is_effective(outcome: Outcome) -> bool:
    """Whether the planned changes were made, or would be."""
    return outcome.status in ("changed", "planned") or is_partial(outcome)


def _names(outcome: Outcome) -> str:
    """The file, and the name that it has or would get in another container."""
    old, new = outcome.was or outcome.path, outcome.path
    if outcome.plan is not None and _is_effective(outcome):
        new = outcome.plan.after.path
    if new == old:
        return shown(old)
    return f"{shown(old)} -> {printable(os.path.basename(new))}"


def _same_place(one: TextIO, other: TextIO) -> bool:
    """Whether both streams end up in the same file, pipe or terminal."""
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except (OSError, ValueError):
        return False


def summary_text(summary: Summary, *, dry_run: bool, partly: int = 0) -> str:
    """``12 files in 3.4 s: 4 changed, 7 unchanged, 1 failed``; ``partly`` of those that failed
    are changed all the same."""
    parts = []
    for name in STATUSES:
        if summary.counts[name]:
            parts.append(f"{summary.counts[name]} {_SUMMARY_WORDS.get(name, name)}")
        if name == "failed" and partly:
            parts.append(f"{partly} of them {'to be ' if dry_run else ''}partly changed")
    text = f"{counted(summary.total, 'file')} in {summary.seconds:.1f} s"
    text += ": " + ", ".join(parts) if parts else ""
    if abs(summary.saved) >= _WORTH_TELLING and not dry_run:
        from vpo.media.units import format_size  # late: most runs save little

        text += f"; {format_size(abs(summary.saved))} {'less' if summary.saved > 0 else 'more'}"
    if summary.stopped_early:
        text += "; interrupted" if summary.interrupted else "; stopped early after a failure"
    return text
