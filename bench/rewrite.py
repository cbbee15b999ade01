"""Row 2: one rewrite of 20 Matroska files of 50 MB, which four phases ask for, against mkvmerge.

The bare mkvmerge knows what to do and writes beside the library: it verifies nothing, syncs nothing
and replaces nothing. The careful script is what somebody would write who wants to be sure:
mkvmerge, then ffmpeg's hashes of the streams of both files, and a comparison. vpo runs with both of
its proofs. How much a run writes is what its processes made dirty in the cache.

Processor time is that of all processes: on a machine that others use, too, it says more than the
time on the clock.

Virtual machines may give memory that is free back to their host after some seconds, and get it back
page by page, which costs more than what is written into it. So both begin when that has happened:
what the copies of the round before have left would be a present for whoever comes early.
"""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from bench.library import Vpo, copies, large
from bench.table import Figure, seconds
from bench.timing import Argv, Cost, measure, turns, xargs

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
HASHES = "ffmpeg -nostdin -v error -i {} {} -c copy -f streamhash"
KEPT = "-map 0:1 -map 0:3 -map 0:0"
CAREFUL = " && ".join(
    (
        shlex.join(MKVMERGE),
        f"{HASHES.format('{}', KEPT)} - > ../merged/{{}}.source",
        f"{HASHES.format('../merged/{}', '-map 0')} - > ../merged/{{}}.result",
        "cmp -s ../merged/{}.source ../merged/{}.result",
        "rm ../merged/{}.source ../merged/{}.result",
    )
)
GOALS = (("quick", "bare", 1.10), ("full", "bare", 1.60), ("full", "careful", 0.60))
FLOORS = {"bare": "mkvmerge", "careful": "mkvmerge and streamhash of both files"}


def figures(folder: Path) -> Iterator[Figure]:
    race = _Race(folder)
    for workers in (1, 2):
        found = turns(race.contestants(workers), ROUNDS)
        race.check()
        for mode, floor, goal in GOALS:
            yield _time(mode, floor, goal, workers, found)
        for mode, floor, _ in GOALS:
            yield _processor_time(mode, floor, workers, found)
    size = sum(path.stat().st_size for path in race.merged.iterdir())
    cost = found["full"]
    yield Figure(
        "2",
        "bytes written, against the size of the output",
        f"{size / 1e6:.0f} MB",
        f"{cost.written / 1e6:.0f} MB",
        cost.written / size,
        1.02,
    )


class _Race:
    """The contestants, each of which begins with new copies of the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._original = large(folder / "original.mkv")
        self._library, self.merged = folder / "library", folder / "merged"
        self._vpo = Vpo(folder, POLICY)

    def contestants(self, workers: int) -> dict[str, Callable[[], Cost]]:
        return {
            "bare": partial(self._script, MKVMERGE, workers),
            "full": partial(self._rewrite, "full", workers),
            "quick": partial(self._rewrite, "quick", workers),
            "careful": partial(self._script, ("sh", "-c", CAREFUL), workers),
        }

    def check(self) -> None:
        """Check that the scripts have written what the policy asks for."""
        self._vpo.must_comply(self.merged, COUNT)

    def _fresh(self) -> list[Path]:
        shutil.rmtree(self.merged, ignore_errors=True)
        files = copies(self._original, self._library, COUNT)
        time.sleep(SETTLE_SECONDS)
        return files

    def _rewrite(self, mode: str, workers: int) -> Cost:
        self._fresh()
        self._vpo.forget()
        self._vpo.configure(f'[files]\nverify = "{mode}"\n')
        return self._vpo("-w", str(workers), self._library)

    def _script(self, argv: Argv, workers: int) -> Cost:
        names = [Path(path.name) for path in self._fresh()]
        self.merged.mkdir()
        command = xargs(names, workers, argv, self._folder / "listing")
        return measure(command, cwd=self._library)


def _time(mode: str, floor: str, goal: float, workers: int, found: Mapping[str, Cost]) -> Figure:
    ours, theirs = found[mode].seconds, found[floor].seconds
    name = f"{_name(mode, workers)}, against {FLOORS[floor]}"
    return Figure("2", name, seconds(theirs), seconds(ours), ours / theirs, goal)


def _processor_time(mode: str, floor: str, workers: int, found: Mapping[str, Cost]) -> Figure:
    ours, theirs = found[mode].processor, found[floor].processor
    name = f"processor time of {_name(mode, workers)}, against {FLOORS[floor]}"
    return Figure("2", name, seconds(theirs), seconds(ours), ours / theirs)


def _name(mode: str, workers: int) -> str:
    return f"one rewrite for four phases, {mode} proof, {workers} worker{'s' * (workers > 1)}"
