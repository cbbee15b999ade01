"""A reader of the tokens of an expression, and the parsed parts with their positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vpo.policy.rules.tokens import ExpressionError, Token


@dataclass
class Parsed:
    """A parsed part of an expression: its mapping, its offset, and its own parts."""

    data: Any
    offset: int
    parts: Mapping[str | int, Parsed] = field(default_factory=dict)

    def offset_of(self, path: tuple[str | int, ...]) -> int:
        """Return the offset of the part at this path; unknown keys in the path are ignored."""
        found = self
        for part in path:
            found = found.parts.get(part, found)
        return found.offset


def mapping(offset: int, parts: Mapping[str | int, Parsed]) -> Parsed:
    """Return a mapping of these parts."""
    return Parsed({key: part.data for key, part in parts.items()}, offset, parts)


def sequence(offset: int, items: list[Parsed]) -> Parsed:
    """Return a list of these items."""
    return Parsed([item.data for item in items], offset, dict(enumerate(items)))


class TokenReader:
    """Reads tokens one by one; ``token`` is the next one."""

    def __init__(self, found: Iterator[Token]) -> None:
        self._rest = found
        self.token = next(found)

    def _list(self) -> Parsed:
        start = self.token
        self._expect("[")
        items = [self._value()]
        while self._separated():
            items.append(self._value())
        self._expect("]")
        return sequence(start.offset, items)

    def _value(self) -> Parsed:
        token = self.token
        word = token.kind == "word" and token.written not in ("and", "or", "not", "in")
        if token.kind not in ("value", "text") and not word:
            raise self.unexpected("a value")
        self._take()
        return Parsed(token.value, token.offset)

    def _separated(self) -> bool:
        if not self._at(","):
            return False
        self._take()
        return True

    def _at(self, written: str) -> bool:
        return self.token.written == written and self.token.kind in ("word", "sign")

    def _take(self) -> Token:
        token = self.token
        self.token = next(self._rest)
        return token

    def _expect(self, written: str) -> None:
        if not self._at(written):
            raise self.unexpected(f"`{written}`")
        self._take()

    def unexpected(self, wanted: str) -> ExpressionError:
        """Return the error for a token that is not the wanted one."""
        found = f"`{self.token.written}`" if self.token.kind != "end" else "the end"
        return ExpressionError(self.token.offset, f"expected {wanted}, not {found}")
