"""Which tracks a condition means: a type and filters, all of which must hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from vpo.media.model import Attachment, Track
from vpo.policy.operation import Model, PolicyConfig
from vpo.policy.rules.comparisons import (
    Codecs,
    Extent,
    Languages,
    Number,
    Numbers,
    Quantity,
    Title,
    fulfils,
)
from vpo.policy.track_classes import is_commentary

ItemType = Literal["video", "audio", "subtitle", "attachment"]
Item = Track | Attachment

_TRACKS = ("video", "audio", "subtitle")
_SAYS_SOMETHING_OF: dict[str, tuple[str, ...]] = {
    "language": _TRACKS,
    "codec": (*_TRACKS, "attachment"),
    "is_default": _TRACKS,
    "is_forced": _TRACKS,
    "channels": ("audio",),
    "width": ("video",),
    "height": ("video",),
    "title": (*_TRACKS, "attachment"),
    "not_commentary": _TRACKS,
}
FILTERS = tuple(_SAYS_SOMETHING_OF)


class Selection(Model):
    """Tracks or attachments of one type that pass every filter.

    A filter that can say nothing of the type is an error: it would never be true.
    """

    track_type: ItemType = Field(description="Which tracks are meant, or attachments.")
    language: Languages | None = Field(default=None, description="The language.")
    codec: Codecs | None = Field(default=None, description="The codec, under any of its names.")
    is_default: bool | None = Field(default=None, description="Whether the default flag is set.")
    is_forced: bool | None = Field(default=None, description="Whether the forced flag is set.")
    channels: Quantity | None = Field(default=None, description="The number of channels.")
    width: Extent | None = Field(
        default=None, description="The width in pixels, or a class of resolution."
    )
    height: Extent | None = Field(
        default=None, description="The height in pixels, or a class of resolution."
    )
    title: Title | None = Field(default=None, description="The title.")
    not_commentary: bool | None = Field(default=None, description="Whether commentary is left out.")

    @field_validator(*FILTERS)
    @classmethod
    def _fitting(cls, value: Any, info: ValidationInfo) -> Any:
        name, kind = str(info.field_name), info.data.get("track_type")
        if kind is not None and value is not None and kind not in _SAYS_SOMETHING_OF[name]:
            kinds = ", ".join(_SAYS_SOMETHING_OF[name])
            raise ValueError(f"`{name}` says nothing of {kind}; only of {kinds}")
        return value

    @cached_property
    def filters(self) -> tuple[tuple[str, Any], ...]:
        """The filters that are stated, each with its value."""
        stated = ((name, getattr(self, name)) for name in FILTERS)
        return tuple((name, value) for name, value in stated if value is not None)

    def failed(self, item: Item, config: PolicyConfig) -> str | None:
        """The first filter that the item does not pass, ``None`` if it passes all."""
        for name, value in self.filters:
            if name == "not_commentary":
                passes = isinstance(item, Track) and is_commentary(item, config) != value
            else:
                passes = _PASSES[name](value, item)
            if not passes:
                return name
        return None


class Exists(Selection):
    """True if at least one passes."""


class Count(Selection):
    """How many pass, compared with a number."""

    eq: Numbers | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Numbers | None = Field(default=None, description="Equal to none of these.")
    gte: Number | None = Field(default=None, description="At least this.")
    gt: Number | None = Field(default=None, description="More than this.")
    lte: Number | None = Field(default=None, description="At most this.")
    lt: Number | None = Field(default=None, description="Less than this.")

    @model_validator(mode="after")
    def _compared(self) -> Count:
        if not self.parts:
            raise ValueError("`count` needs a number to compare with: eq, neq, lt, lte, gt or gte")
        return self

    @cached_property
    def parts(self) -> tuple[tuple[str, Any], ...]:
        """The comparisons that are stated."""
        stated = ((key, getattr(self, key)) for key in ("eq", "neq", "gte", "gt", "lte", "lt"))
        return tuple((key, value) for key, value in stated if value is not None)

    def holds(self, number: int) -> bool:
        return fulfils(number, self.parts)


def _title(item: Item) -> str:
    if isinstance(item, Track):
        return item.title or ""
    return f"{item.filename or ''} {item.description or ''}"


_PASSES: dict[str, Callable[[Any, Any], bool]] = {
    "language": lambda value, item: value.holds(item.language),
    "codec": lambda value, item: value.holds(item),
    "is_default": lambda value, item: item.default == value,
    "is_forced": lambda value, item: item.forced == value,
    "channels": lambda value, item: value.holds(item.channels),
    "width": lambda value, item: value.holds(item, item.width),
    "height": lambda value, item: value.holds(item, item.height),
    "title": lambda value, item: value.holds(_title(item)),
}
