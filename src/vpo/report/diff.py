"""Shows a plan as a diff: track by track, each change with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vpo.errors import ConvergeError
from vpo.policy.change_kind import ChangeKind, Fact, FactValue
from vpo.text import padded, printable, truncated

if TYPE_CHECKING:
    from vpo.plan.model import Change, Plan

_REASON_COLUMN = 66
_LONGEST_VALUE = 60


def plan_lines(plan: Plan, *, effective: bool = True) -> Iterator[tuple[str, str]]:
    """Yield the lines of the diff: (text, style).

    A plan that was not ``effective`` is shown without its changes, which were not made.
    """
    by_track: dict[int | None, list[Change]] = {}
    for change in plan.changes if effective else ():
        by_track.setdefault(change.track, []).append(change)
    for change in by_track.get(None, ()):
        text = change_text(change.fact, change.before, change.after)
        yield _row("~", text, str(change.reason)), "planned"
    for item in plan.before.streams:
        yield from _item_lines(str(item), by_track.get(item.index, []))
    for change in plan.changes if effective else ():
        if change.kind is ChangeKind.ADD:
            yield _row("+", str(change.after), str(change.reason)), "planned"
    yield from _phase_lines(plan)


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


def _item_lines(item: str, changes: list[Change]) -> Iterator[tuple[str, str]]:
    if not changes:
        yield _row(" ", item), "dim"
        return
    removal = next((change for change in changes if change.kind is ChangeKind.REMOVE), None)
    if removal is not None:
        yield _row("-", item, str(removal.reason)), "failed"
    else:
        yield _row("~", item), "planned"
    for change in changes:
        if change is not removal:
            text = "    " + change_text(change.fact, change.before, change.after)
            yield _row(" ", text, str(change.reason)), "planned"


def _phase_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    failed = next((phase for phase in plan.phases if phase.outcome == "failed"), None)
    # The plan's error is that of the first failed phase, and reported by whoever prints the file.
    reported = None if isinstance(plan.error, ConvergeError) else failed
    for phase in plan.phases:
        if phase.outcome in ("skipped", "failed") and phase is not reported:
            text = f"phase {phase.name} {phase.outcome}: {phase.detail}"
            yield f"    {printable(text)}", "skipped"


def _row(mark: str, text: str, reason: str = "") -> str:
    text = f"  {mark} {printable(text)}"
    return f"{padded(text, _REASON_COLUMN - 1)} {printable(reason)}" if reason else text
