"""Rows 1 and 1b: 100 files of 2 MB with wrong default flags, against a script and bare tools.

The script asks ffprobe for each file's flags, compares, and lets mkvpropedit correct what is wrong;
the bare tools know what to do. None of them saves, verifies or syncs anything. Of MP4 files, ffmpeg
writes a copy with other flags, as no common tool edits them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.library import Vpo, copies, run, small
from bench.table import Figure, seconds
from bench.timing import Argv, Cost, measure, turns, xargs

COUNT = 100
ROUNDS = 3
POLICY = """
schema_version: 13
config: {audio_languages: [eng]}
phases: [{name: flags, default_flags: {}}]
"""
WANTED = {1: 0, 2: 1, 3: 0, 4: 1}
EDIT = tuple(
    word
    for number, flag in WANTED.items()
    for word in ("--edit", f"track:{number}", "--set", f"flag-default={flag}")
)
LOOK = "stream=codec_type:stream_disposition=default:stream_tags=language"
SCRIPT = f"""
flags=$(ffprobe -v error -show_entries {LOOK} -of compact "$1") || exit
case $flags in
*disposition:default=1*language=ger*) mkvpropedit -q "$1" {" ".join(EDIT)} ;;
esac
"""
COPY = (
    "ffmpeg -nostdin -v error -i $1 -map 0 -c copy -disposition:a:0 0 -disposition:a:1 default"
    " $1.part.mp4 && mv $1.part.mp4 $1"
)
SHELL = ("sh", "-c")
HUGE = 20 * 10**9


class Floor(NamedTuple):
    """What vpo is measured against: a command for each file, and the goals by workers."""

    name: str
    argv: Argv
    goals: Mapping[int, float]


BARE = ("mkvpropedit", "-q", "{}", *EDIT)


def figures(folder: Path) -> Iterator[Figure]:
    original = small(folder / "original.mkv")
    script = Floor("ffprobe + mkvpropedit", (*SHELL, SCRIPT, "script", "{}"), {1: 0.15, 2: 0.15})
    bare = Floor("bare mkvpropedit", BARE, {1: 0.40, 2: 0.55})
    yield from _compared("1", "header edits", original, [script, bare])
    other = folder / "ffmpeg.mkv"
    run("ffmpeg", "-nostdin", "-v", "error", "-i", original, "-map", "0", "-c", "copy", other)
    propedit = Floor("bare mkvpropedit", BARE, {1: 0.50, 2: 0.50})
    yield from _compared("1b", "header edits of ffmpeg's MKV", other, [propedit])
    mp4 = folder / "original.mp4"
    maps = ("-map", "0:v", "-map", "0:a", "-c:v", "copy", "-c:a", "copy")
    run("ffmpeg", "-nostdin", "-v", "error", "-i", original, *maps, mp4)
    copy = Floor("ffmpeg -c copy", (*SHELL, COPY, "copy", "{}"), {1: 0.10, 2: 0.10})
    yield from _compared("1b", "header edits of MP4", mp4, [copy])
    yield _huge(folder, mp4)


def _compared(row: str, name: str, original: Path, floors: list[Floor]) -> Iterator[Figure]:
    for workers in (1, 2):
        found = _contest(original, workers, floors)
        vpo = found["vpo"]
        each = f"{name}, {workers} worker{'s' * (workers > 1)}"
        for floor in floors:
            cost, goal = found[floor.name], floor.goals[workers]
            ratio = vpo.seconds / cost.seconds
            shown = seconds(cost.seconds), seconds(vpo.seconds)
            yield Figure(row, f"{each}, against {floor.name}", *shown, ratio, goal)
            shown = seconds(cost.processor), seconds(vpo.processor)
            ratio = vpo.processor / cost.processor
            yield Figure(row, f"processor time of {each}, against {floor.name}", *shown, ratio)
        written = vpo.written / COUNT / 1000
        if workers == 1:
            yield Figure(row, f"{name}, written", "", f"{written:.0f} kB", written, 64, unit=" kB")


def _contest(original: Path, workers: int, floors: list[Floor]) -> dict[str, Cost]:
    folder = original.parent
    library, listing = folder / "library", folder / "listing"
    vpo = Vpo(folder, POLICY)
    checked: set[str] = set()

    def correct(name: str, cost: Cost) -> Cost:
        if name not in checked:
            vpo.must_comply(library, COUNT)
            checked.add(name)
        return cost

    def by_vpo() -> Cost:
        copies(original, library, COUNT)
        vpo.forget()
        return correct("vpo", vpo("-w", str(workers), library))

    def by(floor: Floor) -> Cost:
        files = copies(original, library, COUNT)
        return correct(floor.name, measure(xargs(files, workers, floor.argv, listing)))

    others = {floor.name: (lambda floor=floor: by(floor)) for floor in floors}
    return turns({"vpo": by_vpo, **others}, ROUNDS)


def _huge(folder: Path, mp4: Path) -> Figure:
    """Measure how much longer one edit takes if the film has 20 GB: the rest is a box of zeros."""
    library = folder / "library"
    vpo = Vpo(folder, POLICY)

    def edit(size: int) -> Cost:
        (path,) = copies(mp4, library, 1)
        if size:
            with path.open("r+b") as file:
                end = file.seek(0, 2)
                file.write((1).to_bytes(4, "big") + b"free" + (size - end).to_bytes(8, "big"))
                file.truncate(size)
        vpo.forget()
        return vpo("-w", "1", library)

    found = turns({"large": lambda: edit(HUGE), "small": lambda: edit(0)}, 2 * ROUNDS)
    large, small = (found[name].seconds for name in ("large", "small"))
    name = "header edit of an MP4 of 20 GB, more than of one of 2 MB"
    return Figure("1b", name, seconds(small), seconds(large), large - small, 0.1, unit=" s")
