"""Time the pages of a library of many files: python bench/facts.py [FILES]."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vpo.db.connection import DaemonConnectionPool
from vpo.db.facts import SEVERAL, SINGLE, Facts
from vpo.db.library import Library
from vpo.db.records import Result
from vpo.media.model import MediaFile, Track

_VIDEO = ("hevc", "h264", "av1", "mpeg2video", "vc1")
_SIZES = ((3840, 2160), (1920, 1080), (1280, 720), (720, 576))
_LANGUAGES = ("eng", "ger", "fre", "jpn", "spa", "ita", "und")


def _media(number: int, chance: random.Random) -> MediaFile:
    width, height = chance.choice(_SIZES)
    tracks = [
        Track(0, "video", chance.choice(_VIDEO), width=width, height=height),
        *(
            Track(each, "audio", chance.choice(("aac", "ac3", "dts")), language=language)
            for each, language in enumerate(chance.sample(_LANGUAGES, 2), 1)
        ),
        *(
            Track(each, "subtitle", "subrip", language=language)
            for each, language in enumerate(chance.sample(_LANGUAGES, 3), 3)
        ),
    ]
    return MediaFile(
        path=f"/films/{number % 500:03}/Film {number:06}.mkv",
        container="matroska",
        size=chance.randrange(10**8, 10**11),
        mtime_ns=number,
        duration=chance.uniform(1200, 9000),
        tracks=tuple(tracks),
    )


def _fill(library: Library, count: int) -> None:
    chance = random.Random(1)
    for first in range(0, count, 5000):
        files = [_media(number, chance) for number in range(first, min(first + 5000, count))]
        library.record(
            Result(
                "", media.path, "unchanged", stat=(media.size, media.mtime_ns, number), media=media
            )
            for number, media in enumerate(files, first + 1)
        )


def _milliseconds(question: Callable[[], object], times: int = 7) -> list[float]:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        question()
        found.append((time.perf_counter() - start) * 1000)
    return sorted(found)


def main() -> None:
    """Fill a database and print the median and the slowest time of each question."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with (
        tempfile.TemporaryDirectory() as folder,
        DaemonConnectionPool(Path(folder) / "vpo.db") as pool,
    ):
        _fill(Library(pool), count)
        facts = Facts(pool)
        both = {"video": "hevc", "language": "jpn"}
        middle = facts.page({}, limit=count // 2).cursor
        questions: dict[str, Callable[[], object]] = {
            "first page by path": lambda: facts.page({}),
            "page in the middle by path": lambda: facts.page({}, cursor=middle),
            "largest first": lambda: facts.page({}, "size", descending=True),
            "longest first": lambda: facts.page({}, "seconds", descending=True),
            "hevc with jpn by path": lambda: facts.page(both),
            "hevc with jpn, largest first": lambda: facts.page(both, "size", descending=True),
            "never checked, of unknown compliance": lambda: facts.page(
                {"health": "unchecked", "compliance": "unknown"}
            ),
            "a checked file, there is none": lambda: facts.page({"health": "checked"}),
            "name that no file has": lambda: facts.page({"name": "nowhere"}),
            "count of all": lambda: facts.count({}),
            "count of hevc with jpn": lambda: facts.count(both),
            "count by name": lambda: facts.count({"name": "film 1"}),
            **{f"values of {n}": partial(facts.values, n) for n in (*SINGLE, *SEVERAL)},
        }
        for name, question in questions.items():
            times = _milliseconds(question)
            print(f"{name:40} {times[len(times) // 2]:7.1f} ms {times[-1]:7.1f} ms")


if __name__ == "__main__":
    main()
