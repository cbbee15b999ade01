"""The comparisons in filters of conditions, in every form that a policy may use.

A plain value is short for ``{eq: value}``; of several values, one match is enough.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence, Set
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from vpo.media import units
from vpo.media.codecs import is_any_codec
from vpo.media.languages import ORIGINAL, language_fits_any, replaced_original
from vpo.media.model import Attachment, Track
from vpo.policy.dynamic_range import DynamicRange
from vpo.policy.field_types import (
    ByteSize,
    Containers,
    Duration,
    Names,
    WantedLanguages,
    as_list,
)
from vpo.policy.operation import Filled, Model
from vpo.policy.track_classes import Kind

OPERATORS = {"eq": "==", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
"""The operators of mappings, and those of expressions."""


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"`{value}` is not a whole number")
    return value


def _pixels(value: Any) -> Any:
    return units.resolution(value) if isinstance(value, str) else _number(value)


_INTEGER: JsonValue = {"type": "integer"}
_PIXELS: JsonValue = {"type": ["integer", "string"]}

Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema(_INTEGER)]
Numbers = Annotated[
    tuple[Number, ...],
    Field(min_length=1),
    BeforeValidator(as_list),
    WithJsonSchema({"type": ["integer", "array"], "items": _INTEGER}),
]
_RATE: JsonValue = {"type": ["integer", "string"]}
Rate = Annotated[
    int,
    BeforeValidator(units.bitrate),
    PlainSerializer(lambda rate: f"{rate} bps"),  # a bare number below 10000 is taken for a slip
    WithJsonSchema(_RATE),
]
Rates = Annotated[
    tuple[Rate, ...],
    Field(min_length=1),
    BeforeValidator(as_list),
    WithJsonSchema({"type": ["integer", "string", "array"], "items": _RATE}),
]
Kinds = Annotated[tuple[Kind, ...], Field(min_length=1), BeforeValidator(as_list)]
Ranges = Annotated[tuple[DynamicRange, ...], Field(min_length=1), BeforeValidator(as_list)]
Pixel = Annotated[Any, BeforeValidator(_pixels), WithJsonSchema(_PIXELS)]
Pixels = Annotated[
    tuple[Pixel, ...],
    Field(min_length=1),
    BeforeValidator(as_list),
    WithJsonSchema({"type": ["integer", "string", "array"], "items": _PIXELS}),
]


def _or_short(*types: JsonValue) -> ConfigDict:
    """Let the JSON Schema allow a short form of these types."""
    return ConfigDict(json_schema_extra={"type": ["object", *types]})


class Comparison(Filled):
    """Comparisons with one fact, all of which must be true."""

    model_config = _or_short("string", "array")
    noun = "comparison"
    short_key: ClassVar[str] = "eq"
    """The operator that the short form stands for."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        short = isinstance(data, str | int | float | list | tuple)
        return {cls.short_key: data} if short else data

    @cached_property
    def parts(self) -> tuple[tuple[str, Any], ...]:
        """The operators that are set, each with its value."""
        return tuple(self.given())


class NameComparison(Comparison):
    """Comparison with names: one of these, or none of them."""

    eq: Names | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Names | None = Field(default=None, description="Equal to none of these.")


class ChoiceComparison(Comparison):
    """Comparison with names of a closed list."""

    def holds_any(self, found: Set[str]) -> bool:
        """Return whether it is true of something that has these names."""
        eq, neq = self._sides
        return (not neq or found.isdisjoint(neq)) and (not eq or not found.isdisjoint(eq))

    @cached_property
    def _sides(self) -> tuple[frozenset[str], frozenset[str]]:
        values = dict(self.parts)
        return frozenset(values.get("eq", ())), frozenset(values.get("neq", ()))


class KindComparison(ChoiceComparison):
    """Comparison with kinds of tracks."""

    eq: Kinds | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Kinds | None = Field(default=None, description="Equal to none of these.")


class DynamicRangeComparison(ChoiceComparison):
    """Comparison with dynamic ranges."""

    eq: Ranges | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Ranges | None = Field(default=None, description="Equal to none of these.")


class LanguageComparison(Comparison):
    """Comparison with languages, however they are written."""

    eq: WantedLanguages | None = Field(
        default=None, description="Equal to this, or to one of these."
    )
    neq: WantedLanguages | None = Field(default=None, description="Equal to none of these.")

    def holds(self, language: str | None, original: str | None = None) -> bool:
        """Return whether it is true; ``original`` is the work's language, if that is known."""
        eq, neq = self.eq, self.neq
        if self.names_original:
            eq, neq = (
                eq and replaced_original(eq, original),
                neq and replaced_original(neq, original),
            )
        if neq is not None and language_fits_any(language, neq):
            return False
        return eq is None or language_fits_any(language, eq)

    @cached_property
    def names_original(self) -> bool:
        """Whether it names the original language of the work."""
        return ORIGINAL in (*(self.eq or ()), *(self.neq or ()))


class CodecComparison(NameComparison):
    """Comparison with codecs, by their aliases and profiles."""

    def holds(self, item: Track | Attachment) -> bool:
        profile = item.profile if isinstance(item, Track) else None
        if self.neq is not None and is_any_codec(item.codec, profile, self.neq):
            return False
        return self.eq is None or is_any_codec(item.codec, profile, self.eq)


class ContainerComparison(Comparison):
    """Comparison with the container, by name or file extension."""

    eq: Containers | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Containers | None = Field(default=None, description="Equal to none of these.")

    def holds(self, container: str) -> bool:
        return satisfies(container, self.parts)


_Value = TypeVar("_Value")
_Values = TypeVar("_Values")


class Bounds(Model, Generic[_Value]):
    """The operators that compare with a limit."""

    gte: _Value | None = Field(default=None, description="At least this.")
    gt: _Value | None = Field(default=None, description="More than this.")
    lte: _Value | None = Field(default=None, description="At most this.")
    lt: _Value | None = Field(default=None, description="Less than this.")


class Operators(Model, Generic[_Value, _Values]):
    """All operators that compare numbers."""

    eq: _Values | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: _Values | None = Field(default=None, description="Equal to none of these.")
    gte: _Value | None = Field(default=None, description="At least this.")
    gt: _Value | None = Field(default=None, description="More than this.")
    lte: _Value | None = Field(default=None, description="At most this.")
    lt: _Value | None = Field(default=None, description="Less than this.")


class QuantityComparison(Comparison):
    """Comparison with a quantity."""

    def holds(self, quantity: float | None) -> bool:
        """Return whether it is true; a comparison with an unknown value is false."""
        return quantity is not None and satisfies(quantity, self.parts)


class SizeComparison(QuantityComparison, Bounds[ByteSize]):
    """Comparison with the size of the file; the short form is ``gte``."""

    model_config = _or_short("integer", "string")
    short_key = "gte"


class DurationComparison(QuantityComparison, Bounds[Duration]):
    """Comparison with a duration; the short form is ``gte``."""

    model_config = _or_short("number", "string")
    short_key = "gte"


class NumberOperators(Operators[Number, Numbers]):
    """The operators that compare numbers."""


class NumberComparison(QuantityComparison, NumberOperators):
    """Comparison with a number."""

    model_config = _or_short("integer", "array")


class BitRateComparison(QuantityComparison, Operators[Rate, Rates]):
    """Comparison with a bit rate."""

    model_config = _or_short("integer", "string", "array")


class PixelComparison(Comparison, Operators[Pixel, Pixels]):
    """Comparison with a width or height in pixels, or with a resolution class."""

    model_config = _or_short("integer", "string", "array")

    def holds(self, track: Track, pixels: int | None) -> bool:
        """Return whether it is true; a comparison with an unknown value is false."""
        if not pixels:
            return False
        name = units.resolution_of(track.width, track.height)
        rank = _CLASSES.index(name) if name else None
        return all(_fits(pixels, rank, key, value) for key, value in self.parts)


def _fits(pixels: int, rank: int | None, key: str, value: Any) -> bool:
    """Compare numbers with the pixels, and classes with the resolution class of the video."""
    if isinstance(value, tuple):
        known = rank is not None or not any(isinstance(item, str) for item in value)
        equal = any(_fits(pixels, rank, "is", item) for item in value)
        return known and equal == (key == "eq")
    if not isinstance(value, str):
        return satisfies(pixels, ((key, value),))
    return rank is not None and satisfies(rank, ((key, _CLASSES.index(value)),))


_CLASSES = list(units.RESOLUTIONS)


def satisfies(found: Any, parts: Sequence[tuple[str, Any]]) -> bool:
    """Return whether a value satisfies every comparison, given as operators and operands."""
    return all(_OPERATIONS[key](found, value) for key, value in parts)


def _one_of(found: Any, values: Any) -> bool:
    return found in values


def _none_of(found: Any, values: Any) -> bool:
    return found not in values


_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq,
    "eq": _one_of,
    "neq": _none_of,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
