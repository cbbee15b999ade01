"""``rules``: actions that depend on conditions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from vpo.errors import PlanError
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Model, Note, Operation, PolicyConfig
from vpo.policy.rules.actions import Actions, ApplyDeferred
from vpo.policy.rules.evaluation import NO_LANGUAGE_ANALYSIS, condition_results, holds
from vpo.policy.rules.when import When


class Rule(Model):
    """A condition, the actions if it is true, and the actions if it is false."""

    name: str = Field(min_length=1, description="Name of the rule.")
    when: When
    then: Actions | None = Field(default=None, description="Actions if the condition is true.")
    else_: Actions | None = Field(
        default=None, alias="else", description="Actions if the condition is false."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Rule:
        if self.then is None and self.else_ is None:
            raise ValueError("a rule needs `then` or `else`")
        return self

    @property
    def actions(self) -> Actions:
        """Those of both branches."""
        return (*(self.then or ()), *(self.else_ or ()))

    def explain(
        self, path: tuple[str | int, ...], true: bool, context: ConditionContext
    ) -> Iterator[Note]:
        """Yield the outcome of the condition, part by part, and the actions that follow."""
        first, *others = condition_results(self.when, context)
        when = (*path, "when")
        yield Note(f"{self.name}: {first.text}", when, true)
        for finding in (first, *others):
            if finding is not first:
                yield Note(finding.text, when, finding.true, finding.depth)
            yield from (Note(line, when, depth=finding.depth + 1) for line in finding.details)
        branch = "then" if true else "else"
        for number, action in enumerate((self.then if true else self.else_) or ()):
            key, _ = action.stated
            yield Note(f"{branch}: {action}", (*path, branch, number, key), depth=1)


class Rules(Operation):
    """Apply the actions of rules: of the first that is true, or of all."""

    key = "rules"
    step = 20

    match: Literal["first", "all"] = Field(
        default="first",
        description="Whether to stop at the first rule that is true, or to apply all.",
    )
    items: tuple[Rule, ...] = Field(
        min_length=1, description="The rules, in the order in which they are evaluated."
    )

    @property
    def run_warnings(self) -> tuple[str, ...]:
        changes = (action.set_container_metadata for rule in self.items for action in rule.actions)
        return tuple(
            f"`{change.field}` is written by the tools with every file; to clear it does nothing"
            for change in changes
            if change is not None and change.written_by_tools
        )

    def metadata_names(self) -> Iterator[tuple[str | None, str]]:
        for rule in self.items:
            yield from rule.when.metadata_names()
            for action in rule.actions:
                yield from action.metadata_names()

    def steps(self) -> Iterator[Operation]:
        yield self
        yield ApplyDeferred()

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        return self._decide(state, config, None)

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        notes: list[Note] = []
        with contextlib.suppress(PlanError):  # reported by whoever applies the operation
            self._decide(state, config, notes)
        return iter(notes)

    def _decide(
        self, state: DesiredState, config: PolicyConfig, notes: list[Note] | None
    ) -> DesiredState:
        """Apply rule by rule; ``notes``, unless ``None``, collects the decisions and reasons."""
        context = ConditionContext.of(state, config)
        for number, rule in enumerate(self.items):
            if rule.when.needs_analysis:
                state = state.warn(NO_LANGUAGE_ANALYSIS)
            if context.media is not state.media:
                context = ConditionContext.of(state, config)
            true = holds(rule.when, context)
            if notes is not None:
                notes += rule.explain(("items", number), true, context)
            for action in (rule.then if true else rule.else_) or ():
                state = action.apply(state, config, rule.name)
            if true and self.match == "first":
                if notes is not None:
                    notes += _not_reached(self.items, number + 1)
                break
        return state


def _not_reached(rules: tuple[Rule, ...], start: int) -> Iterator[Note]:
    for number, rule in enumerate(rules[start:], start):
        yield Note(f"{rule.name}: not reached, as an earlier rule is true", ("items", number))
