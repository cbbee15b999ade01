"""The tokens of an expression, each with its position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from vpo.media import units

TokenKind = Literal["word", "value", "text", "sign", "end"]
Scalar = str | int | float | bool

KEYWORDS = ("and", "or", "not", "in", "true", "false")

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>-?\d[\w.]*)
    |(?P<word>[^\W\d][\w.:-]*)
    |(?P<sign>==|!=|<=|>=|[<>()\[\],])""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WORD = re.compile(r"[^\W\d][\w.:-]*")
_ESCAPED = re.compile(r"""\\(["'\\])""")
_MEANT = {"=": "==", "&": "and", "|": "or", "!": "not"}


class ExpressionError(ValueError):
    """A syntax error in an expression; ``offset`` is its position, counted from 0."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its text as ``written``, its value, and its position."""

    kind: TokenKind
    written: str
    value: Scalar
    offset: int


def tokens(expression: str) -> Iterator[Token]:
    """Yield all tokens of an expression and one for its end. Raises ``ExpressionError``."""
    offset = 0
    while offset < len(expression):
        found = _TOKEN.match(expression, offset)
        if found is None:
            raise ExpressionError(offset, _not_understood(expression[offset]))
        if found.lastgroup != "blank":
            yield _token(found)
        offset = found.end()
    yield Token("end", "", "", len(expression.rstrip()))


def _not_understood(char: str) -> str:
    if char in "\"'":
        return f"the text that begins with {char} is not closed"
    meant = f"; did you mean `{_MEANT[char]}`?" if char in _MEANT else ""
    return f"unexpected `{char}`{meant}"


def _token(found: re.Match[str]) -> Token:
    written, offset = found.group(), found.start()
    if found.lastgroup == "text":
        return Token("text", written, _ESCAPED.sub(r"\1", written[1:-1]), offset)
    if found.lastgroup == "number":
        return Token("value", written, _number(written, offset), offset)
    if written in ("true", "false"):
        return Token("value", written, written == "true", offset)
    return Token("sign" if found.lastgroup == "sign" else "word", written, written, offset)


def _number(written: str, offset: int) -> int | float | str:
    """Return a number, a size in bytes, a resolution, bit rate or duration."""
    if _PLAIN_NUMBER.fullmatch(written):
        return float(written) if "." in written else int(written)
    for parse in (units.size, units.resolution, _measure):
        try:
            return parse(written)
        except ValueError:
            continue
    known = "a size like 500MB, a bit rate like 5M, a resolution like 1080p"
    problem = f"`{written}` is neither a number, nor {known}; put text in quotes"
    raise ExpressionError(offset, problem)


def _measure(written: str) -> str:
    """Return a bit rate or a duration as it is written: ``5m`` may be either."""
    try:
        units.bitrate(written)
    except ValueError:
        units.duration(written)
    return written


def format_value(value: Scalar) -> str:
    """Return a value as an expression writes it; ``tokens`` reads it back."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return format(Decimal(repr(value)), "f")
    if _WORD.fullmatch(value) and value not in KEYWORDS:
        return value
    return quote(value)


def quote(text: str) -> str:
    """Return a text in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
