"""``rules``: conditional decisions on a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from vpo.draft import Draft
from vpo.policy.operation import Model, Operation, PolicyConfig
from vpo.policy.rules.actions import Actions, CarryOut
from vpo.policy.rules.evaluation import Scene, holds
from vpo.policy.rules.when import When

_NO_ANALYSIS = "audio_is_multi_language is taken as false: there is no language analysis"


class Rule(Model):
    """A condition, what is done where it holds, and what where it does not."""

    name: str = Field(min_length=1)
    when: When
    then: Actions | None = None
    else_: Actions | None = Field(default=None, alias="else")

    @model_validator(mode="after")
    def _does_something(self) -> Rule:
        if self.then is None and self.else_ is None:
            raise ValueError("a rule needs `then` or `else`")
        return self


class Rules(Operation):
    """Decide by rules: the first that holds, or all of them."""

    key = "rules"
    step = 20

    match: Literal["first", "all"] = "first"
    items: tuple[Rule, ...] = Field(min_length=1)

    def parts(self) -> Iterator[Operation]:
        yield self
        yield CarryOut()

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        for rule in self.items:
            if rule.when.needs_analysis:
                draft = draft.warn(_NO_ANALYSIS)
            true = holds(rule.when, Scene(draft.media, draft.known, config))
            for action in (rule.then if true else rule.else_) or ():
                draft = action.apply(draft, rule.name)
            if true and self.match == "first":
                break
        return draft
