"""Row 4: 8 clips of different lengths from H.264 to HEVC, against ffmpeg with the same arguments.

Once as many at a time as vpo has workers, each with vpo's budget of threads; once one after the
other with as many threads as ffmpeg likes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.library import Vpo, run
from bench.table import Figure, seconds
from bench.timing import Cost, measure, turns, xargs

LENGTHS = (1, 2, 2, 3, 4, 5, 6, 9)
WORKERS = 2
ROUNDS = 3
POLICY = """
schema_version: 13
phases: [{name: encode, transcode: {video: {to: hevc, crf: 28, preset: ultrafast}}}]
"""
FFMPEG = ("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "{}", "-map", "0", "-c", "copy",
          "-c:v", "libx265", "-crf", "28", "-preset", "ultrafast")  # fmt: skip
BUDGET = ("-x265-params", "log-level=error:pools=1:frame-threads=1")
DEFAULT = ("-x265-params", "log-level=error")


def figures(folder: Path) -> Iterator[Figure]:
    clips, library, encoded = (folder / name for name in ("clips", "library", "encoded"))
    clips.mkdir()
    originals = [_clip(clips / f"{number}.mkv", n) for number, n in enumerate(LENGTHS)]
    vpo = Vpo(folder, POLICY)

    def by_vpo() -> Cost:
        _fill(library, originals)
        vpo.forget()
        return vpo("-w", str(WORKERS), library)

    def raw(workers: int, threads: tuple[str, ...]) -> Cost:
        shutil.rmtree(encoded, ignore_errors=True)
        encoded.mkdir()
        names = [Path(path.name) for path in originals]
        argv = (*FFMPEG, *threads, "../encoded/{}")
        return measure(xargs(names, workers, argv, folder / "listing"), cwd=clips)

    found = turns(
        {"vpo": by_vpo, "same": partial(raw, WORKERS, BUDGET), "serial": partial(raw, 1, DEFAULT)},
        ROUNDS,
    )
    vpo.must_comply(library, len(LENGTHS))
    for name, text, goal in (
        ("same", f"bare ffmpeg, {WORKERS} workers", 1.03),
        ("serial", "ffmpeg one after the other", 0.90),
    ):
        floor, cost = found[name].seconds, found["vpo"].seconds
        figure = f"H.264 to HEVC, {len(LENGTHS)} clips, {WORKERS} workers, against {text}"
        yield Figure("4", figure, seconds(floor), seconds(cost), cost / floor, goal)


def _clip(target: Path, length: int) -> Path:
    picture = f"testsrc2=size=1280x720:rate=25:duration={length},noise=alls=12:allf=t"
    run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture,
        "-f", "lavfi", "-i", f"sine=440:duration={length}", "-c:a", "aac",
        "-c:v", "libx264", "-preset", "veryfast", "-b:v", "6M", target)  # fmt: skip
    return target


def _fill(library: Path, originals: list[Path]) -> None:
    shutil.rmtree(library, ignore_errors=True)
    library.mkdir()
    for path in originals:
        shutil.copyfile(path, library / path.name)
