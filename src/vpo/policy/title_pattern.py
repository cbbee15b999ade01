"""Regular expressions of policies, for titles and paths that anybody may have written.

``re`` may backtrack for hours over forty letters, and then hears no signal. ``regex`` has the same
syntax and a time limit. It is imported only for expressions that repeat something.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from vpo.errors import PlanError

LONGEST_TITLE = 1000
"""Characters of a title that are searched; the rest is cut off."""
_SECONDS = 0.5
"""CPU time for one title, a thousand times what usual expressions need."""
_REPEATING = frozenset("*+?{")
_REMEMBERED = 1024
"""Titles whose result is kept: each file is evaluated several times, and titles are alike."""


class TitlePattern:
    """Expressions, one of which a title must match somewhere, case-insensitively."""

    _noun = "title"
    _longest: int | None = LONGEST_TITLE

    def __init__(self, *expressions: str) -> None:
        self._expressions = expressions
        self._compiled: list[Callable[[str], object]] | None = None
        self._remembered = lru_cache(_REMEMBERED)(self._search)

    def __reduce__(self) -> tuple[type[TitlePattern], tuple[str, ...]]:
        return type(self), self._expressions

    def matches(self, text: str) -> bool:
        """Return whether it matches; ``PlanError`` if that cannot be found out in time."""
        return self._remembered(text[: self._longest])

    def _search(self, searched: str) -> bool:
        if self._compiled is None:
            self._compiled = [compiled(text) for text in self._expressions]
        try:
            return any(search(searched) for search in self._compiled)
        except TimeoutError:
            shown = " or ".join(f"`{text}`" for text in self._expressions)
            raise PlanError(
                f"the policy's regular expression {shown} takes too long on the {self._noun} "
                f"{searched!r}; write it without a repetition within a repetition"
            ) from None


class PathPattern(TitlePattern):
    """Expressions, one of which a path must match somewhere; its end tells most, so no cut."""

    _noun = "path"
    _longest = None


def pattern(text: str) -> str:
    """Return the text if it is a regular expression; ``ValueError`` otherwise."""
    compiled(text)
    return text


def compiled(expression: str) -> Callable[[str], object]:
    """Return a search for the expression, which may raise ``TimeoutError``.

    Raises ``ValueError`` for one that is none.
    """
    if _is_plain(expression):
        import re

        try:
            return re.compile(expression, re.IGNORECASE).search
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
    import regex

    try:
        return partial(regex.compile(expression, regex.IGNORECASE).search, timeout=_SECONDS)
    except regex.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


def _is_plain(expression: str) -> bool:
    """Whether the expression repeats nothing, so that no title makes it slow."""
    return _REPEATING.isdisjoint(expression)
