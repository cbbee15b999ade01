"""Prints tables as aligned text or CSV (RFC 4180)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from vpo.text import padded, printable, width


def table_lines(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0
) -> Iterator[str]:
    """Yield the head and the rows with aligned columns, the last ``right`` of them to the right."""
    cells = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        left = len(row) - right
        parts = [
            padded(cell, most) if number < left else " " * (most - width(cell)) + cell
            for number, (cell, most) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(parts).rstrip()


def write_csv(out: TextIO, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the ``head``, if it is not empty, and the rows; ``None`` is an empty cell.

    Control characters (but for line ends) and bytes that are not UTF-8 become escapes. A text that
    a spreadsheet would take for a formula gets an apostrophe in front.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    if head:
        writer.writerow(head)
    for row in rows:
        writer.writerow(["" if cell is None else _plain(cell) for cell in row])


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell begins with that spreadsheets compute, which a title could use to start programs."""


_QUOTED = "\t\r\n"
"""Control characters that CSV can hold and that do nothing to a terminal."""


def _plain(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    text = "".join(char if char in _QUOTED else printable(char) for char in cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
