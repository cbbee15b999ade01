"""The plot of the growth: SVG with logarithmic axes, readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 380, 300
LEFT, RIGHT, TOP, BOTTOM = 50, 20, 50, 40
OVERHANG = 30
"""Half of the last label."""
STYLE = """
text { font: 12px sans-serif; fill: #444 } .title { font-size: 14px }
.grid { stroke: #8884 } polyline { fill: none; stroke-width: 2 }
.c0 { stroke: #888; fill: #888 } .c1 { stroke: #c60; fill: #c60 } .c2 { stroke: #28c; fill: #28c }
polyline.c0, polyline.c1, polyline.c2 { fill: none } text.c0, text.c1, text.c2 { stroke: none }
@media (prefers-color-scheme: dark) { text { fill: #ccc } }
"""


class Line(NamedTuple):
    """``color`` is one of the three in the style, from 0."""

    name: str
    points: Sequence[tuple[float, float]]
    color: int


class Panel(NamedTuple):
    title: str
    lines: Sequence[Line]


class _Axis:
    """A logarithmic axis of whole powers of ten around the values."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self.low = math.floor(math.log10(min(values)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(values))))
        self._first, self._last = first, last

    def __call__(self, value: float) -> float:
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self._first + part * (self._last - self._first)

    def ticks(self) -> Iterator[float]:
        return (10.0**power for power in range(self.low, self.high + 1))


def plot(title: str, panels: Sequence[Panel]) -> str:
    """Return the SVG of the panels next to each other; all lines of a panel share its axes."""
    body = "\n".join(
        part for number, panel in enumerate(panels) for part in _panel(panel, number * WIDTH)
    )
    size = f"{WIDTH * len(panels) + OVERHANG} {HEIGHT}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"{_text(10, 18, title, 'title')}\n{body}\n</svg>\n"
    )


def _panel(panel: Panel, left: float) -> Iterator[str]:
    points = [point for line in panel.lines for point in line.points]
    across = _Axis([x for x, _ in points], left + LEFT, left + WIDTH - RIGHT)
    up = _Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    yield _text(left + 10, TOP - 12, panel.title)
    for tick in across.ticks():
        yield _rule(across(tick), HEIGHT - BOTTOM, across(tick), TOP)
        yield _text(across(tick), HEIGHT - BOTTOM + 18, f"{tick:,.0f}", anchor="middle")
    for tick in up.ticks():
        yield _rule(left + LEFT, up(tick), left + WIDTH - RIGHT, up(tick))
        yield _text(left + LEFT - 6, up(tick) + 4, f"{tick:,g}", anchor="end")
    for number, line in enumerate(panel.lines):
        places = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
        yield f'<polyline class="c{line.color}" points="{places}"/>'
        yield _text(left + LEFT + 10, TOP + 16 * (number + 1), line.name, f"c{line.color}")


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
