"""The writers, each of which is one way to carry out a plan; chosen once per plan."""

from __future__ import annotations

from dataclasses import replace

from vpo.errors import PlanError
from vpo.execute.context import RunContext
from vpo.execute.writers.extract_only import ExtractOnly
from vpo.execute.writers.ffmpeg_rewrite import FfmpegRewrite
from vpo.execute.writers.header_edit import HeaderEdit, by_tool, obstacle
from vpo.execute.writers.mkvmerge_remux import MkvmergeRemux
from vpo.execute.writers.name_change import NameChange
from vpo.execute.writers.writer import Writer
from vpo.media.file_name import is_utf8
from vpo.media.sidecar_names import second_name
from vpo.plan.evaluate import rewritten
from vpo.plan.model import Plan
from vpo.tools.programs import Tools

_WRITERS: tuple[type[Writer], ...] = (
    ExtractOnly,
    NameChange,
    MkvmergeRemux,
    FfmpegRewrite,
)
"""Cheapest first, but for edits of headers; the last accepts every other plan."""


def choose_writer(plan: Plan, context: RunContext) -> Writer | None:
    """Return the cheapest writer for the plan; ``None`` if nothing changes.

    Its own plan is another one where a header that cannot be edited is written anew.

    Raises ``PlanError`` for what no installed tool can write, ``ToolMissingError`` for a tool that
    is missing.
    """
    if plan.strategy == "none":
        return None
    _refuse_nothing(plan)
    _need_extractors(plan, context)
    if plan.strategy == "header":
        edit = HeaderEdit(plan, context)  # which reads the header, once
        problem = edit.refusal
        return edit if problem is None else _rewriting(plan, context, problem)
    return next(kind for kind in _WRITERS if kind.suits(plan, context.tools))(plan, context)


def as_carried_out(plan: Plan, tools: Tools) -> Plan:
    """Return the plan as a run with these tools carries it out, which reads the file's header.

    Where the header cannot be edited, the file is written anew.
    """
    if plan.strategy != "header":
        return plan
    problem = obstacle(plan)
    if problem is None:
        return plan
    if HeaderEdit.suits(plan, tools):
        return replace(plan, warnings=(*plan.warnings, by_tool(problem)))
    try:
        written = rewritten(plan)
    except PlanError as error:
        return replace(plan, error=error)
    return replace(written, warnings=(*written.warnings, _anew(problem)))


def fallback(writer: Writer, problem: str) -> Writer | None:
    """Return what writes a file anew whose header a tool could not edit either, else ``None``."""
    if not (isinstance(writer, HeaderEdit) and writer.needs_tool):
        return None
    return _rewriting(writer.plan, writer.context, problem)


def _rewriting(plan: Plan, context: RunContext, problem: str) -> Writer:
    plan = rewritten(plan)
    kind = MkvmergeRemux if MkvmergeRemux.suits(plan, context.tools) else FfmpegRewrite
    writer = kind(plan, context)
    writer.warnings += (_anew(problem),)
    return writer


def _anew(problem: str) -> str:
    return f"the file is written anew, as its header cannot be edited: {problem}"


def _refuse_nothing(plan: Plan) -> None:
    """Raise ``PlanError`` if no video, audio or subtitle track would be left."""
    if not any(track.type != "data" for track in plan.after.tracks):
        raise PlanError(
            "no track would be left in the file; keep one of them, or leave such files out with "
            "skip_when"
        )


def _need_extractors(plan: Plan, context: RunContext) -> None:
    """Raise an error if no tool here can write one of the plan's sidecars."""
    for found in plan.extracts:
        pair = second_name(found.name) is not None
        context.tools.need("mkvextract" if pair else "ffmpeg")
        if pair and not is_utf8(plan.before.path):
            raise PlanError(
                f"mkvextract cannot write {found.name} here: the path of the film is not UTF-8; "
                "rename it, or leave the track out of extract"
            )
