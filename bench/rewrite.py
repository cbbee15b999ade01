"""Row 2: one rewrite of 20 Matroska files of 50 MB, which four phases ask for, against mkvmerge.

The bare mkvmerge knows what to do and writes beside the library: it verifies nothing, syncs nothing
and replaces nothing. How much a run writes is what its processes made dirty in the cache.

Virtual machines may give memory that is free back to their host after some seconds, and get it back
page by page, which costs more than what is written into it. So both begin when that has happened:
what the copies of the round before have left would be a present for whoever comes early.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.library import Vpo, copies, large
from bench.table import Figure, seconds
from bench.timing import Cost, measure, turns, xargs

COUNT = 20
ROUNDS = 2
SETTLE_SECONDS = 10.0
POLICY = """
schema_version: 13
config: {audio_languages: [eng]}
phases:
  - {name: filter, keep_audio: {languages: [eng]}}
  - {name: order, track_order: [video, audio_main, subtitle_main]}
  - {name: flags, default_flags: {}}
  - {name: titles, audio_actions: {clear_all_titles: true}}
"""
MKVMERGE = ("mkvmerge", "-q", "-o", "../merged/{}", "--audio-tracks", "3",
            "--default-track-flag", "1:1", "--default-track-flag", "3:1",
            "--default-track-flag", "0:0", "--track-name", "3:",
            "{}", "--track-order", "0:1,0:3,0:0")  # fmt: skip


def figures(folder: Path) -> Iterator[Figure]:
    original = large(folder / "original.mkv")
    library, merged = folder / "library", folder / "merged"
    vpo = Vpo(folder, POLICY)

    def fresh() -> list[Path]:
        files = copies(original, library, COUNT)
        time.sleep(SETTLE_SECONDS)
        return files

    def by_vpo(workers: int) -> Cost:
        shutil.rmtree(merged, ignore_errors=True)
        fresh()
        vpo.forget()
        return vpo("-w", str(workers), library)

    def bare(workers: int) -> Cost:
        shutil.rmtree(merged, ignore_errors=True)
        merged.mkdir()
        names = [Path(path.name) for path in fresh()]
        return measure(xargs(names, workers, MKVMERGE, folder / "listing"), cwd=library)

    for workers in (1, 2):
        found = turns({"vpo": partial(by_vpo, workers), "bare": partial(bare, workers)}, ROUNDS)
        vpo.must_comply(merged, COUNT)
        floor, cost = found["bare"], found["vpo"]
        yield Figure(
            "2",
            f"one rewrite for four phases, {workers} worker{'s' * (workers > 1)}, against mkvmerge",
            seconds(floor.seconds),
            seconds(cost.seconds),
            cost.seconds / floor.seconds,
            1.10,
        )
    size = sum(path.stat().st_size for path in merged.iterdir())
    yield Figure(
        "2",
        "bytes written, against the size of the output",
        f"{size / 1e6:.0f} MB",
        f"{cost.written / 1e6:.0f} MB",
        cost.written / size,
        1.02,
    )
