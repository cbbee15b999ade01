"""Tables for people, and the same as CSV (RFC 4180) for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from vpo.text import padded, printable, width


def lines(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> Iterator[str]:
    """The rows under their headings; the last ``right`` columns are numbers, and end in line."""
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
    """One record a line, behind the ``head`` if there is one.

    Bytes of names that are not UTF-8 become escapes, as everywhere.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    if head:
        writer.writerow(head)
    for row in rows:
        writer.writerow(["" if cell is None else _plain(cell) for cell in row])


def _plain(cell: object) -> object:
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
