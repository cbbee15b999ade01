"""Text for output: safe file names, counts, sizes, bit rates and times, and column widths.

A file can have any name, and no name may send control sequences to the terminal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def printable(text: str) -> str:
    """Return the text with control characters and bytes that are not UTF-8 as escapes."""
    if text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def display_path(path: str) -> str:
    """Return a printable path, relative to the current folder if it is below it."""
    try:
        here = os.getcwd()
    except OSError:  # the current folder was removed
        return printable(path)
    if path.startswith(here + os.sep):
        path = path[len(here) + 1 :]
    return printable(path)


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: ``1 file``, ``2 files``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def format_size(size: float) -> str:
    """Return a size in bytes with three significant digits and a decimal unit: ``1.00 MB``."""
    power = 0
    while size >= 999.5 and power < len(_SIZE_UNITS) - 1:
        size, power = size / 1000, power + 1
    decimals = 0 if power == 0 or size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{size:.{decimals}f} {_SIZE_UNITS[power]}"


def saved_text(saved: int) -> str:
    """Return by how many bytes files became smaller: ``1.00 MB less``, or ``more``."""
    return f"{format_size(abs(saved))} {'less' if saved >= 0 else 'more'}"


def format_bit_rate(rate: float) -> str:
    """Return a bit rate in bits per second as ``640 kb/s`` or ``4.2 Mb/s``."""
    return f"{rate / 1000:.0f} kb/s" if rate < 999_500 else f"{rate / 1_000_000:.1f} Mb/s"


def format_seconds(seconds: float) -> str:
    """Return a number of seconds, as in a configuration file: ``1.5 s``, ``3000000 s``."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"


def format_time(seconds: float, decimals: int = 0) -> str:
    """Return a duration, or a position in a film, as ``1:02:03`` (``1:02:03.5`` with decimals)."""
    scale = 10**decimals
    whole, part = divmod(round(seconds * scale), scale)
    hours, rest = divmod(whole, 3600)
    fraction = f".{part:0{decimals}}" if decimals else ""
    return f"{hours:,}:{rest // 60:02}:{rest % 60:02}{fraction}"


def width(text: str) -> int:
    """Return how many terminal columns the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    import unicodedata  # imported late: few names need it

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, columns: int) -> str:
    """Return the text, padded with spaces to this many columns."""
    return text + " " * (columns - width(text))


def truncated(text: str, columns: int) -> str:
    """Return the text, truncated with ``…`` if it is wider than this many columns."""
    if width(text) <= columns:
        return text
    left = columns - 1
    for end, char in enumerate(text):
        left -= _columns(char)
        if left < 0:
            return text[:end] + "…"
    return text


def suggestion(word: object, names: Iterable[str]) -> str:
    """Return the end of an error message: the closest valid name, or else all of them."""
    from difflib import get_close_matches  # imported late: only wrong names need it

    known = list(names)
    close = get_close_matches(str(word).lower(), known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known: {', '.join(known)}" if known else ""
