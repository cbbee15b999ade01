"""Row 3: a second run over 10,000 and 100,000 files where there is nothing to do, against find.

The files are sparse and the database has been filled for the purpose (see ``bench.seeding``): the
second run looks at names, sizes, times and inodes only, and these are real.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.header_edits import POLICY
from bench.library import Vpo
from bench.seeding import REPOSITORY, seed
from bench.table import Figure, seconds
from bench.timing import Cost, measure, turns

ROUNDS = 5
FEW, MANY = 10_000, 100_000
MEGABYTE = 1_000_000


def figures(folder: Path) -> Iterator[Figure]:
    few, many = (_contest(folder / str(count), count) for count in (FEW, MANY))
    for count, found, goal in ((FEW, few, 0.6), (MANY, many, None)):
        yield Figure(
            "3",
            f"nothing to do, {count:,} files, more than find",
            seconds(found["find"].seconds),
            seconds(found["vpo"].seconds),
            found["vpo"].seconds - found["find"].seconds,
            goal,
            unit=" s",
        )
    yield Figure(
        "3",
        f"growth from {FEW:,} to {MANY:,} files",
        seconds(few["vpo"].seconds),
        seconds(many["vpo"].seconds),
        many["vpo"].seconds / few["vpo"].seconds,
        MANY / FEW,
        unit=" times",
    )
    memory = many["vpo"].memory / MEGABYTE
    name = f"peak memory, {MANY:,} files"
    yield Figure("3", name, "", f"{memory:.0f} MB", memory, 150, unit=" MB")
    touched = _touched(folder / str(FEW))
    yield Figure("3", "media files opened and processes started", "0", str(touched), touched, 0)


def _contest(folder: Path, count: int) -> dict[str, Cost]:
    folder.mkdir()
    vpo = Vpo(folder, POLICY)
    library = folder / "library"
    seed(vpo.policy, library, count, Path(vpo.env["VPO_DATA_DIR"]))
    again = partial(vpo, "-R", library)
    again()  # which settles the database
    find = partial(measure, ("find", library, "-printf", r"%p %s %T@ %i\n"))
    return turns({"vpo": again, "find": find}, ROUNDS)


def _touched(folder: Path) -> int:
    vpo = Vpo(folder, POLICY)
    library = folder / "library"
    argv = [sys.executable, "-m", "bench.watched", library, *vpo.argv("-R", library)[1:]]
    env = {**os.environ, **vpo.env}
    said = subprocess.run(argv, env=env, cwd=REPOSITORY, capture_output=True, check=True).stdout
    return sum(int(word) for word in said.split())
