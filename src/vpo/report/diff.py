"""Shows a plan as a diff: track by track, each change with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from vpo.errors import ConvergeError
from vpo.policy.change_kind import ChangeKind, Fact, FactValue
from vpo.text import padded, printable, truncated

if TYPE_CHECKING:
    from vpo.plan.model import Change, Plan

_REASON_COLUMN = 66
_LONGEST_VALUE = 60


class DiffRow(NamedTuple):
    """A row of a diff: ``mark`` is "+", "-" or "~", a space for what stays, empty for a phase.

    ``detail``: it is a change of the track in the row before.
    """

    mark: str
    text: str
    reason: str = ""
    style: str = "planned"
    detail: bool = False


def plan_lines(plan: Plan, *, effective: bool = True) -> Iterator[tuple[str, str]]:
    """Yield the lines of the diff: (text, style).

    A plan that was not ``effective`` is shown without its changes, which were not made.
    """
    for row in plan_rows(plan, effective=effective):
        yield _line(row), row.style


def plan_rows(plan: Plan, *, effective: bool = True) -> Iterator[DiffRow]:
    """Yield the rows of the diff, whose texts are as in the file, as ``plan_lines``."""
    by_track: dict[int | None, list[Change]] = {}
    for change in plan.changes if effective else ():
        by_track.setdefault(change.track, []).append(change)
    for change in by_track.get(None, ()):
        text = change_text(change.fact, change.before, change.after)
        yield DiffRow("~", text, str(change.reason))
    for item in plan.before.streams:
        yield from _item_rows(str(item), by_track.get(item.index, []))
    for change in plan.changes if effective else ():
        if change.kind is ChangeKind.ADD:
            yield DiffRow("+", str(change.after), str(change.reason))
    yield from _phase_rows(plan)


def change_text(fact: Fact, before: FactValue, after: FactValue) -> str:
    """Return the description of a change."""
    if fact.kind is ChangeKind.MOVE and before == after:
        return "moves past other tracks"
    if fact.kind is ChangeKind.MOVE:
        return f"moves from position {before} to {after}"
    if fact.kind is ChangeKind.REMOVE:
        return f"removed: {before}"
    if fact.kind is ChangeKind.ADD:
        return f"added: {after}"
    if fact.kind is ChangeKind.LOUDNESS:
        return f"loudness: {after} (measured first)"
    if fact.kind is ChangeKind.SIDECAR:
        return f"written to {_value(after)}"
    if fact.kind is ChangeKind.TEXT:
        return "text: without what only the hard of hearing need"
    return f"{fact.label}: {_value(before)} -> {_value(after)}"


def _value(value: FactValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return truncated(str(value), _LONGEST_VALUE) if value not in (None, "") else "none"


def _item_rows(item: str, changes: list[Change]) -> Iterator[DiffRow]:
    if not changes:
        yield DiffRow(" ", item, style="dim")
        return
    removal = next((change for change in changes if change.kind is ChangeKind.REMOVE), None)
    if removal is not None:
        yield DiffRow("-", item, str(removal.reason), "failed")
    else:
        yield DiffRow("~", item)
    for change in changes:
        if change is not removal:
            text = change_text(change.fact, change.before, change.after)
            yield DiffRow(" ", text, str(change.reason), detail=True)


def _phase_rows(plan: Plan) -> Iterator[DiffRow]:
    failed = next((phase for phase in plan.phases if phase.outcome == "failed"), None)
    # The plan's error is that of the first failed phase, and reported by whoever prints the file.
    reported = None if isinstance(plan.error, ConvergeError) else failed
    for phase in plan.phases:
        if phase.outcome in ("skipped", "failed") and phase is not reported:
            text = f"phase {phase.name} {phase.outcome}: {phase.detail}"
            yield DiffRow("", text, style="skipped")


def _line(row: DiffRow) -> str:
    if not row.mark:
        return f"    {printable(row.text)}"
    text = f"  {row.mark} {'    ' if row.detail else ''}{printable(row.text)}"
    if not row.reason:
        return text
    return f"{padded(text, _REASON_COLUMN - 1)} {printable(row.reason)}"
