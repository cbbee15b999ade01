"""Plan and Outcome -> text and JSON, and the progress line.

One set of events (``vpo.run.Observer``), three ways to show them: text for people, one JSON
document, JSON lines. Nothing here decides anything.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from vpo.discover import Discovery
from vpo.outcome import STATUSES, Outcome

if TYPE_CHECKING:
    from vpo.plan import Change, Plan
    from vpo.run import Request, Summary

SCHEMA_VERSION = 1

_STYLES = {"changed": "32", "planned": "36", "failed": "31", "skipped": "33", "dim": "2"}


class Console:
    """A text stream: colours only on a terminal that wants them, control characters never.

    ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` turn colours off.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.terminal = stream.isatty()
        self._colors = (
            self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line; the caller has made names printable."""
        if style and self._colors:
            text = f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
        self.stream.write(text + "\n")
        self.stream.flush()


def printable(text: str) -> str:
    """The text with control characters and undecodable bytes as escapes: a file can be called
    anything, and its name must not be able to write on the terminal."""
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def shown(path: str) -> str:
    """A path as a person wants to see it: relative to the current folder if it is below it."""
    here = os.getcwd()
    if path.startswith(here + os.sep):
        path = path[len(here) + 1 :]
    return printable(path)


class ProgressLine:
    """``Processing: 3/10 files [2 active]``, rewritten in place on a terminal, else absent."""

    def __init__(self, stream: TextIO, *, enabled: bool) -> None:
        self._stream = stream
        self._enabled = enabled and stream.isatty()
        self._text = ""
        self._drawn = False

    def show(self, done: int, total: int, active: int) -> None:
        if not self._enabled:
            return
        text = f"Processing: {done}/{total} files [{active} active]"
        if self._drawn and text == self._text:
            return
        self._text, self._drawn = text, True
        self._draw()

    def clear(self) -> None:
        """Make room for another line; the next ``show`` draws the progress again."""
        if self._enabled and self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False

    def _draw(self) -> None:
        width = _columns(self._stream)
        self._stream.write("\r" + self._text[: width - 1] + "\x1b[K")
        self._stream.flush()


def _columns(stream: TextIO) -> int:
    try:
        return max(20, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return 80


class TextReport:
    """For people: the plan on a dry run; otherwise the progress line, the summary, the failures."""

    def __init__(self, out: TextIO, err: TextIO, verbosity: int) -> None:
        self._out = Console(out)
        self._err = Console(err)
        self._verbosity = verbosity
        self._line = ProgressLine(err, enabled=verbosity >= 0)
        self._failures: list[Outcome] = []
        self._dry_run = False
        self._total = 0

    def begin(
        self,
        run_id: str,  # noqa: ARG002
        request: Request,
        workers: int,  # noqa: ARG002
        found: Discovery,
    ) -> None:
        self._dry_run = request.dry_run
        self._total = len(found.candidates)
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
            self._out.line(f"started {shown(path)}", "dim")

    def finished(self, outcome: Outcome) -> None:
        if outcome.status in ("failed", "skipped"):
            self._failures.append(outcome)
        if self._wanted(outcome):
            self._line.clear()
            self._show(outcome)

    def progress(self, done: int, total: int, active: int) -> None:
        if not self._dry_run:
            self._line.show(done, total, active)

    def end(self, summary: Summary) -> None:
        self._line.clear()
        if self._verbosity >= 0:
            self._out.line(summary_text(summary, dry_run=self._dry_run))
        for outcome in self._failures:
            self._failure(outcome)

    def _wanted(self, outcome: Outcome) -> bool:
        if self._verbosity < 0 or outcome.status == "not_started":
            return False
        if outcome.status == "unchanged":
            return self._verbosity >= 1
        # A terminal has the progress line; a log file wants to tell what happened.
        return self._dry_run or self._verbosity >= 1 or not self._out.terminal

    def _show(self, outcome: Outcome) -> None:
        detailed = self._dry_run or self._verbosity >= 1
        text = f"{outcome.status:9} {shown(outcome.was or outcome.path)}"
        if outcome.plan and outcome.plan.changes:
            count = len(outcome.plan.changes)
            text += f"  ({outcome.strategy}, {count} change{'s' if count > 1 else ''})"
        self._out.line(text, outcome.status if outcome.status in _STYLES else "")
        if outcome.plan and detailed:
            for line, style in plan_lines(outcome.plan):
                self._out.line(line, style)
        for warning in outcome.warnings:
            self._out.line(f"    warning: {printable(warning)}", "skipped")

    def _failure(self, outcome: Outcome) -> None:
        if outcome.error is None or (outcome.status == "skipped" and self._verbosity < 0):
            return
        style = outcome.status
        text = f"{outcome.status}: {shown(outcome.was or outcome.path)}: "
        self._err.line(text + printable(outcome.error.message), style)


def summary_text(summary: Summary, *, dry_run: bool) -> str:
    """``12 files in 3.4 s: 4 changed, 7 unchanged, 1 failed``."""
    names = [name for name in STATUSES if summary.counts[name]]
    parts = [f"{summary.counts[name]} {_WORDS.get(name, name)}" for name in names]
    files = "1 file" if summary.total == 1 else f"{summary.total} files"
    text = f"{files} in {summary.seconds:.1f} s" + (": " + ", ".join(parts) if parts else "")
    if abs(summary.saved) >= 1 << 20 and not dry_run:
        text += (
            f"; {abs(summary.saved) / (1 << 20):,.0f} MiB {'less' if summary.saved > 0 else 'more'}"
        )
    if summary.stopped_early:
        text += "; interrupted" if summary.interrupted else "; stopped early after a failure"
    return text


_WORDS = {"planned": "to be changed", "not_started": "not started"}


def plan_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """The plan as a diff that a person can check: (text, style), track by track."""
    for change in plan.changes:
        if change.track is None:
            text = f"{change.kind}: {_value(change.before)} -> {_value(change.after)}"
            yield _row("~", text, str(change.reason)), "planned"
    by_track: dict[int, list[Change]] = {}
    for change in plan.changes:
        if change.track is not None:
            by_track.setdefault(change.track, []).append(change)
    for item in plan.before.streams:
        yield from _item_lines(str(item), by_track.get(item.index, []))
    for report in plan.phases:
        if report.outcome in ("skipped", "failed"):
            yield f"    phase {report.name} {report.outcome}: {printable(report.detail)}", "skipped"


def _item_lines(item: str, changes: list[Change]) -> Iterator[tuple[str, str]]:
    if not changes:
        yield _row(" ", item), "dim"
    elif changes[0].kind == "remove":
        yield _row("-", item, str(changes[0].reason)), "failed"
    else:
        yield _row("~", item), "planned"
        for change in changes:
            yield _row(" ", "    " + _words(change), str(change.reason)), "planned"


def _words(change: Change) -> str:
    if change.kind == "move":
        return f"moves from place {change.before} to {change.after}"
    return f"{change.kind}: {_value(change.before)} -> {_value(change.after)}"


def _value(value: str | bool | int | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value) if value not in (None, "") else "none"
    return text if len(text) <= 60 else text[:59] + "…"


def _row(mark: str, text: str, reason: str = "") -> str:
    text = f"  {mark} {printable(text)}"
    return f"{text:<64}  {printable(reason)}" if reason else text


class JsonReport:
    """One JSON document on standard output at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._files: list[dict[str, Any]] = []
        self._head: dict[str, Any] = {}

    def begin(
        self,
        run_id: str,
        request: Request,
        workers: int,
        found: Discovery,  # noqa: ARG002
    ) -> None:
        self._head = head_json(run_id, request, workers)

    def note(self, text: str) -> None:
        """What was cleaned up is in the log."""

    def started(self, path: str) -> None:
        """One document has no room for what is going on."""

    def finished(self, outcome: Outcome) -> None:
        self._files.append(file_json(outcome))

    def progress(self, done: int, total: int, active: int) -> None:
        """As ``started``."""

    def end(self, summary: Summary) -> None:
        document = {**self._head, "summary": summary.facts(), "files": self._files}
        json.dump(document, self._out, indent=2)
        self._out.write("\n")
        self._out.flush()


class JsonLinesReport:
    """One JSON object a line, as things happen."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None:
        total = len(found.candidates) + len(found.problems)
        self._event("begin", {**head_json(run_id, request, workers), "total": total})

    def note(self, text: str) -> None:
        self._event("note", {"text": text})

    def started(self, path: str) -> None:
        self._event("started", {"path": path})

    def finished(self, outcome: Outcome) -> None:
        self._event("file", file_json(outcome))

    def progress(self, done: int, total: int, active: int) -> None:
        self._event("progress", {"done": done, "total": total, "active": active})

    def end(self, summary: Summary) -> None:
        self._event("end", {"summary": summary.facts()})

    def _event(self, name: str, data: dict[str, Any]) -> None:
        self._out.write(json.dumps({"event": name, **data}) + "\n")
        self._out.flush()


def head_json(run_id: str, request: Request, workers: int) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "policies": list(request.policies.files),
        "dry_run": request.dry_run,
        "workers": workers,
    }


def _changes(plan: Plan) -> list[dict[str, Any]]:
    from vpo.plan import to_json  # late: who has a plan has it loaded

    return to_json(plan)


def file_json(outcome: Outcome) -> dict[str, Any]:
    plan = outcome.plan
    return {
        "path": outcome.was or outcome.path,
        "new_path": outcome.path if outcome.was else None,
        "status": outcome.status,
        "strategy": outcome.strategy,
        "changes": _changes(plan) if plan else [],
        "phases": [
            {"policy": r.policy, "name": r.name, "outcome": r.outcome, "detail": r.detail}
            for r in (plan.phases if plan else ())
        ],
        "warnings": list(outcome.warnings),
        "error": {"type": outcome.error.type, "message": outcome.error.message}
        if outcome.error
        else None,
        "seconds": outcome.seconds,
        "size_before": outcome.size_before,
        "size_after": outcome.size_after,
    }


def report(kind: str, verbosity: int) -> TextReport | JsonReport | JsonLinesReport:
    """The report for ``--format``; ``verbosity`` is -1 (quiet), 0, 1 or 2."""
    if kind == "json":
        return JsonReport(sys.stdout)
    if kind == "jsonl":
        return JsonLinesReport(sys.stdout)
    return TextReport(sys.stdout, sys.stderr, verbosity)
