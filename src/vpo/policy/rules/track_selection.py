"""Selection of tracks or attachments of one type, for conditions and actions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from vpo.policy.comparisons import OPERATORS, NumberOperators, satisfies
from vpo.policy.condition_context import ConditionContext, Item
from vpo.policy.track_filter import TrackFilter, require_fitting

ItemType = Literal["video", "audio", "subtitle", "attachment"]


class TrackSelection(TrackFilter):
    """The tracks or attachments of one type that match every filter.

    A filter that does not apply to the type is an error: it would never match.
    """

    may_be_empty: ClassVar[bool] = True

    track_type: ItemType = Field(description="Type of the tracks, or `attachment`.")

    @model_validator(mode="after")
    def _fitting(self) -> TrackSelection:
        require_fitting(self, self.track_type)
        return self

    def candidates(self, context: ConditionContext) -> tuple[Item, ...]:
        """Return the items of the type; covers are video where the kind is asked for."""
        found = context.items[self.track_type]
        if self.track_type == "video" and self.kind is not None:
            covers = (item for item in context.items["attachment"] if item.cover)  # type: ignore[union-attr]
            return (*found, *covers)
        return found

    def passing(self, context: ConditionContext) -> Iterator[Item]:
        """Yield the items that match."""
        tests = self.tests
        for item in self.candidates(context):
            for matches, value in tests:
                if not matches(value, item, context):
                    break
            else:
                yield item


class ExistsCondition(TrackSelection):
    """True if at least one track matches."""


class CountCondition(NumberOperators, TrackSelection):
    """The number of matching tracks, compared with a number."""

    @model_validator(mode="after")
    def _compared(self) -> CountCondition:
        if not self.parts:
            raise ValueError("`count` needs a number to compare with: eq, neq, lt, lte, gt or gte")
        return self

    @cached_property
    def parts(self) -> tuple[tuple[str, Any], ...]:
        """The comparisons that are set."""
        return tuple((key, value) for key, value in self.given() if key in OPERATORS)

    def holds(self, number: int) -> bool:
        return satisfies(number, self.parts)
