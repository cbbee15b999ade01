"""The forecast after a fifth of the time, against the real end, for batches of mixed work.

Rewrites of three sizes among header edits, none of them known beforehand. In the first run the
database is empty, too; the second run, over fresh copies, has the outcomes of the first.

Then transcodes of films whose size does not predict their duration: long ones with a low bit rate
and short ones with a high one, scanned before, with an earlier run in the database.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.library import VPO, Vpo, run, source
from bench.table import Figure, seconds
from bench.timing import measure

POLICY = """
schema_version: 13
config: {audio_languages: [eng]}
phases: [{name: english, keep_audio: {languages: [eng]}, default_flags: {}}]
"""
SIZES = {20: 20, 10: 30, 3: 60}
"""How many copies there are of the film of so many seconds."""
EDITS = 50
ENCODE = """
schema_version: 13
phases: [{name: encode, transcode: {video: {to: hevc, crf: 40, preset: ultrafast}}}]
"""
FILMS = ((12, "", "200k", 8), (2, ",noise=alls=40:allf=t", "30M", 16))
"""Seconds, a filter, a bit rate, and how many copies there are."""
GOAL = 0.25
PART = 0.2


def figures(folder: Path) -> Iterator[Figure]:
    films = [(_film(folder / f"{length}.mkv", length), count) for length, count in SIZES.items()]
    edited = folder / "edited.mkv"
    run("mkvmerge", "-q", "-o", edited, "--audio-tracks", "3", films[1][0])
    films.append((edited, EDITS))
    vpo = Vpo(folder, POLICY)
    for name in ("nothing on record", "an earlier run on record"):
        _fill(folder / "library", films)
        yield _figure(name, _observe(vpo, folder / "library"))
    encoding = Vpo(folder, ENCODE)
    films = [
        (_clip(folder / f"{length}s.mkv", length, grain, rate), count)
        for length, grain, rate, count in FILMS
    ]
    for record in (False, True):
        _fill(folder / "library", films)
        measure([VPO, "scan", folder / "library"], encoding.env)
        found = _observe(encoding, folder / "library")
        if record:
            yield _figure("transcodes, scanned, an earlier run on record", found)


def _figure(name: str, found: tuple[float, float, float]) -> Figure:
    off, total, expected = found
    return Figure(
        "eta",
        f"expected end after a fifth of the time, off by this part of it, {name}",
        seconds(total),
        seconds(expected),
        off,
        GOAL,
    )


def _clip(target: Path, length: int, grain: str, rate: str) -> Path:
    picture = f"testsrc2=size=640x360:rate=25:duration={length}{grain}"
    run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture,
        "-c:v", "libx264", "-preset", "ultrafast", "-b:v", rate, target)  # fmt: skip
    return target


def _film(target: Path, length: int) -> Path:
    return source(target, length, ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "19M"))


def _fill(library: Path, films: list[tuple[Path, int]]) -> None:
    shutil.rmtree(library, ignore_errors=True)
    library.mkdir()
    for film, count in films:
        for number in range(count):
            shutil.copyfile(film, library / f"{number:03} {film.name}")
    os.sync()


def _observe(vpo: Vpo, library: Path) -> tuple[float, float, float]:
    """Return the error as a fraction of the whole time, that time, and the forecast.

    The time is that of the work: from the first file begun to the last one done.
    """
    argv = [word for word in vpo.argv("-w", "2", "--format", "jsonl", library) if word != "-q"]
    said: list[tuple[float, float | None]] = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **vpo.env}) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "progress":
                said.append((time.monotonic(), event["eta_seconds"]))
    if process.returncode != 0:
        raise RuntimeError(f"vpo ended with exit status {process.returncode}")
    began, end = said[0][0], said[-1][0]
    total = end - began
    now, eta = [row for row in said if row[0] <= began + PART * total][-1]
    if eta is None:
        raise RuntimeError("nothing was expected yet after a fifth of the time")
    expected = now + eta - began
    return abs(expected - total) / total, total, expected
