"""Tests of pages and API with the real application on a small library."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.facts import Facts
from vpo.db.health_records import HealthRecords
from vpo.db.library import Library
from vpo.db.records import HealthRecord, Result
from vpo.db.store import Store, utc_now
from vpo.media.model import MediaFile, Track
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hosts import Address
from vpo.serve.security import COOKIE
from vpo.serve.tokens import token_hash

STATIC = Path(__file__).parents[3] / "src" / "vpo" / "serve" / "static"
SCRIPT = "<script>alert(1)</script>"
BYTES = os.fsdecode(b"/films/caf\xe9.mkv")


def _media(number: int, path: str) -> MediaFile:
    video = Track(0, "video", "hevc" if number % 2 else "h264", width=1920, height=1080)
    audio = Track(1, "audio", "aac", language="eng" if number % 3 else "jpn")
    return MediaFile(path, "matroska", 1000 + number, number, 60.0, (video, audio))


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ServeContext]:
    paths = [f"/films/{number:02}.mkv" for number in range(60)]
    paths += [f"/films/{SCRIPT}.mkv", BYTES]
    settings = build({}, {"VPO_DATA_DIR": str(tmp_path)}, 2)
    with DaemonConnectionPool(settings.database_path) as pool:
        Library(pool).record(
            Result("", path, "unchanged", stat=(1000 + n, n, n + 1), media=_media(n, path))
            for n, path in enumerate(paths)
        )
        yield ServeContext(settings, pool, Store(pool), Address("127.0.0.1", 8790))


@pytest.fixture
def client(context: ServeContext) -> TestClient:
    return TestClient(create_app(context), base_url="http://127.0.0.1:8790")


def test_library_shows_files_escaped(client: TestClient) -> None:
    page = client.get("/library?sort=-size")
    assert page.status_code == 200
    assert "62</strong> files" in page.text
    assert SCRIPT not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "caf\\xe9.mkv" in page.text


def test_library_without_files_says_what_to_do(client: TestClient) -> None:
    assert "No file is like that" in client.get("/library?video=av1").text


@pytest.mark.parametrize("sort", ["path", "-path", "size", "-size", "seconds", "-seconds"])
def test_pages_of_the_api_have_every_file_once(client: TestClient, sort: str) -> None:
    found, cursor = [], None
    while True:
        query = {"sort": sort, "limit": "7"} | ({"cursor": cursor} if cursor else {})
        answer = client.get("/api/v1/files", params=query).json()
        found += [item["path"] for item in answer["files"]]
        cursor = answer["cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 62
    if "path" in sort:
        assert found == sorted(found, key=os.fsencode, reverse=sort.startswith("-"))
    assert BYTES in found


def test_pages_are_full_where_files_are_not_probed(
    client: TestClient, context: ServeContext
) -> None:
    Library(context.pool).record(
        Result("", f"/films/00 {number}.mkv", "failed", stat=(1, number, 900 + number))
        for number in range(100)
    )
    for sort in ("path", "-path", "size"):
        answer = client.get("/api/v1/files", params={"sort": sort, "limit": "50"}).json()
        assert len(answer["files"]) == 50


@pytest.mark.parametrize(
    ("name", "files"),
    [("FILMS/0", 10), ("%", 0), ("_", 0), ("\\", 0), ("01.mkv", 1), ("\udce9", 1), ("x" * 900, 0)],
)
def test_part_of_a_name_is_taken_literally(context: ServeContext, name: str, files: int) -> None:
    facts = Facts(context.pool)
    total = facts.count({"name": name})
    assert total.files == files
    assert len(facts.page({"name": name}).files) == files
    assert len(facts.page({"name": name}, "size", among=total.numbers).files) == files


def test_name_that_is_too_long_is_refused(client: TestClient) -> None:
    assert client.get(f"/library?name={'x' * 2000}").status_code == 400


def test_codec_is_no_part_of_another(context: ServeContext) -> None:
    facts, index = Facts(context.pool), Library(context.pool)
    tracks = (Track(0, "audio", "eac3", language="eng"), Track(1, "audio", "aac", language="ger"))
    for number, some in enumerate((tracks, tracks[:1])):
        media = MediaFile(f"/films/e{number}.mkv", "matroska", 5, 5, 60.0, some)
        index.record([Result("", media.path, "unchanged", stat=(5, 5, 70 + number), media=media)])
    assert facts.count({"audio": "ac3", "container": "matroska"}).files == 0
    assert facts.count({"audio": "eac3", "container": "matroska"}).files == 2
    assert facts.count({"audio": "eac3", "language": "ger"}).files == 1


def test_compliance_and_health_are_filters_that_follow_the_records(context: ServeContext) -> None:
    facts, indexed = Facts(context.pool), Library(context.pool)
    media = _media(1, "/films/01.mkv")
    known = Result("", media.path, "unchanged", stat=(1001, 1, 2), media=media, fingerprint="key")

    def counts() -> tuple[int, ...]:
        asked = [{"compliance": name} for name in ("failed", "complies", "unknown")]
        return tuple(facts.count(each).files for each in asked)

    indexed.record([known._replace(compliance="complies")])
    assert counts() == (0, 1, 61)
    indexed.record([known._replace(compliance="failed")])
    assert counts() == (1, 0, 61)
    indexed.record([known])  # the facts are written anew, and the record stays
    assert counts() == (1, 0, 61)
    record = HealthRecord((1001, 1, 2), utc_now(), {})
    HealthRecords(context.pool).record(media.path, None, record)
    assert facts.count({"health": "checked"}).files == 1
    context.store.forget_file(media.path)
    indexed.record([known])
    assert counts() == (0, 0, 62)
    assert facts.count({"health": "checked"}).files == 1
    with context.pool.transaction() as connection:
        connection.execute("DELETE FROM health")
    assert facts.count({"health": "unchecked", "container": "matroska"}).files == 62


def test_filters_combine(client: TestClient) -> None:
    answer = client.get("/api/v1/files?video=hevc&language=jpn&limit=500").json()
    assert len(answer["files"]) == sum(n % 2 == 1 and n % 3 == 0 for n in range(62))


def test_library_is_counted_by_facts(client: TestClient) -> None:
    answer = client.get("/api/v1/library").json()
    assert answer["files"] == 62
    assert [item["files"] for item in answer["facts"]["video"]] == [31, 31]


def test_counts_follow_what_is_recorded_again_and_forgotten(context: ServeContext) -> None:
    facts, indexed = Facts(context.pool), Library(context.pool)
    changed = _media(1, "/films/00.mkv")
    stat = (changed.size, 7, 1)
    indexed.record([Result("", changed.path, "unchanged", stat=stat, media=changed)])
    assert {item.value: item.files for item in facts.values("video")} == {"hevc": 32, "h264": 30}
    indexed.forget(["/films/00.mkv", "/films/01.mkv"])
    assert {item.value: item.files for item in facts.values("video")} == {"hevc": 30, "h264": 30}
    assert facts.count({}) == facts.count({"container": "matroska"})


def test_facts_of_older_probes_are_filled(context: ServeContext) -> None:
    facts = Facts(context.pool)
    before = facts.values("language")
    with context.pool.transaction() as connection:
        connection.execute("DELETE FROM facts")
    assert facts.values("language") == []
    assert [facts.fill(40), facts.fill(40), facts.fill(40)] == [40, 22, 0]
    assert facts.values("language") == before


@pytest.mark.parametrize(
    "query",
    ["sort=colour", "cursor=size.1.5", "cursor=path.1.zz", "cursor=x", "health=ill", "limit=0"],
)
def test_wrong_questions_are_problems(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/v1/files?{query}")
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_unknown_page_is_a_problem(client: TestClient) -> None:
    assert client.get("/nowhere").headers["content-type"] == "application/problem+json"


def test_reference_of_the_api_needs_no_network(client: TestClient) -> None:
    page = client.get("/api/docs").text
    assert "/api/v1/files" in page
    assert "https://" not in page


def test_login_sets_a_strict_cookie(context: ServeContext) -> None:
    from dataclasses import replace

    app = create_app(replace(context, address=Address("0.0.0.0", 1), stored=token_hash("right")))  # noqa: S104
    client = TestClient(app, base_url="http://127.0.0.1:1", follow_redirects=False)
    assert client.post("/login", data={"token": "wrong"}).status_code == 401
    reply = client.post("/login", data={"token": "right"})
    cookie = reply.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE)
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/library").status_code == 200


def test_htmx_is_the_released_file() -> None:
    digest = hashlib.sha256((STATIC / "htmx.min.js").read_bytes()).hexdigest()
    assert digest == "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
    assert (STATIC / "htmx.LICENSE").exists()
