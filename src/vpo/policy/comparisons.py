"""The comparisons in filters of conditions, in every form that a policy may use.

A plain value is short for ``{eq: value}``; of several values, one match is enough.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence, Set
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
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
from vpo.policy.title_pattern import PathPattern, TitlePattern, pattern
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


def _not_in_all(parts: tuple[str, ...]) -> tuple[str, ...]:
    if "" in parts:
        raise ValueError(
            "an empty text is in every title; use `regex: '^$'` to find tracks without one"
        )
    return parts


TitleParts = Annotated[Names, AfterValidator(_not_in_all)]


def _holds_parts(
    text: str, contains: tuple[str, ...] | None, neq: tuple[str, ...] | None = None
) -> bool:
    """Return whether a text has one of some parts, and none of others, ignoring case."""
    if contains is None and neq is None:
        return True
    folded = text.casefold()
    if any(part.casefold() in folded for part in neq or ()):
        return False
    return contains is None or any(part.casefold() in folded for part in contains)


class TitleComparison(Comparison):
    """Comparison with a title, case-insensitive; the short form is ``contains``."""

    contains: TitleParts | None = Field(
        default=None, description="Contains this text, or one of these, case-insensitively."
    )
    neq: TitleParts | None = Field(default=None, description="Contains none of these.")
    word: TitleParts | None = Field(
        default=None, description="Contains this whole word, or one of these."
    )
    regex: Annotated[str, AfterValidator(pattern)] | None = Field(
        default=None,
        description=(
            "Regular expression to search for, case-insensitively, in the first 1000 characters. "
            "One that takes too long on a title (half a second of CPU time) is an error."
        ),
    )

    short_key = "contains"

    @cached_property
    def _pattern(self) -> TitlePattern | None:
        return TitlePattern(self.regex) if self.regex is not None else None

    @cached_property
    def _words(self) -> re.Pattern[str]:
        words = "|".join(map(re.escape, self.word or ()))
        return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)

    def holds(self, title: str) -> bool:
        if self.word is not None and not self._words.search(title):
            return False
        if self._pattern is not None and not self._pattern.matches(title):
            return False
        return _holds_parts(title, self.contains, self.neq)


def _path_part(parts: tuple[str, ...]) -> tuple[str, ...]:
    if "" in parts:
        raise ValueError("an empty text tells no path from another; name a part of the path")
    return parts


PathParts = Annotated[Names, AfterValidator(_path_part)]


class PathComparison(Comparison):
    """Comparison with the path of the file, case-insensitive; the short form is ``contains``."""

    contains: PathParts | None = Field(
        default=None, description="Contains this text, or one of these."
    )
    glob: PathParts | None = Field(
        default=None,
        description="Matches this pattern, or one of these; `*` is any text, also with slashes.",
    )
    regex: Annotated[str, AfterValidator(pattern)] | None = Field(
        default=None,
        description=(
            "Regular expression to search for, case-insensitively. "
            "One that takes too long on a path (half a second of CPU time) is an error."
        ),
    )

    short_key = "contains"

    @cached_property
    def _pattern(self) -> PathPattern | None:
        return PathPattern(self.regex) if self.regex is not None else None

    def holds(self, path: str) -> bool:
        if self._pattern is not None and not self._pattern.matches(path):
            return False
        if self.glob is not None and not _fits_any(path.casefold(), self.glob):
            return False
        return _holds_parts(path, self.contains)


def _fits_any(folded: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(folded, glob.casefold()) for glob in globs)


class ContainerComparison(Comparison):
    """Comparison with the container, by name or file extension."""

    eq: Containers | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Containers | None = Field(default=None, description="Equal to none of these.")

    def holds(self, container: str) -> bool:
        return satisfies(container, self.parts)


class SizeComparison(Comparison):
    """Comparison with the size of the file; the short form is ``gte``."""

    model_config = _or_short("integer", "string")
    short_key = "gte"

    gte: ByteSize | None = Field(default=None, description="At least this.")
    gt: ByteSize | None = Field(default=None, description="More than this.")
    lte: ByteSize | None = Field(default=None, description="At most this.")
    lt: ByteSize | None = Field(default=None, description="Less than this.")

    def holds(self, size: int) -> bool:
        return satisfies(size, self.parts)


class DurationComparison(Comparison):
    """Comparison with a duration; the short form is ``gte``."""

    model_config = _or_short("number", "string")
    short_key = "gte"

    gte: Duration | None = Field(default=None, description="At least this.")
    gt: Duration | None = Field(default=None, description="More than this.")
    lte: Duration | None = Field(default=None, description="At most this.")
    lt: Duration | None = Field(default=None, description="Less than this.")

    def holds(self, seconds: float | None) -> bool:
        """Return whether it is true; a comparison with an unknown value is false."""
        return seconds is not None and satisfies(seconds, self.parts)


class NumberOperators(Model):
    """The operators that compare numbers."""

    eq: Numbers | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Numbers | None = Field(default=None, description="Equal to none of these.")
    gte: Number | None = Field(default=None, description="At least this.")
    gt: Number | None = Field(default=None, description="More than this.")
    lte: Number | None = Field(default=None, description="At most this.")
    lt: Number | None = Field(default=None, description="Less than this.")


class NumberComparison(Comparison, NumberOperators):
    """Comparison with a number."""

    model_config = _or_short("integer", "array")

    def holds(self, number: int | None) -> bool:
        """Return whether it is true; a comparison with an unknown value is false."""
        return number is not None and satisfies(number, self.parts)


class BitRateComparison(Comparison):
    """Comparison with a bit rate."""

    model_config = _or_short("integer", "string", "array")

    eq: Rates | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Rates | None = Field(default=None, description="Equal to none of these.")
    gte: Rate | None = Field(default=None, description="At least this.")
    gt: Rate | None = Field(default=None, description="More than this.")
    lte: Rate | None = Field(default=None, description="At most this.")
    lt: Rate | None = Field(default=None, description="Less than this.")

    def holds(self, rate: int | None) -> bool:
        """Return whether it is true; a comparison with an unknown value is false."""
        return rate is not None and satisfies(rate, self.parts)


class PixelComparison(Comparison):
    """Comparison with a width or height in pixels, or with a resolution class."""

    model_config = _or_short("integer", "string", "array")

    eq: Pixels | None = Field(default=None, description="Equal to this, or to one of these.")
    neq: Pixels | None = Field(default=None, description="Equal to none of these.")
    gte: Pixel | None = Field(default=None, description="At least this.")
    gt: Pixel | None = Field(default=None, description="More than this.")
    lte: Pixel | None = Field(default=None, description="At most this.")
    lt: Pixel | None = Field(default=None, description="Less than this.")

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
