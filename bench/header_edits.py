"""Row 1: 100 Matroska files of 2 MB with wrong default flags, against a script and mkvpropedit.

The script asks ffprobe for each file's flags, compares, and lets mkvpropedit correct what is wrong;
the bare mkvpropedit knows what to do. Neither saves, verifies or syncs anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.library import Vpo, copies, small
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


def figures(folder: Path) -> Iterator[Figure]:
    original = small(folder / "original.mkv")
    for workers in (1, 2):
        found = _contest(folder, original, workers)
        vpo = found["vpo"].seconds
        for name, floor, goal in (
            ("script", "ffprobe + mkvpropedit", 0.60),
            ("bare", "bare mkvpropedit", 1.30),
        ):
            yield Figure(
                "1",
                f"header edits, {workers} worker{'s' * (workers > 1)}, against {floor}",
                seconds(found[name].seconds),
                seconds(vpo),
                vpo / found[name].seconds,
                goal,
            )


def _contest(folder: Path, original: Path, workers: int) -> dict[str, Cost]:
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

    def by(name: str, argv: Argv) -> Cost:
        files = copies(original, library, COUNT)
        return correct(name, measure(xargs(files, workers, argv, listing)))

    return turns(
        {
            "vpo": by_vpo,
            "script": lambda: by("script", ("sh", "-c", SCRIPT, "script", "{}")),
            "bare": lambda: by("bare", ("mkvpropedit", "-q", "{}", *EDIT)),
        },
        ROUNDS,
    )
