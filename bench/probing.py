"""Row 5: probing 500 files, against ffprobe: by ``vpo scan``, which indexes them, and by a dry run
whose policy wants no changes.

The whole command is measured, with its start; the dry run also reads a policy and evaluates it.
ffprobe's rate is measured on the first 100 files: it has no start to share among more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.header_edits import POLICY
from bench.library import VPO, Vpo, copies, small
from bench.table import Figure
from bench.timing import Cost, measure, turns, xargs

COUNT = 500
FEW = 100
ROUNDS = 3
FFPROBE = ("ffprobe", "-v", "error", "-show_streams", "-show_format", "-show_chapters",
           "-of", "json", "{}")  # fmt: skip


def figures(folder: Path) -> Iterator[Figure]:
    vpo = Vpo(folder, POLICY)
    complying = folder / "complying"
    copies(small(folder / "original.mkv"), complying, 1)
    vpo(complying)
    files = copies(complying / "0000.mkv", folder / "library", COUNT)
    for workers in (1, 2):
        bare = xargs(files[:FEW], workers, FFPROBE, folder / "listing")
        some = ("-w", str(workers), folder / "library")
        found = turns(
            {
                "vpo scan": partial(_scan, vpo, *some),
                "a dry run": partial(vpo, "-n", *some),
                "ffprobe": partial(measure, bare),
            },
            ROUNDS,
        )
        floor = FEW / found["ffprobe"].seconds
        for name, goal in (("vpo scan", 15), ("a dry run", None)):
            rate = COUNT / found[name].seconds
            yield Figure(
                "5",
                f"{COUNT} files probed by {name}, {workers} worker{'s' * (workers > 1)}, "
                "against ffprobe",
                f"{floor:.0f} files/s",
                f"{rate:.0f} files/s",
                rate / floor,
                goal,
                "≥",
            )


def _scan(vpo: Vpo, *args: str | Path) -> Cost:
    vpo.forget()
    return measure([VPO, "scan", *args], vpo.env)
