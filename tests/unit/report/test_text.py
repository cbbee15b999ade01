"""What a person is shown: one line a file, with what was done, and why not."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace

import pytest

from vpo.discover import Discovery
from vpo.errors import PlanError
from vpo.execute.outcome import Failure, Outcome
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Change, PhaseReport, Plan
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.desired_state import Reason
from vpo.policy.policy_files import PolicyFiles
from vpo.report import text
from vpo.report.text import TextReport, summary_text
from vpo.report.watch_log import WatchLog
from vpo.run.request import Request
from vpo.run.summary import Summary

MEDIA = MediaFile("/v/a.avi", "avi", 1, tracks=(Track(0, "audio", "aac", language="eng"),))
WHY = Reason("p", "o", "because")
PLAN = Plan(
    MEDIA,
    replace(MEDIA, path="/v/a.mkv", container="mkv"),
    changes=(
        Change(Fact(ChangeKind.CONTAINER), "avi", "mkv", WHY),
        Change(Fact(ChangeKind.FLAG, 0, "default"), False, True, WHY),
    ),
    phases=(PhaseReport("", "q", "failed", "continue", "keep_audio: too few"),),
    error=PlanError("phase 'q': too few"),
)
FINE = replace(PLAN, error=None, phases=())
FLAGS = (
    Change(Fact(ChangeKind.FLAG, 0, "default"), False, True, WHY),
    Change(Fact(ChangeKind.FLAG, 0, "forced"), True, False, WHY),
)
TOO_FEW = Failure("PlanError", "phase 'q': too few")

CHANGED = Outcome("/v/a.mkv", "changed", was="/v/a.avi", strategy="remux", plan=FINE)
PLANNED = Outcome("/v/a.avi", "planned", strategy="remux", plan=FINE)
FAILED = Outcome("/v/a.avi", "failed", plan=FINE, error=Failure("ToolError", "it broke"))
PARTLY = Outcome("/v/a.mkv", "failed", "/v/a.avi", "remux", plan=PLAN, error=TOO_FEW)
SKIPPED = Outcome("/v/a.avi", "skipped", error=Failure("BusyError", "in use"))


def told(*outcomes: Outcome, verbosity: int = 0, dry_run: bool = False) -> tuple[str, str]:
    """What is on standard output and on standard error after a run with these outcomes."""
    out, err = io.StringIO(), io.StringIO()
    report = TextReport(out, err, verbosity)
    report.begin("id", Request((), PolicyFiles((), None), dry_run=dry_run), 1, Discovery())
    summary = Summary("id", len(outcomes))
    for outcome in outcomes:
        summary.count(outcome)
        report.finished(outcome)
    report.end(summary)
    return out.getvalue(), err.getvalue()


def first(*outcomes: Outcome, verbosity: int = 0, dry_run: bool = False) -> str:
    lines = told(*outcomes, verbosity=verbosity, dry_run=dry_run)[0].splitlines()
    return next(line for line in lines if line.split()[0] == outcomes[0].status)


def test_text_report_shows_new_name() -> None:
    assert first(CHANGED) == "changed   /v/a.avi -> a.mkv  (remux, 2 changes)"
    assert first(PLANNED, dry_run=True) == "planned   /v/a.avi -> a.mkv  (remux, 2 changes)"


def test_text_report_shows_no_changes_of_failed_file() -> None:
    out, err = told(FAILED, verbosity=1)
    assert "failed    /v/a.avi: it broke\n" in out
    assert "->" not in out
    assert "    audio 0 (aac, eng)\n" in out
    assert err == "failed: /v/a.avi: it broke\n"


def test_text_report_marks_partly_changed_file() -> None:
    line = "failed    /v/a.avi -> a.mkv  (partly changed: remux, 2 changes): phase 'q': too few"
    assert first(PARTLY) == line
    assert told(PARTLY)[1] == "failed: /v/a.avi -> a.mkv (partly changed): phase 'q': too few\n"
    assert told(FAILED, PARTLY)[0].endswith(" s: 2 failed, 1 of them partly changed\n")
    dry = told(PARTLY._replace(path="/v/a.avi", was=None), dry_run=True)[0]
    assert "failed    /v/a.avi -> a.mkv  (to be partly changed: remux, 2 changes): " in dry
    assert "~ container: avi -> mkv" in dry
    assert dry.endswith(" s: 1 failed, 1 of them to be partly changed\n")
    assert dry.count("too few") == 1


def test_text_report_shows_reason_of_skipped_file() -> None:
    assert first(SKIPPED) == "skipped   /v/a.avi: in use"


def test_text_report_lists_failures_after_the_summary() -> None:
    screen = io.StringIO()
    report = TextReport(screen, screen, 0)
    report.begin("id", Request((), PolicyFiles((), None)), 1, Discovery())
    summary = Summary("id", 1)
    summary.count(FAILED)
    report.finished(FAILED)
    report.end(summary)
    *_, told, last = screen.getvalue().splitlines()
    assert told == "1 file in 0.0 s: 1 failed"
    assert last == "failed: /v/a.avi: it broke"


def test_quiet_report_shows_failures_only() -> None:
    out, err = told(CHANGED, FAILED, SKIPPED, verbosity=-1)
    assert out == ""
    assert err == "failed: /v/a.avi: it broke\n"


def test_failures_are_not_repeated_in_the_same_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text, "_same_destination", lambda *_: True)
    assert told(FAILED, SKIPPED)[1] == ""
    assert told(FAILED, verbosity=-1)[1] != ""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0


@pytest.mark.parametrize(("others", "repeated"), [(0, False), (40, True)])
def test_failures_out_of_sight_are_repeated_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, others: int, repeated: bool
) -> None:
    monkeypatch.setattr(text, "_same_destination", lambda *_: True)
    out, err = _Terminal(), _Terminal()
    report = TextReport(out, err, 1)
    for outcome in [FAILED, *[SKIPPED] * others]:
        report.finished(outcome)
    report.end(Summary("id", others + 1))
    assert ("failed: /v/a.avi" in err.getvalue()) == repeated


def test_same_place_recognizes_the_same_stream() -> None:
    reading, writing = os.pipe()
    with open(writing, "w") as one, open(os.dup(writing), "w") as same, open(reading) as other:
        assert text._same_destination(one, same)
        assert not text._same_destination(one, io.StringIO())
        with open(os.devnull, "w") as null:
            assert not text._same_destination(one, null)
        assert text._same_destination(one, other)  # a pipe is one file, from both ends


def test_watch_log_has_time_and_file_in_each_line_and_each_failure_once() -> None:
    out, err = io.StringIO(), io.StringIO()
    report = WatchLog(out, err, 0)
    reported: frozenset[tuple[str, str]] = frozenset()
    for _ in range(2):
        report.begin("id", Request((), PolicyFiles((), None), reported=reported), 1, Discovery())
        summary = Summary("id", 1)
        for outcome in (FAILED,) if reported else (CHANGED._replace(warnings=("odd",)), FAILED):
            summary.count(outcome)
            report.finished(outcome)
            summary.total = 1 if reported else 2
        report.end(summary)
        reported = frozenset({("/v/a.avi", "ToolError")})
    assert err.getvalue() == ""
    lines = [
        re.fullmatch(r"(\S+ \d\d:\d\d:\d\d)  (.*)", line) for line in out.getvalue().splitlines()
    ]
    assert [line[2] for line in lines if line] == [
        "changed   /v/a.avi -> a.mkv  (remux, 2 changes)",
        "warning   /v/a.avi -> a.mkv: odd",
        "failed    /v/a.avi: it broke",
        "2 files in 0.0 s: 1 changed, 1 failed; 1 file with warnings",
    ]
    assert all(lines)


@pytest.mark.parametrize(
    ("saved", "end"),
    [(0, ""), (999_999, ""), (1_500_000_000, "; 1.50 GB less"), (-2_000_000, "; 2.00 MB more")],
)
def test_summary_shows_saved_bytes(saved: int, end: str) -> None:
    summary = Summary("id", 1)
    summary.saved = saved
    assert summary_text(summary, dry_run=False) == f"1 file in 0.0 s{end}"
    assert summary_text(summary, dry_run=True) == "1 file in 0.0 s"


def test_dry_run_ends_with_a_digest_before_the_summary() -> None:
    header = Outcome("/v/b.mkv", "planned", strategy="header", plan=replace(FINE, changes=FLAGS))
    out, _ = told(PLANNED, header, FAILED, dry_run=True)
    assert out.splitlines()[-3:-1] == [
        "files by strategy: header 1, remux 1",
        "files by kind of change: flag 2, container 1",
    ]


def test_run_that_changes_files_has_no_digest() -> None:
    out, _ = told(CHANGED, FAILED)
    assert "files by" not in out


def test_digest_counts_each_kind_once_for_a_file() -> None:
    summary = Summary("id", 1)
    summary.count(
        Outcome("/v/b.mkv", "planned", strategy="header", plan=replace(FINE, changes=FLAGS))
    )
    assert summary.facts()["digest"] == {"strategies": {"header": 1}, "kinds": {"flag": 1}}
