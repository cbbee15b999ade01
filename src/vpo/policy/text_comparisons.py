"""The comparisons of texts in filters and conditions: titles of tracks, the path of the file."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field

from vpo.policy.comparisons import Comparison
from vpo.policy.field_types import Names
from vpo.policy.title_pattern import PathPattern, TitlePattern, pattern


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
