"""The table of ``docs/reliability.md``: the result of each drill when it was last run in full."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from drill.bench import ROOT, Bench

PAGE = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- drills: begin -->", "<!-- drills: end -->"
HEAD = """\
| Drill | Tried | Survived | Lost | Date | Remarks |
| --- | ---: | ---: | ---: | --- | --- |
"""
_NAME = re.compile(r"^\| (.+?) \|")


def row(name: str, bench: Bench, date: str) -> str:
    """Return a line of the table."""
    remarks = [*bench.remarks, *(f"skipped: {reason}" for reason in bench.skipped)]
    said = "; ".join(" ".join(text.split()) for text in remarks).replace("|", "/")
    return f"| {name} | {bench.tried} | {bench.survived} | {len(bench.lost)} | {date} | {said} |"


def update(rows: Mapping[str, str], order: Sequence[str], page: Path = PAGE) -> None:
    """Replace the rows of these drills in the page."""
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {**dict(_rows(table.splitlines())), **rows}
    lines = "".join(f"{known[name]}\n" for name in order if name in known)
    page.write_text(f"{before}{BEGIN}\n{HEAD}{lines}{END}{after}", "utf-8")


def _rows(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        found = _NAME.match(line)
        if found:
            yield found[1], line
