"""Shows progress: a block of lines redrawn on a terminal, or now and then a line for logs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TextIO

from vpo.text import padded, printable, truncated, width

if TYPE_CHECKING:
    from vpo.run.progress import RunningFile, RunProgress

ProgressMode = Literal["plain", "fancy", "none"]
_WIDE = 80
"""The columns from which on a terminal has room for a line for each file in progress."""
_COMPACT = 60
"""The columns below which the line of the run leaves out what is least needed."""
_FACTS = 38
"""The columns behind the name of a file in progress."""
_SOON, _DAY = 90, 86400
"""Seconds."""
_FIRST, _LONGEST = 5.0, 300.0
"""Seconds until the first line for a log, and the longest time between two of them."""


class Progress:
    """Shows no progress; the base of what does."""

    @property
    def enabled(self) -> bool:
        """Whether ``show`` would show anything now; the forecast takes time to compute."""
        return False

    def show(self, state: RunProgress) -> None:
        """Show the progress of the run and of the files in progress."""

    def clear(self) -> None:
        """Erase what is drawn before other output; the next ``show`` draws it again."""


class PlainProgress(Progress):
    """Writes a line now and then, at growing intervals, for pipes and logs.

    The first comes after five seconds, so that short runs write none. ``clock`` is in seconds.
    """

    def __init__(
        self, stream: TextIO, doing: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._doing, self._clock = stream, doing, clock
        self._began, self._next = clock(), _FIRST

    @property
    def enabled(self) -> bool:
        return self._clock() - self._began >= self._next

    def show(self, state: RunProgress) -> None:
        passed = self._clock() - self._began
        if passed < self._next:
            return
        self._next = passed + min(passed, _LONGEST)
        self._stream.write(f"{_run_text(self._doing, state)}\n")
        self._stream.flush()


class FancyProgress(Progress):
    """Redraws lines in place: one for each file in progress, if there is room, and the run's."""

    def __init__(self, stream: TextIO, doing: str) -> None:
        self._stream, self._doing = stream, doing
        self._lines: list[str] = []
        self._drawn = False

    @property
    def enabled(self) -> bool:
        return True

    def show(self, state: RunProgress) -> None:
        columns, rows = terminal_size(self._stream)
        lines = [truncated(line, columns - 1) for line in self._texts(state, columns, rows)]
        if self._drawn and lines == self._lines:
            return
        start = self._start() if self._drawn else "\r"
        self._lines, self._drawn = lines, True
        # Each line is erased to its end only: a block that is blank for an instant flickers.
        self._stream.write(start + "".join(f"{line}\x1b[K\n" for line in lines[:-1]))
        self._stream.write(f"{lines[-1]}\x1b[J")
        self._stream.flush()

    def clear(self) -> None:
        if self._drawn:
            self._stream.write(f"{self._start()}\x1b[J")
            self._stream.flush()
            self._drawn = False

    def _start(self) -> str:
        """Return the control sequence for the start of what is drawn, now perhaps wrapped."""
        columns, _ = terminal_size(self._stream)
        above = sum(max(1, -(-width(line) // columns)) for line in self._lines) - 1
        return f"\r\x1b[{above}A" if above else "\r"

    def _texts(self, state: RunProgress, columns: int, rows: int) -> Iterator[str]:
        if columns >= _WIDE:
            shown = max(1, rows - 2)
            for item in state.running[:shown]:
                yield _file_text(item, columns)
            if len(state.running) > shown:
                yield f"  and {len(state.running) - shown} more"
        yield _run_text(self._doing, state, columns < _COMPACT)


def progress_display(
    stream: TextIO, *, mode: ProgressMode | None = None, doing: str = "Processing"
) -> Progress:
    """Return the display for a mode; ``None``: ``fancy`` on a terminal, else ``plain``."""
    if mode is None:
        capable = stream.isatty() and os.environ.get("TERM") != "dumb"
        mode = "fancy" if capable else "plain"
    if mode == "none":
        return Progress()
    return FancyProgress(stream, doing) if mode == "fancy" else PlainProgress(stream, doing)


def terminal_progress(stream: TextIO, doing: str, wanted: bool = True) -> Progress:
    """Return the display for a terminal that can show it; elsewhere nothing is shown."""
    display = progress_display(stream, doing=doing)
    return display if wanted and isinstance(display, FancyProgress) else Progress()


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """Return the columns and rows of the terminal; 80 and 24 if they are unknown."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 80, 24
    return max(20, columns or 80), rows or 24


def _run_text(doing: str, state: RunProgress, compact: bool = False) -> str:
    """``Processing: 42%, 3/10 files [2 active], 80 s left``."""
    part = "" if state.part is None else f"{int(100 * state.part)}%, "
    active = "" if compact else f" [{state.active} active]"
    end = f", {state.waiting}" if state.waiting else _time_left(state.left)
    text = f"{part}{state.done}/{state.total} files{active}{end}"
    return text if compact else f"{doing}: {text}"


def _file_text(item: RunningFile, columns: int) -> str:
    """``  A Very Long Na…  writing  42%, 80 s left``."""
    room = columns - 1 - _FACTS
    name = padded(truncated(f"  {printable(os.path.basename(item.path))}", room), room)
    done = item.prepared if item.part is None else item.part
    part = "" if done is None else f"{done:.0%}"
    left = "" if item.part == 1 else _time_left(item.left).removeprefix(", ")
    return f"{name}  {item.stage:9} {part:>4}  {left}".rstrip()


def _time_left(left: float | None) -> str:
    """Return the remaining time, or the time of day, which stays correct without redrawing."""
    if left is None:
        return ""
    if left < _SOON:
        return f", {left:.0f} s left"
    end = datetime.now() + timedelta(seconds=left)
    return f", done about {end:{'%H:%M' if left < _DAY else '%a %H:%M'}}"
