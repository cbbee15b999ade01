"""SVG charts for the page of a run: bars and a timeline, coloured by the page's CSS classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from vpo.text import format_time

_WIDTH = 960
_LABEL = 260
"""Width of the labels before the bars."""
_ROW, _BAR = 24, 14
_LANE, _BLOCK = 22, 16
_AXIS = 24
_TICKS = 8
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
"""Seconds between two ticks on the timeline."""


class Bar(NamedTuple):
    """A bar of a chart: ``value`` is its length, ``text`` follows it."""

    label: str
    value: float
    text: str
    css_class: str = "bar"


class Block(NamedTuple):
    """A file on the timeline: seconds since the start, and a tooltip."""

    start: float
    end: float
    title: str
    css_class: str


def bar_chart(items: Sequence[Bar]) -> str:
    """Return horizontal bars, the longest across the full width."""
    most = max((item.value for item in items), default=0) or 1
    longest = _WIDTH - _LABEL - 110
    rows = []
    for number, item in enumerate(items):
        top, length = number * _ROW, max(1.0, item.value / most * longest)
        middle = top + _ROW / 2 + 4
        rows.append(
            f'<text x="{_LABEL - 8}" y="{middle:g}" class="label">{escape(item.label)}</text>'
            f'<rect x="{_LABEL}" y="{top + (_ROW - _BAR) / 2:g}" width="{length:.1f}"'
            f' height="{_BAR}" rx="2" class="{item.css_class}"/>'
            f'<text x="{_LABEL + length + 6:.1f}" y="{middle:g}">{escape(item.text)}</text>'
        )
    return _svg(len(items) * _ROW, rows, _said(items))


def stacked_bar(parts: Iterable[Bar]) -> str:
    """Return one bar of several parts with tooltips."""
    shown = [part for part in parts if part.value]
    total = sum(part.value for part in shown) or 1
    at, rows = 0.0, []
    for part in shown:
        width = part.value / total * _WIDTH
        rows.append(
            f'<rect x="{at:.1f}" y="0" width="{width:.1f}" height="20" class="{part.css_class}">'
            f"<title>{escape(f'{part.label}: {part.text}')}</title></rect>"
        )
        at += width
    return _svg(20, rows, _said(shown), "stack")


def lanes(blocks: Iterable[Block]) -> list[list[Block]]:
    """Return the blocks in lanes, each in the first one that is free when it begins.

    The worker of a file is not recorded, but each worker processes one file at a time.
    """
    found: list[list[Block]] = []
    for block in sorted(blocks):
        # A file is recorded as begun shortly before its worker is done with the previous one.
        free = [lane for lane in found if lane[-1].end <= block.start + _overlap(block)]
        if free:
            free[0].append(block)
        else:
            found.append([block])
    return found


def _overlap(block: Block) -> float:
    return min(0.25, (block.end - block.start) / 2)


def timeline(blocks: Sequence[Block], seconds: float) -> str:
    """Return a lane for each worker with the files that it processed over time.

    Blocks narrower than two points are merged, which limits the size of the chart for large runs.
    """
    scale = _WIDTH / max(seconds, 0.001)
    drawn = lanes(blocks)
    height = len(drawn) * _LANE
    rows = [_tick(at, scale, height) for at in _ticks(seconds)]
    for number, lane in enumerate(drawn):
        top = number * _LANE + (_LANE - _BLOCK) / 2
        rows += [_rect(block, scale, top) for block in _merged(lane, 2 / scale)]
    return _svg(height + _AXIS, rows, "The files that each worker processed, over time")


def _merged(lane: Iterable[Block], narrow: float) -> list[Block]:
    found: list[tuple[Block, int]] = []
    for block in lane:
        last, count = found[-1] if found else (None, 0)
        if last and _can_merge(last, block, narrow):
            css_class = (
                "failed" if "failed" in (last.css_class, block.css_class) else last.css_class
            )
            end = max(last.end, block.end)
            found[-1] = (last._replace(end=end, css_class=css_class), count + 1)
        else:
            found.append((block, 1))
    return [
        block if count == 1 else block._replace(title=f"{count:,} files") for block, count in found
    ]


def _can_merge(last: Block, block: Block, narrow: float) -> bool:
    if block.end - block.start >= narrow or block.start - last.end >= narrow:
        return False
    return last.css_class == block.css_class or last.end - last.start < narrow


def _rect(block: Block, scale: float, top: float) -> str:
    width = max(1.0, (block.end - block.start) * scale)
    return (
        f'<rect x="{block.start * scale:.1f}" y="{top:g}" width="{width:.1f}" height="{_BLOCK}"'
        f' rx="1" class="{block.css_class}"><title>{escape(block.title)}</title></rect>'
    )


def _ticks(seconds: float) -> list[int]:
    step = next((step for step in _STEPS if seconds / step <= _TICKS), _STEPS[-1])
    if seconds / step > _TICKS:
        step = int(seconds / _TICKS // step + 1) * step
    return list(range(0, int(seconds) + 1, step))


def _tick(at: int, scale: float, height: int) -> str:
    x = at * scale
    anchor = "start" if x < 30 else "end" if x > _WIDTH - 30 else "middle"
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height + 4}" class="grid"/>'
        f'<text x="{x:.1f}" y="{height + 18}" text-anchor="{anchor}">{format_time(at)}</text>'
    )


def _said(items: Iterable[Bar]) -> str:
    """Return what a chart shows, for those who cannot see it."""
    return "; ".join(f"{item.label}: {item.text}" for item in items) or "nothing"


def _svg(height: int, rows: Iterable[str], label: str, css_class: str = "chart") -> str:
    """Return an SVG; a stacked bar is stretched, a chart with text keeps its proportions."""
    shape = ' preserveAspectRatio="none"' if css_class == "stack" else ""
    return (
        f'<div class="{css_class}"><svg viewBox="0 0 {_WIDTH} {max(height, 1)}"{shape} role="img"'
        f' aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg">{"".join(rows)}</svg></div>'
    )
