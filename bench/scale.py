"""Growth up to a library of a million files: reading the folders, a run with nothing to do, memory.

The files are sparse and the database is filled for the purpose (see ``bench.seeding``). Takes
minutes and a million inodes, so that it is measured only when it is asked for.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.header_edits import POLICY
from bench.library import Vpo
from bench.plot import Line, Panel, plot
from bench.seeding import REPOSITORY, seed
from bench.table import Figure, seconds
from bench.timing import Cost, measure, turns

COUNTS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
ROUNDS = 3
MEGABYTE = 1_000_000
SCAN = """
import sys
from vpo.discover import Search, discover
assert discover(sys.argv[1:], Search(["mkv"], recursive=True)).candidates
"""
PICTURE = REPOSITORY / "docs" / "growth.svg"
CONTESTANTS = {"find": "find", "scan": "folders read", "vpo": "vpo process"}


def figures(folder: Path) -> Iterator[Figure]:
    found: dict[int, dict[str, Cost]] = {}
    for count in COUNTS:
        found[count] = costs = _measured(folder / str(count), count)
        yield _time(f"folders read, {count:,} files", costs["find"], costs["scan"])
        yield _time(f"nothing to do, {count:,} files", costs["find"], costs["vpo"])
        memory = costs["vpo"].memory / MEGABYTE
        name = f"peak memory, {count:,} files"
        yield Figure("scale", name, "", f"{memory:.0f} MB", memory, unit=" MB")
    PICTURE.write_text(_picture(found), "utf-8")


def _time(name: str, floor: Cost, cost: Cost) -> Figure:
    """Return the figure of a time as a multiple of find's."""
    ratio = cost.seconds / floor.seconds
    return Figure("scale", name, seconds(floor.seconds), seconds(cost.seconds), ratio)


def _measured(folder: Path, count: int) -> dict[str, Cost]:
    folder.mkdir()
    vpo = Vpo(folder, POLICY)
    library = folder / "library"
    seed(vpo.policy, library, count, Path(vpo.env["VPO_DATA_DIR"]))
    again = partial(vpo, "-R", library)
    again()  # which settles the database
    contestants = {
        "find": partial(measure, ("find", library, "-printf", r"%p %s %T@ %i\n")),
        "scan": partial(measure, (sys.executable, "-c", SCAN, library)),
        "vpo": again,
    }
    found = turns(contestants, ROUNDS)
    shutil.rmtree(folder)
    return found


def _picture(found: dict[int, dict[str, Cost]]) -> str:
    times = [
        Line(label, [(count, costs[name].seconds) for count, costs in found.items()], color)
        for color, (name, label) in enumerate(CONTESTANTS.items())
    ]
    memory = [(count, costs["vpo"].memory / MEGABYTE) for count, costs in found.items()]
    return plot(
        "A second run with nothing to do, by the number of files",
        [Panel("seconds", times), Panel("peak memory, MB", [Line("vpo process", memory, 2)])],
    )
