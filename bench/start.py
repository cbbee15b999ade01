"""Row 6: the time to start and report that one file complies, as recorded by an earlier run.

A second run on one file is what a download client or a scheduler asks for, again and again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.header_edits import POLICY
from bench.library import VPO, Vpo, copies, small
from bench.table import Figure, seconds
from bench.timing import measure, turns

ROUNDS = 30


def figures(folder: Path) -> Iterator[Figure]:
    vpo = Vpo(folder, POLICY)
    (file,) = copies(small(folder / "original.mkv"), folder / "library", 1)
    vpo(file)
    found = turns(
        {
            "version": lambda: measure((VPO, "--version")),
            "python": lambda: measure((sys.executable, "-c", "pass")),
            "known": lambda: vpo(file),
            "ffprobe": lambda: measure(("ffprobe", "-v", "error", "-show_streams", file)),
        },
        ROUNDS,
    )
    for name, vpo_, floor, goal in (
        ("vpo --version, against python -c pass", "version", "python", 4),
        ("vpo process on a file that complies, against ffprobe", "known", "ffprobe", 1.5),
    ):
        cost, least = found[vpo_].seconds, found[floor].seconds
        yield Figure("6", name, seconds(least), seconds(cost), cost / least, goal)
