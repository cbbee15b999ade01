"""Selection of tracks or attachments of one type, for conditions and actions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from vpo.policy.comparisons import OPERATORS, NumberOperators, satisfies
from vpo.policy.condition_context import ConditionContext, Item
from vpo.policy.operation import error_at
from vpo.policy.track_classes import KINDS
from vpo.policy.track_filter import TrackFilter

ItemType = Literal["video", "audio", "subtitle", "attachment"]

_TRACKS = ("video", "audio", "subtitle")
_FILTER_TYPES: Mapping[str, tuple[str, ...]] = {
    "codec": (*_TRACKS, "attachment"),
    "title": (*_TRACKS, "attachment"),
    "not": (*_TRACKS, "attachment"),
    "cover": ("attachment",),
    "channels": ("audio",),
    "width": ("video",),
    "height": ("video",),
    "dynamic_range": ("video",),
}
"""The types to which filters apply, if not to all tracks."""


class TrackSelection(TrackFilter):
    """The tracks or attachments of one type that match every filter.

    A filter that does not apply to the type is an error: it would never match.
    """

    may_be_empty: ClassVar[bool] = True

    track_type: ItemType = Field(description="Type of the tracks, or `attachment`.")

    @model_validator(mode="after")
    def _fitting(self) -> TrackSelection:
        _require_fitting(self, self.track_type)
        return self

    def candidates(self, context: ConditionContext) -> tuple[Item, ...]:
        """Return the items of the type; covers are video where the kind is asked for."""
        found = context.items[self.track_type]
        if self.track_type == "video" and self.kind is not None:
            covers = (item for item in context.items["attachment"] if item.cover)  # type: ignore[union-attr]
            return (*found, *covers)
        return found

    def passing(self, context: ConditionContext) -> list[Item]:
        """Return the items that match."""
        return [item for item in self.candidates(context) if self.matches(item, context)]


def _require_fitting(found: TrackFilter, kind: str) -> None:
    """Raise ``ValueError`` for a filter, or a kind, that no item of a type has."""
    for name, value in found.filters:
        fitting = _FILTER_TYPES.get(name, _TRACKS)
        if kind not in fitting:
            kinds = ", ".join(fitting)
            raise error_at((name,), f"`{name}` does not apply to {kind}, only to {kinds}")
        if name == "not":
            _require_fitting(value, kind)
        if name == "kind":
            for wanted in (item for _, values in value.parts for item in values):
                if wanted not in KINDS[kind]:
                    known = ", ".join(KINDS[kind])
                    raise error_at((name,), f"`{wanted}` is no kind of {kind}; known: {known}")


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
