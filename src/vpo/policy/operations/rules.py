"""``rules``: conditional decisions on a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from vpo.errors import PlanError
from vpo.policy.desired_state import Draft
from vpo.policy.operation import Model, Note, Operation, PolicyConfig
from vpo.policy.rules.actions import Actions, CarryOut
from vpo.policy.rules.evaluation import NO_ANALYSIS, Scene, findings, holds
from vpo.policy.rules.when import When


class Rule(Model):
    """A condition, what is done where it holds, and what where it does not."""

    name: str = Field(min_length=1, description="What the rule is called.")
    when: When
    then: Actions | None = Field(default=None, description="What is done where it holds.")
    else_: Actions | None = Field(
        default=None, alias="else", description="What is done where it does not hold."
    )

    @model_validator(mode="after")
    def _does_something(self) -> Rule:
        if self.then is None and self.else_ is None:
            raise ValueError("a rule needs `then` or `else`")
        return self

    @property
    def uses_metadata(self) -> bool:
        actions = (*(self.then or ()), *(self.else_ or ()))
        return self.when.uses_metadata or any(action.uses_metadata for action in actions)

    def explained(self, path: tuple[str | int, ...], true: bool, scene: Scene) -> Iterator[Note]:
        """The condition, part by part, and what is done."""
        first, *others = findings(self.when, scene)
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
    """Decide by rules: the first that holds, or all of them."""

    key = "rules"
    step = 20

    match: Literal["first", "all"] = Field(
        default="first",
        description="Whether the first rule that holds is the last, or all have their say.",
    )
    items: tuple[Rule, ...] = Field(min_length=1, description="The rules, in this order.")

    @property
    def uses_metadata(self) -> bool:
        return any(rule.uses_metadata for rule in self.items)

    def parts(self) -> Iterator[Operation]:
        yield self
        yield CarryOut()

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        return self._decide(draft, config, None)

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:
        notes: list[Note] = []
        with contextlib.suppress(PlanError):  # whoever applies the operation tells
            self._decide(draft, config, notes)
        return iter(notes)

    def _decide(self, draft: Draft, config: PolicyConfig, notes: list[Note] | None) -> Draft:
        """Rule by rule; ``notes``, where they are wanted, get what was decided and why."""
        scene = Scene(draft.media, draft.known, config)
        for number, rule in enumerate(self.items):
            if rule.when.needs_analysis:
                draft = draft.warn(NO_ANALYSIS)
            if scene.media is not draft.media:
                scene = Scene(draft.media, draft.known, config)
            true = holds(rule.when, scene)
            if notes is not None:
                notes += rule.explained(("items", number), true, scene)
            for action in (rule.then if true else rule.else_) or ():
                draft = action.apply(draft, rule.name)
            if true and self.match == "first":
                if notes is not None:
                    notes += _not_reached(self.items, number + 1)
                break
        return draft


def _not_reached(rules: tuple[Rule, ...], start: int) -> Iterator[Note]:
    for number, rule in enumerate(rules[start:], start):
        yield Note(f"{rule.name}: not reached, as an earlier rule holds", ("items", number))
