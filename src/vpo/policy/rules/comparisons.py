"""What the filters of conditions compare with, in every form in which a policy says it.

A plain value is short for ``{eq: value}``; of several values one is enough.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.media import units
from vpo.media.codecs import canonical, matches
from vpo.media.languages import primary
from vpo.media.model import Attachment, Track
from vpo.policy.operation import Model, pattern
from vpo.policy.phase_conditions import Names, listed

OPERATORS = {"eq": "==", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
"""The operators of mappings, and how an expression writes them."""


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"`{value}` is not a whole number")
    return value


def _pixels(value: Any) -> Any:
    return units.resolution(value) if isinstance(value, str) else _number(value)


_INTEGER: JsonSchemaValue = {"type": "integer"}
_PIXELS: JsonSchemaValue = {"type": ["integer", "string"]}

Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema(_INTEGER)]
Numbers = Annotated[
    tuple[Number, ...],
    Field(min_length=1),
    BeforeValidator(listed),
    WithJsonSchema({"type": ["integer", "array"], "items": _INTEGER}),
]
Pixel = Annotated[Any, BeforeValidator(_pixels), WithJsonSchema(_PIXELS)]
Pixels = Annotated[
    tuple[Pixel, ...],
    Field(min_length=1),
    BeforeValidator(listed),
    WithJsonSchema({"type": ["integer", "string", "array"], "items": _PIXELS}),
]


class Comparison(Model):
    """Comparisons with one fact, all of which must hold."""

    short: ClassVar[tuple[str, ...]] = ("string", "array")
    """The JSON types of the short form."""
    short_key: ClassVar[str] = "eq"
    """The operator that the short form stands for."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        short = isinstance(data, str | int | float | list | tuple)
        return {cls.short_key: data} if short else data

    @model_validator(mode="after")
    def _not_empty(self) -> Comparison:
        if not self.parts:
            raise ValueError(f"there is nothing to compare with; known: {', '.join(self._known)}")
        return self

    @property
    def _known(self) -> list[str]:
        return list(type(self).model_fields)

    @cached_property
    def parts(self) -> tuple[tuple[str, Any], ...]:
        """The operators that are stated, each with its value."""
        return tuple(self.given())

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        handler.resolve_ref_schema(found)["type"] = ["object", *cls.short]
        return found


class Named(Comparison):
    """One of these names, or none of them."""

    eq: Names | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Names | None = Field(default=None, description="Equal to none of these.")


class Languages(Named):
    """Names that are compared as languages."""

    @cached_property
    def _primaries(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(map(primary, self.eq or ())), frozenset(map(primary, self.neq or ()))

    def holds(self, language: str | None) -> bool:
        wanted, unwanted = self._primaries
        found = primary(language)
        return found not in unwanted and (not wanted or found in wanted)


class Codecs(Named):
    """Names that are compared as codecs, with their aliases and profiles."""

    def holds(self, item: Track | Attachment) -> bool:
        if any(_in_codec(item, name) for name in self.neq or ()):
            return False
        return self.eq is None or any(_in_codec(item, name) for name in self.eq)


def _in_codec(item: Track | Attachment, name: str) -> bool:
    if isinstance(item, Track):
        return matches(item, name)
    return canonical(item.codec or "") == canonical(name)


def _not_in_all(parts: tuple[str, ...]) -> tuple[str, ...]:
    if "" in parts:
        raise ValueError("an empty text is in every title; `regex: '^$'` finds tracks without one")
    return parts


Parts = Annotated[Names, AfterValidator(_not_in_all)]


class Title(Comparison):
    """What is found in a title, in capitals or not; the short form is ``contains``."""

    contains: Parts | None = Field(
        default=None,
        description="It has this text, or one of these, in it, in upper or lower case.",
    )
    neq: Parts | None = Field(default=None, description="It has none of these in it.")
    regex: Annotated[str, AfterValidator(pattern)] | None = Field(
        default=None,
        description="A regular expression that it fits somewhere, in upper or lower case.",
    )

    short_key = "contains"

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return re.compile(self.regex, re.IGNORECASE) if self.regex is not None else None

    def holds(self, title: str) -> bool:
        folded = title.casefold()
        if self._pattern is not None and not self._pattern.search(title):
            return False
        if any(part.casefold() in folded for part in self.neq or ()):
            return False
        return self.contains is None or any(part.casefold() in folded for part in self.contains)


class Quantity(Comparison):
    """A number, or what it is compared with."""

    short = ("integer", "array")

    eq: Numbers | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Numbers | None = Field(default=None, description="Equal to none of these.")
    gte: Number | None = Field(default=None, description="At least this.")
    gt: Number | None = Field(default=None, description="More than this.")
    lte: Number | None = Field(default=None, description="At most this.")
    lt: Number | None = Field(default=None, description="Less than this.")

    def holds(self, number: int | None) -> bool:
        """What is not known fulfils no comparison."""
        return number is not None and fulfils(number, self.parts)


class Extent(Comparison):
    """A width or height in pixels, or the class of the picture, whichever the policy names."""

    short = ("integer", "string", "array")

    eq: Pixels | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Pixels | None = Field(default=None, description="Equal to none of these.")
    gte: Pixel | None = Field(default=None, description="At least this.")
    gt: Pixel | None = Field(default=None, description="More than this.")
    lte: Pixel | None = Field(default=None, description="At most this.")
    lt: Pixel | None = Field(default=None, description="Less than this.")

    def holds(self, track: Track, pixels: int | None) -> bool:
        """What is not known fulfils no comparison."""
        if not pixels:
            return False
        name = units.resolution_of(track.width, track.height)
        place = _CLASSES.index(name) if name else None
        return all(_fits(pixels, place, key, value) for key, value in self.parts)


def _fits(pixels: int, place: int | None, key: str, value: Any) -> bool:
    """Numbers are compared with the pixels, classes with the place of the picture's class."""
    if isinstance(value, tuple):
        known = place is not None or not any(isinstance(item, str) for item in value)
        equal = any(_fits(pixels, place, "is", item) for item in value)
        return known and equal == (key == "eq")
    if not isinstance(value, str):
        return fulfils(pixels, ((key, value),))
    return place is not None and fulfils(place, ((key, _CLASSES.index(value)),))


_CLASSES = list(units.RESOLUTIONS)


def fulfils(found: Any, parts: Sequence[tuple[str, Any]]) -> bool:
    """Whether a value fulfils every comparison, given by operator and what stands behind it."""
    return all(_FULFILS[key](found, value) for key, value in parts)


_FULFILS: dict[str, Any] = {
    "is": lambda found, value: found == value,
    "eq": lambda found, values: found in values,
    "neq": lambda found, values: found not in values,
    "lt": lambda found, value: found < value,
    "lte": lambda found, value: found <= value,
    "gt": lambda found, value: found > value,
    "gte": lambda found, value: found >= value,
}
