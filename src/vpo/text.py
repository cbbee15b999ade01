"""Text that is safe to print and lines up: names, numbers, columns.

A file can be called anything, and its name must not be able to steer the terminal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable


def printable(text: str) -> str:
    """The text with control characters and bytes that are not UTF-8 as escapes."""
    if text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def shown(path: str) -> str:
    """A path as a person wants to see it: relative to the current folder if it is below it."""
    try:
        here = os.getcwd()
    except OSError:  # the folder that we were started in has been removed
        return printable(path)
    if path.startswith(here + os.sep):
        path = path[len(here) + 1 :]
    return printable(path)


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    import unicodedata  # late: few names need it

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, columns: int) -> str:
    """The text with spaces behind it up to so many columns."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """The text, or as much of its beginning as fits into so many columns, and ``…``."""
    if width(text) <= columns:
        return text
    room = columns - 1
    for end, char in enumerate(text):
        room -= _columns(char)
        if room < 0:
            return text[:end] + "…"
    return text


def suggestion(word: object, names: Iterable[str]) -> str:
    """Return the end of a message: the name that was probably meant, else all valid names."""
    from difflib import get_close_matches  # late: only wrong names need it

    known = list(names)
    close = get_close_matches(str(word).lower(), known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known: {', '.join(known)}" if known else ""
