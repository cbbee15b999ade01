"""Selection of tracks for conditions: a type, and filters that must all match."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from vpo.media.model import Attachment, Track
from vpo.policy.operation import Model, PolicyConfig
from vpo.policy.rules.comparisons import (
    OPERATORS,
    CodecComparison,
    LanguageComparison,
    NumberComparison,
    NumberOperators,
    PixelComparison,
    TitleComparison,
    satisfies,
)
from vpo.policy.track_classes import is_commentary

ItemType = Literal["video", "audio", "subtitle", "attachment"]
Item = Track | Attachment

_TRACKS = ("video", "audio", "subtitle")
_FILTER_TYPES: dict[str, tuple[str, ...]] = {
    "language": _TRACKS,
    "codec": (*_TRACKS, "attachment"),
    "is_default": _TRACKS,
    "is_forced": _TRACKS,
    "original": _TRACKS,
    "dub": _TRACKS,
    "hearing_impaired": _TRACKS,
    "visual_impaired": _TRACKS,
    "cover": ("attachment",),
    "channels": ("audio",),
    "width": ("video",),
    "height": ("video",),
    "title": (*_TRACKS, "attachment"),
    "not_commentary": _TRACKS,
}
_DISPOSITIONS = ("original", "dub", "hearing_impaired", "visual_impaired")
FILTERS = tuple(_FILTER_TYPES)


class TrackSelection(Model):
    """The tracks or attachments of one type that match every filter.

    A filter that does not apply to the type is an error: it would never match.
    """

    track_type: ItemType = Field(description="Type of the tracks, or `attachment`.")
    language: LanguageComparison | None = Field(default=None, description="Language.")
    codec: CodecComparison | None = Field(default=None, description="Codec, by any of its names.")
    is_default: bool | None = Field(default=None, description="Whether the default flag is set.")
    is_forced: bool | None = Field(default=None, description="Whether the forced flag is set.")
    original: bool | None = Field(default=None, description="Whether the original flag is set.")
    dub: bool | None = Field(default=None, description="Whether the flag of a dub is set.")
    hearing_impaired: bool | None = Field(
        default=None, description="Whether the flag is set that it is for the hearing-impaired."
    )
    visual_impaired: bool | None = Field(
        default=None, description="Whether the flag is set that it is for the visually impaired."
    )
    cover: bool | None = Field(default=None, description="Whether it is a cover picture.")
    channels: NumberComparison | None = Field(default=None, description="Number of channels.")
    width: PixelComparison | None = Field(
        default=None, description="Width in pixels, or a resolution class."
    )
    height: PixelComparison | None = Field(
        default=None, description="Height in pixels, or a resolution class."
    )
    title: TitleComparison | None = Field(default=None, description="Title.")
    not_commentary: bool | None = Field(
        default=None, description="Whether to leave out commentary."
    )

    @field_validator(*FILTERS)
    @classmethod
    def _fitting(cls, value: Any, info: ValidationInfo) -> Any:
        name, kind = str(info.field_name), info.data.get("track_type")
        if kind is not None and value is not None and kind not in _FILTER_TYPES[name]:
            kinds = ", ".join(_FILTER_TYPES[name])
            raise ValueError(f"`{name}` does not apply to {kind}, only to {kinds}")
        return value

    @cached_property
    def filters(self) -> tuple[tuple[str, Any], ...]:
        """The filters that are set, each with its value."""
        return tuple((name, value) for name, value in self.given() if name in FILTERS)

    def failed_filter(self, item: Item, config: PolicyConfig) -> str | None:
        """Return the first filter that the item does not match; ``None`` if it matches all."""
        for name, value in self.filters:
            if name == "not_commentary":
                matching = isinstance(item, Track) and is_commentary(item, config) != value
            else:
                matching = _MATCHES[name](value, item)
            if not matching:
                return name
        return None


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


def _title(item: Item) -> str:
    if isinstance(item, Track):
        return item.title or ""
    return f"{item.filename or ''} {item.description or ''}"


def _has_flag(name: str, value: bool, track: Track) -> bool:
    return (name in track.dispositions) == value


_MATCHES: dict[str, Callable[[Any, Any], bool]] = {
    "language": lambda value, item: value.holds(item.language),
    "codec": lambda value, item: value.holds(item),
    "is_default": lambda value, item: item.default == value,
    "is_forced": lambda value, item: item.forced == value,
    **{name: partial(_has_flag, name) for name in _DISPOSITIONS},
    "cover": lambda value, item: item.cover == value,
    "channels": lambda value, item: value.holds(item.channels),
    "width": lambda value, item: value.holds(item, item.width),
    "height": lambda value, item: value.holds(item, item.height),
    "title": lambda value, item: value.holds(_title(item)),
}
