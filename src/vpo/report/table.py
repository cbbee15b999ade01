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

    Bytes that are not UTF-8 become escapes.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    if head:
        writer.writerow(head)
    for row in rows:
        writer.writerow(["" if cell is None else _plain(cell) for cell in row])


def _plain(cell: object) -> object:
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
