"""explain(): the way to a plan, step by step. Evaluation once more, with somebody watching."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vpo.errors import PlanError
from vpo.media.model import MediaFile
from vpo.plan.evaluate import NOTHING_KNOWN, Change, PhaseReport, Plan, Stage, difference, evaluate
from vpo.policy.desired_state import DesiredState
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.operation import Note


@dataclass(frozen=True)
class Step:
    """One step of a phase: what was decided, what changes, what was warned of, what failed."""

    operation: str
    notes: tuple[Note, ...] = ()
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""

    @property
    def silent(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.notes or self.changes or self.warnings or self.error)


@dataclass(frozen=True)
class PhaseStory:
    """What became of a phase, and how."""

    report: PhaseReport
    steps: tuple[Step, ...] = ()


def explain(
    policy: Policy, media: MediaFile, known: ExternalFacts = NOTHING_KNOWN
) -> tuple[Plan, tuple[PhaseStory, ...]]:
    """The plan for a file, and how each phase that was reached came to its part of it."""
    trail: list[Stage] = []
    plan = evaluate([policy], media, known=known, trail=trail)
    stories = (
        PhaseStory(report, tuple(_step(s) for s in trail if s.phase.name == report.name))
        for report in plan.phases
    )
    return plan, tuple(stories)


def _step(stage: Stage) -> Step:
    operation, before, config = stage.operation, stage.draft, stage.policy.config
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
