"""``python -m bench [ROW ...]``: measure these rows, or all and write RESULTS.md.

``scale`` is measured only by itself, and writes GROWTH.md and a picture.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from bench.library import install
from bench.table import Figure, page, render

ROWS = {
    "1": "bench.header_edits",
    "2": "bench.rewrite",
    "3": "bench.known",
    "4": "bench.transcode",
    "5": "bench.probing",
    "6": "bench.start",
    "7": "bench.dispatch",
    "8": "bench.serving",
    "cluster": "bench.cluster",
    "eta": "bench.expected",
    "evaluation": "bench.evaluation",
    "scale": "bench.scale",
}
ALONE = "scale"
"""Takes too long to be one of all rows; has a page of its own."""
RESULTS = Path(__file__).with_name("RESULTS.md")
GROWTH = Path(__file__).with_name("GROWTH.md")


def measure_row(row: str) -> list[Figure]:
    """Yield the figures of one row, measured in a temporary folder."""
    began = time.monotonic()
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="vpo-bench-") as folder:
        for figure in import_module(ROWS[row]).figures(Path(folder)):
            print(*figure.cells(), sep=" · ", flush=True)
            found.append(figure)
    print(f"row {row} took {time.monotonic() - began:.0f} s\n", flush=True)
    return found


def main(rows: list[str]) -> int:
    unknown = [row for row in rows if row not in ROWS]
    if unknown:
        print(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    install()
    wanted = rows or [row for row in ROWS if row != ALONE]
    found = [figure for row in wanted for figure in measure_row(row)]
    print(render(found))
    if not rows:
        RESULTS.write_text(page("Results", found, load), "utf-8")
    elif rows == [ALONE]:
        GROWTH.write_text(page("Growth", found, load), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
