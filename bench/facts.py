"""Time the pages of a library of many files: python bench/facts.py [FILES].

The first block are questions to the database, the second whole pages of the library with the real
application. Every tenth file has been checked, every hundredth has failed, the others comply.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.facts import SEVERAL, SINGLE, Facts
from vpo.db.library import Library
from vpo.db.records import Result
from vpo.db.store import Store
from vpo.media.model import MediaFile, Track
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hosts import Address

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
                *("", media.path, "unchanged"),
                stat=(media.size, media.mtime_ns, number),
                media=media,
                fingerprint="policy",
                compliance="failed" if number % 100 == 0 else "complies",
            )
            for number, media in enumerate(files, first + 1)
        )


def _check_health(pool: DaemonConnectionPool) -> None:
    with pool.transaction() as connection:
        connection.execute(
            "INSERT INTO health SELECT number, size, mtime_ns, inode, '', '{}' FROM files"
            " WHERE number % 10 = 0"
        )


def _pages(pool: DaemonConnectionPool, folder: Path) -> dict[str, Callable[[], object]]:
    """Return what asks for whole pages, by their query."""
    config = folder / "config.toml"
    config.touch()
    settings = build({}, {"VPO_DATA_DIR": str(folder), "VPO_CONFIG": str(config)}, 2)
    address = Address("127.0.0.1", 8790)
    app = create_app(ServeContext(settings, pool, Store(pool), address))
    client = TestClient(app, base_url=address.url)
    return {
        f"/library?{query}": partial(client.get, f"/library?{query}")
        for query in (
            "",
            "sort=-size",
            "video=hevc&language=jpn",
            "video=hevc&language=jpn&sort=-size",
            "resolution=480p&sort=-size",
            "container=matroska&hdr=SDR&audio=aac&subtitles=eng&sort=-seconds",
            "video=vc1&audio=dts&language=jpn&subtitles=ita&resolution=4k&sort=size",
            "name=nowhere",
            "name=nowhere&sort=-size",
            "name=film&sort=-seconds",
            "name=film 19999&sort=size",
            "name=film 1&video=hevc&language=jpn&sort=-size",
            "health=checked&sort=-size",
            "health=unchecked&compliance=failed",
            "compliance=failed&sort=-size",
            "compliance=complies&health=checked&language=jpn&sort=-size",
            "compliance=unknown&sort=-size",
            "compliance=unknown&health=checked&name=film",
        )
    }


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
        _check_health(pool)
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
            **_pages(pool, Path(folder)),
            **{f"values of {n}": partial(facts.values, n) for n in (*SINGLE, *SEVERAL)},
        }
        for name, question in questions.items():
            times = _milliseconds(question)
            print(f"{name:76} {times[len(times) // 2]:7.1f} ms {times[-1]:7.1f} ms")


if __name__ == "__main__":
    main()
