"""Row 5: looking at 500 files, by a dry run whose policy wants nothing of them, against ffprobe.

The whole command is measured, with its start, the reading of the policy and the evaluation.
ffprobe's rate is measured on the first 100 files: it has no start to share among more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.header_edits import POLICY
from bench.library import Vpo, copies, small
from bench.table import Figure
from bench.timing import measure, turns, xargs

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
        dry_run = ("-n", "-w", str(workers), folder / "library")
        found = turns({"vpo": partial(vpo, *dry_run), "ffprobe": partial(measure, bare)}, ROUNDS)
        rates = {
            "vpo": COUNT / found["vpo"].seconds,
            "ffprobe": FEW / found["ffprobe"].seconds,
        }
        yield Figure(
            "5",
            f"probing {COUNT} files, {workers} worker{'s' * (workers > 1)}, against ffprobe",
            f"{rates['ffprobe']:.0f} files/s",
            f"{rates['vpo']:.0f} files/s",
            rates["vpo"] / rates["ffprobe"],
            15,
            "≥",
        )
