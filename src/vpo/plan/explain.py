"""The explanation of a plan: evaluation with a record of what each operation decided."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vpo.errors import PlanError
from vpo.media.model import MediaFile
from vpo.plan.diff import difference
from vpo.plan.evaluate import NOTHING_KNOWN, Stage, evaluate
from vpo.plan.model import Change, PhaseReport, Plan
from vpo.policy.desired_state import DesiredState
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.operation import Note


@dataclass(frozen=True)
class Step:
    """One operation of a phase: its decisions, changes and warnings, and the error if it failed."""

    operation: str
    notes: tuple[Note, ...] = ()
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""

    @property
    def silent(self) -> bool:
        """Whether there is nothing to report."""
        return not (self.notes or self.changes or self.warnings or self.error)


@dataclass(frozen=True)
class PhaseStory:
    """The outcome of a phase, and the steps that led to it."""

    report: PhaseReport
    steps: tuple[Step, ...] = ()


def explain(
    policy: Policy, media: MediaFile, known: ExternalFacts = NOTHING_KNOWN
) -> tuple[Plan, tuple[PhaseStory, ...]]:
    """Return the plan for a file, and the story of each phase that was reached."""
    trail: list[Stage] = []
    plan = evaluate([policy], media, known=known, trail=trail)
    stories = (
        PhaseStory(report, tuple(_step(s) for s in trail if s.phase.name == report.name))
        for report in plan.phases
    )
    return plan, tuple(stories)


def _step(stage: Stage) -> Step:
    operation, before, config = stage.operation, stage.state, stage.config
    notes = tuple(operation.explain(before, config))
    step = Step(operation.key, notes)
    try:
        after = operation.apply(before, config)
    except PlanError as error:
        return replace(step, error=str(error))
    changes = tuple(difference(before.media, after.media, after.reasons))
    return replace(step, changes=changes, warnings=_new_warnings(before, after))


def _new_warnings(before: DesiredState, after: DesiredState) -> tuple[str, ...]:
    return after.warnings[len(before.warnings) :]
