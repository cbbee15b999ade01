"""The writers, each of which is one way to carry out a plan; chosen once per plan."""

from __future__ import annotations

from vpo.execute.context import RunContext
from vpo.execute.writers.ffmpeg_rewrite import FfmpegRewrite
from vpo.execute.writers.header_edit import HeaderEdit
from vpo.execute.writers.mkvmerge_remux import MkvmergeRemux
from vpo.execute.writers.name_change import NameChange
from vpo.execute.writers.writer import Writer
from vpo.plan.model import Plan

__all__ = ["Writer", "choose_writer"]

_WRITERS: tuple[type[Writer], ...] = (NameChange, HeaderEdit, MkvmergeRemux, FfmpegRewrite)
"""Cheapest first; the last accepts every plan."""


def choose_writer(plan: Plan, context: RunContext) -> Writer | None:
    """Return the cheapest writer for the plan; ``None`` if nothing changes.

    Raises ``PlanError`` for what no installed tool can write, ``ToolMissingError`` for a tool that
    is missing.
    """
    if plan.strategy == "none":
        return None
    kind = next(kind for kind in _WRITERS if kind.suits(plan, context.tools))
    return kind(plan, context)
