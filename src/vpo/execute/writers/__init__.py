"""The writers: each is one way to carry out a plan. One is chosen once for a plan."""

from __future__ import annotations

from vpo.execute.context import RunContext
from vpo.execute.writers.ffmpeg_rewrite import FfmpegRewrite
from vpo.execute.writers.header_edit import HeaderEdit
from vpo.execute.writers.mkvmerge_remux import MkvmergeRemux
from vpo.execute.writers.writer import Writer
from vpo.plan.model import Plan

__all__ = ["Writer", "choose_writer"]

_WRITERS: tuple[type[Writer], ...] = (HeaderEdit, MkvmergeRemux, FfmpegRewrite)
"""The cheapest first; the last takes every plan."""


def choose_writer(plan: Plan, context: RunContext) -> Writer | None:
    """Return the cheapest writer that carries out the plan here; ``None`` if nothing changes.

    Raises ``PlanError`` for what no tool here can write, ``ToolMissingError`` where one is missing.
    """
    if plan.strategy == "none":
        return None
    kind = next(kind for kind in _WRITERS if kind.suits(plan, context.tools))
    return kind(plan, context)
