"""Explains a plan as text and JSON: phase by phase and step by step, with lines of the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vpo.errors import Position
from vpo.plan.explain import PhaseStory, Step
from vpo.plan.model import Change, Plan, changes_to_json
from vpo.policy.change_kind import ChangeKind
from vpo.policy.loader import PolicyLines
from vpo.policy.operation import Note
from vpo.report.diff import change_text, plan_lines
from vpo.text import counted, printable

Styled = tuple[str, str]
_STYLES = {"changed": "planned", "failed": "failed", "skipped": "skipped"}


def explanation_lines(
    plan: Plan, stories: tuple[PhaseStory, ...], lines: PolicyLines
) -> Iterator[Styled]:
    """Yield the explanation and the resulting plan, as lines with their styles."""
    for story in stories:
        report = story.report
        detail = f": {printable(report.detail)}" if report.detail else ""
        where = _where(lines.phase(report.name), lines)
        title = f"phase {printable(report.name)} ({where}) {report.outcome}{detail}"
        yield title, _STYLES.get(report.outcome, "")
        begun: set[str] = set()
        for step in story.steps:
            if step.operation not in begun or not step.silent:
                label = f"{step.operation}{', applied' if step.operation in begun else ''}"
                yield from _step_text(plan, report.name, step, lines, label)
            begun.add(step.operation)
        yield "", ""
    yield from _result(plan)


def _step_text(
    plan: Plan, phase: str, step: Step, lines: PolicyLines, label: str
) -> Iterator[Styled]:
    line = _where(lines.operation(phase, step.operation), lines)
    yield f"  {label} ({line}){': nothing to do' if step.silent else ''}", ""
    explained = {note.track for note in step.notes}
    for note in step.notes:
        before, line = line, _where(lines.operation(phase, step.operation, note.path), lines)
        yield _note_text(note) + (f"  ({line})" if line != before else ""), ""
    for change in step.changes:
        if change.kind is not ChangeKind.REMOVE or change.track not in explained:
            yield f"    ~ {_change(plan, change)}", "planned"
    for warning in step.warnings:
        yield f"    warning: {printable(warning)}", "skipped"
    if step.error:
        yield f"    failed: {printable(step.error)}", "failed"


def _where(position: Position, lines: PolicyLines) -> str:
    """Return the line, with the file if that is one that the policy extends."""
    if position.file == lines.name:
        return f"line {position.line}"
    return f"{printable(position.file)}, line {position.line}"


def _note_text(note: Note) -> str:
    mark = {True: "yes ", False: "no  ", None: ""}[note.true]
    return f"{'  ' * (note.depth + 2)}{mark}{printable(note.text)}"


def _change(plan: Plan, change: Change) -> str:
    """Return which track changes, how and why."""
    items = {item.index: str(item) for item in plan.before.streams}
    what = change_text(change.fact, change.before, change.after)
    item = f"{items[change.track]}: " if change.track is not None else ""
    return f"{printable(item + what)}  ({printable(change.reason.text)})"


def _result(plan: Plan) -> Iterator[Styled]:
    if plan.error is not None:
        yield f"result: {printable(str(plan.error))}", "failed"
    if plan.changes:
        changes = counted(len(plan.changes), "change")
        yield f"result: {changes} ({plan.strategy})", "planned"
        yield from plan_lines(plan)
    elif plan.error is None:
        yield "result: nothing to change", ""


def explanation_json(
    policy: str, plan: Plan, stories: tuple[PhaseStory, ...], lines: PolicyLines
) -> dict[str, Any]:
    """Return the explanation without its schema version, as docs/json.md describes it."""
    return {
        "policy": policy,
        "path": plan.before.path,
        "phases": [_phase_json(story, lines) for story in stories],
        "strategy": plan.strategy,
        "changes": changes_to_json(plan.changes),
        "warnings": list(plan.warnings),
        "error": str(plan.error) if plan.error else None,
    }


def _phase_json(story: PhaseStory, lines: PolicyLines) -> dict[str, Any]:
    report = story.report
    return {
        "name": report.name,
        **_where_json(lines.phase(report.name)),
        "outcome": report.outcome,
        "detail": report.detail,
        "steps": [_step_json(report.name, step, lines) for step in story.steps],
    }


def _step_json(phase: str, step: Step, lines: PolicyLines) -> dict[str, Any]:
    return {
        "operation": step.operation,
        **_where_json(lines.operation(phase, step.operation)),
        "notes": [
            {
                "text": note.text,
                **_where_json(lines.operation(phase, step.operation, note.path)),
                "true": note.true,
                "depth": note.depth,
                "track": note.track,
            }
            for note in step.notes
        ],
        "changes": changes_to_json(step.changes),
        "warnings": list(step.warnings),
        "error": step.error or None,
    }


def _where_json(position: Position) -> dict[str, Any]:
    return {"file": position.file, "line": position.line}
