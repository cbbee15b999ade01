"""The figures as a table, and the page with it."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """One line of the table; ``goal`` is what ``ratio`` may be at most (or at least).

    ``ratio`` is whatever the goal speaks of: a quotient, a difference, a figure of its own.
    Without a goal the line is there for comparison.
    """

    row: str
    name: str
    floor: str
    vpo: str
    ratio: float
    goal: float | None = None
    bound: Literal["≤", "≥"] = "≤"
    unit: str = ""

    @property
    def holds(self) -> bool:
        if self.goal is None:
            return True
        return self.ratio <= self.goal if self.bound == "≤" else self.ratio >= self.goal

    def cells(self) -> tuple[str, ...]:
        goal = "" if self.goal is None else f"{self.bound} {_short(self.goal)}{self.unit}"
        ratio = f"{_short(self.ratio)}{self.unit}" + ("" if self.holds else " ✗")
        return (self.row, self.name, goal, self.floor, self.vpo, ratio)


HEAD = ("#", "figure", "goal", "floor", "vpo", "ratio")


def render(figures: Sequence[Figure]) -> str:
    """Return the table in aligned Markdown; ✗ is a goal that was missed."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    rule = tuple("-" * width for width in widths)
    lines = (
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (rows[0], rule, *rows[1:])
    )
    return "\n".join(lines)


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def page(title: str, figures: Sequence[Figure], load: float) -> str:
    """Return the whole page: when and where it was measured, and the table."""
    missed = sum(not figure.holds for figure in figures)
    goals = sum(figure.goal is not None for figure in figures)
    held = f"{goals - missed} of {goals} goals hold; ✗ marks the others. " if goals else ""
    return (
        f"# {title}\n\n"
        f"Measured on {datetime.now(timezone.utc):%Y-%m-%d} by `bench/` on {machine()}. "
        f"The load average was {load:.1f} when it began. Each time is the shortest of several "
        "runs, in which the contestants took turns on copies of the same files. "
        f"{held}"
        "What each row does is said in its module.\n\n"
        f"{render(figures)}\n"
    )


def machine() -> str:
    """Return the kind of machine and the versions, without a host name."""
    tools = (("ffmpeg", "-version", 2), ("mkvmerge", "--version", 1))
    versions = (f"{name} {_version(name, flag, word)}" for name, flag, word in tools)
    return (
        f"{len(os.sched_getaffinity(0))} cores ({_processor()}), {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}, "
        + ", ".join(versions)
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str, flag: str, word: int) -> str:
    said = subprocess.run([name, flag], capture_output=True, text=True, check=True).stdout
    return said.split()[word].lstrip("v")


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
