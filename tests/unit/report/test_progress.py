"""How progress is shown: in terminals of three widths, and in a log."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field

import pyte
import pytest

from vpo.report.progress import FancyProgress, PlainProgress, Progress, progress_display
from vpo.run.progress import RunningFile, RunProgress

RUNNING = (
    RunningFile("/v/A Very Long Name of a Film That Goes On and On.mkv", 0.42, 80.0),
    RunningFile("/v/映画.mkv"),
    RunningFile("/v/c.mkv", 1.0, 0.0),
)
STATE = RunProgress(3, 10, 3, 80.0, RUNNING, part=0.12)


class Terminal(io.StringIO):
    """A terminal whose screen is rendered."""

    def __init__(self, columns: int, rows: int = 8) -> None:
        super().__init__()
        self.screen = pyte.Screen(columns, rows)
        self.screen.set_mode(pyte.modes.LNM)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def write(self, text: str) -> int:
        pyte.Stream(self.screen).feed(text)
        return len(text)

    @property
    def lines(self) -> list[str]:
        return [re.sub("  +", "  ", line).rstrip() for line in self.screen.display if line.strip()]


@pytest.fixture
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    found = Terminal(*request.param)
    size = os.terminal_size(request.param)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: size)
    return found


@pytest.mark.parametrize("terminal", [(80, 8)], indirect=True)
def test_fancy_progress_has_a_line_for_each_file_in_progress(terminal: Terminal) -> None:
    progress = FancyProgress(terminal, "Processing")
    progress.show(STATE._replace(done=2))
    progress.show(STATE)
    assert terminal.lines == [
        "  A Very Long Name of a Film That Goes O…  writing  42%  80 s left",
        "  映画.mkv  preparing",
        "  c.mkv  verifying 100%",
        "Processing: 12%, 3/10 files [3 active], 80 s left",
    ]
    progress.show(STATE._replace(running=(RunningFile("/v/b.mkv", prepared=0.3),)))
    assert terminal.lines[0] == "  b.mkv  preparing  30%"
    progress.show(STATE._replace(running=RUNNING[2:], active=1))
    assert terminal.lines == [
        "  c.mkv  verifying 100%",
        "Processing: 12%, 3/10 files [1 active], 80 s left",
    ]
    progress.clear()
    assert terminal.lines == []
    terminal.write("a line of the report\n")
    progress.show(STATE)
    assert terminal.lines[0] == "a line of the report"
    assert len(terminal.lines) == 5


@pytest.mark.parametrize("terminal", [(40, 8)], indirect=True)
def test_fancy_progress_shows_only_the_run_in_a_narrow_terminal(terminal: Terminal) -> None:
    FancyProgress(terminal, "Processing").show(STATE._replace(left=90_000.0))
    (line,) = terminal.lines
    assert re.fullmatch(r"12%, 3/10 files, done about \w+ \d\d:\d\d", line)


@pytest.mark.parametrize("terminal", [(120, 4)], indirect=True)
def test_fancy_progress_leaves_out_files_that_have_no_room(terminal: Terminal) -> None:
    FancyProgress(terminal, "Processing").show(STATE)
    assert len(terminal.lines) == 4
    assert terminal.lines[2:] == [
        "  and 1 more",
        "Processing: 12%, 3/10 files [3 active], 80 s left",
    ]


@pytest.mark.parametrize("terminal", [(80, 8), (20, 8)], indirect=True)
def test_fancy_progress_is_erased_after_the_terminal_became_narrower(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = FancyProgress(terminal, "Processing")
    progress.show(RunProgress(10**30, 10**60, 2))
    shown = terminal.screen.columns
    assert max(map(len, terminal.lines)) < shown
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((shown // 4, 8)))
    progress.clear()
    assert terminal.lines == []


@pytest.mark.parametrize(
    ("left", "end"),
    [
        (None, ""),
        (0.2, ", 0 s left"),
        (89.0, ", 89 s left"),
        (600.0, r", done about \d\d:\d\d"),
        (90_000.0, r", done about \w+ \d\d:\d\d"),
    ],
)
def test_progress_shows_time_left(left: float | None, end: str) -> None:
    stream = io.StringIO()
    times = iter([0.0, 5.0])
    PlainProgress(stream, "Processing", lambda: next(times)).show(RunProgress(3, 10, 2, left))
    assert re.fullmatch(r"Processing: 3/10 files \[2 active\]" + end + "\n", stream.getvalue())


@dataclass
class Clock:
    now: float = 0.0
    stream: io.StringIO = field(default_factory=io.StringIO)

    def __call__(self) -> float:
        return self.now


def test_plain_progress_writes_lines_at_growing_intervals() -> None:
    clock = Clock()
    progress, times = PlainProgress(clock.stream, "Processing", clock), []
    for second in range(2000):
        clock.now = second
        progress.show(STATE)
        if clock.stream.getvalue():
            times.append(second)
            clock.stream.seek(0)
            clock.stream.truncate()
    assert times == [5, 10, 20, 40, 80, 160, 320, 620, 920, 1220, 1520, 1820]


def test_progress_display_fits_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(progress_display(Terminal(80)), FancyProgress)
    assert isinstance(progress_display(io.StringIO()), PlainProgress)
    assert isinstance(progress_display(io.StringIO(), mode="fancy"), FancyProgress)
    assert not progress_display(Terminal(80), mode="none").enabled
    assert type(progress_display(Terminal(80), mode="none")) is Progress
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress_display(Terminal(80)), PlainProgress)
