"""The page of a file and its API, with the real application on a small library of real films."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.queue import FileQueue, NewItem
from vpo.db.store import Store
from vpo.library.scan import Scanner
from vpo.media.model import media_from_json
from vpo.probe.health import Health
from vpo.report.diff import plan_lines
from vpo.run.coordinator import Coordinator
from vpo.run.dry_run import planned
from vpo.run.libraries import library_request
from vpo.run.observer import Silent
from vpo.run.request import Interrupt
from vpo.run.threads import Threads
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hosts import Address

POLICY = """
schema_version: 13
phases:
  - name: tidy
    keep_audio: {languages: [eng]}
    keep_subtitles: {languages: [eng]}
"""
ODD = os.fsdecode(b"caf\xe9 <b>.mkv")


class Site:
    """A library with a server: ``films`` is its folder, ``outside`` is in none."""

    def __init__(self, root: Path, corpus: Path) -> None:
        self.films, self.outside = root / "films", root / "outside.mkv"
        self.films.mkdir()
        shutil.copyfile(corpus / "multi-audio.mkv", self.films / "a.mkv")
        shutil.copyfile(corpus / "attachments.mkv", self.films / "b.mkv")
        shutil.copyfile(corpus / "chapters.mkv", self.films / ODD)
        shutil.copyfile(corpus / "chapters.mkv", self.outside)
        (self.films / "link.mkv").symlink_to(self.outside)
        (self.films / "inside.mkv").symlink_to(self.films / "a.mkv")
        (self.films / "notes.txt").write_text("secret")
        (root / "p.yaml").write_text(POLICY)
        config = root / "config.toml"
        config.write_text(
            f'[[libraries]]\nname = "Films"\nfolders = ["{self.films}"]\npolicy = "p.yaml"\n'
            '[originals]\nkeep = "trash"\n'
        )
        data = root / "data"
        self.settings = build({}, {"VPO_DATA_DIR": str(data), "VPO_CONFIG": str(config)}, 2)
        self.pool = DaemonConnectionPool(self.settings.database_path)
        self.store = Store(self.pool)
        address = Address("127.0.0.1", 8790)
        self.context = ServeContext(self.settings, self.pool, self.store, address)
        self.client = TestClient(
            create_app(self.context), base_url=address.url, headers={"Origin": address.url}
        )

    def scan(self, *paths: Path) -> None:
        scanner = Scanner(
            self.settings, Library(self.pool), Interrupt(), lambda _: None, self.store.forget_file
        )
        scanner.scan([str(path) for path in paths])

    def process(self, path: Path) -> None:
        """Process a file as the queue does."""
        library = self.settings.config.libraries[0]
        request = library_request(self.settings, library)._replace(paths=(str(path),))
        Coordinator(self.settings, self.store, Silent(), Interrupt(), Threads()).run(request)

    def get(self, path: str | Path, more: str = "", page: str = "/file") -> Any:
        return self.client.get(f"{page}?path={quote(os.fsencode(path))}{more}")

    def post(self, path: str | Path, **data: str) -> Any:
        return self.client.post(f"/file?path={quote(os.fsencode(path))}", data=data)

    def id_of(self, path: Path) -> str:
        files = self.client.get("/api/v1/files?limit=500").json()["files"]
        return next(str(item["id"]) for item in files if item["path"] == str(path))

    def queue(self) -> list[str]:
        return [Path(item.path).name for item in FileQueue(self.pool).items()]


@pytest.fixture(scope="module")
def site(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("site"), corpus)
    found.scan(found.films, found.outside)
    yield found
    found.pool.close()


def test_page_shows_tracks_attachments_and_chapters(site: Site) -> None:
    page = site.get(site.films / "a.mkv")
    assert page.status_code == 200
    assert "Director&#39;s Commentary" in page.text
    assert "Sample.ttf" in site.get(site.films / "b.mkv").text
    assert "chapters</summary>" in site.get(site.films / ODD).text


def test_name_that_is_not_utf_8_is_escaped_and_leads_to_the_file(site: Site) -> None:
    page = site.get(site.films / ODD)
    assert "caf\\xe9 &lt;b&gt;.mkv" in page.text
    assert "<b>" not in page.text
    library = site.client.get("/library").text
    link = f"/file?path={quote(os.fsencode(site.films / ODD))}"
    assert f'href="{link}"' in library
    assert site.client.get(link).status_code == 200


def test_plan_is_the_diff_of_the_dry_run_with_reasons(site: Site) -> None:
    path = site.films / "a.mkv"
    library = site.settings.config.libraries[0]
    outcome, _ = planned(site.settings, site.store, library, str(path), Interrupt())
    assert outcome.plan is not None
    page = site.get(path, "&plan").text
    assert f"<strong>{len(outcome.plan.changes)} changes</strong>" in page
    for line, _ in plan_lines(outcome.plan):
        text = line[4:66].strip()
        assert text.replace('"', "&#34;").replace("'", "&#39;") in page, text
    assert "tidy/keep_audio: language ger is not in eng" in page
    assert "\x1b" not in page
    assert 'hx-trigger="load"' not in page
    # Without JavaScript, a link leads to the plan.
    assert "Show the plan" in site.get(path).text


def test_plan_of_the_api_is_that_of_the_page(site: Site) -> None:
    answer = site.client.get(f"/api/v1/files/{site.id_of(site.films / 'a.mkv')}/plan").json()
    assert answer["file"]["status"] == "planned"
    assert {change["kind"] for change in answer["file"]["changes"]} >= {"remove"}
    assert all(change["reason"] for change in answer["file"]["changes"])


def test_api_has_what_inspect_has(site: Site) -> None:
    path = site.films / "a.mkv"
    answer = site.client.get(f"/api/v1/files/{site.id_of(path)}").json()
    media = media_from_json({k: v for k, v in answer["media"].items() if k != "health"})
    assert [track.type for track in media.tracks].count("audio") == 5
    assert (answer["library"], answer["ignored"], answer["media"]["health"]) == (
        "Films",
        False,
        None,
    )
    assert site.client.get("/api/v1/files/no-such-id").status_code == 404


def test_paths_outside_of_libraries_are_never_opened(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = os.open

    def watched(path: str, *more: Any, **named: Any) -> int:
        opened.append(os.fspath(path))
        return real(path, *more, **named)

    monkeypatch.setattr(os, "open", watched)
    films = str(site.films)
    for path in (
        "/etc/passwd",
        f"{films}/../outside.mkv",
        f"{films}/link.mkv",
        f"{films}/notes.txt",
        f"{films}/a.mkv\0.txt",
        "\0",
        "",
        "a.mkv",
        f"{films}/{'x' * 5000}.mkv",
        films,
    ):
        indexed = path.endswith(("outside.mkv", "link.mkv"))
        for more in ("", "&plan", "&pictures"):
            page = site.get(path, more)
            assert page.status_code in ((200, 404) if indexed else (404,)), path
        assert site.get(path, page="/file/picture").status_code == 404
        for action in ("process", "ignore", "unignore", "undo"):
            assert site.post(path, action=action).status_code in (400, 404), path
    assert site.queue() == []
    assert site.store.ignored() == []
    assert not [path for path in opened if "outside" in str(path) or "link" in str(path)]


def test_indexed_file_outside_of_libraries_is_shown_from_the_database_alone(site: Site) -> None:
    page = site.get(site.outside).text
    assert "this is what the database has" in page
    assert "chapters</summary>" in page
    assert "Process now" not in page
    assert 'id="plan"' not in page


def test_link_within_a_library_leads_to_its_file(site: Site) -> None:
    assert "<title>a.mkv" in site.get(site.films / "inside.mkv").text


def test_process_now_puts_a_file_to_the_front(site: Site) -> None:
    queue = FileQueue(site.pool)
    try:
        queue.add([NewItem(str(site.films / "b.mkv"), "Films", "watch", 5)])
        page = site.post(site.films / "a.mkv", action="process")
        assert "at the front of the queue" in page.text
        assert site.queue() == ["a.mkv", "b.mkv"]
        queue.hold([item.id for item in queue.items()])
        site.client.post(f"/api/v1/files/{site.id_of(site.films / 'b.mkv')}/process")
        assert site.queue() == ["b.mkv", "a.mkv"]
        assert [item.state for item in queue.items()] == ["waiting", "held"]
        assert 'href="/file?path=' in site.client.get("/queue").text
    finally:
        queue.cancel([item.id for item in queue.items()])


def test_never_touch_and_its_reverse(site: Site) -> None:
    path = site.films / "b.mkv"
    assert "left alone" in site.post(path, action="ignore").text
    assert [item.path for item in site.store.ignored()] == [str(path)]
    refused = site.post(path, action="process")
    assert refused.status_code == 400
    assert 'role="alert"' in refused.text
    assert site.queue() == []
    site.post(path, action="unignore")
    assert site.store.ignored() == []
    assert site.post(path, action="unignore").status_code == 400


@pytest.mark.parametrize("action", ["", "delete"])
def test_form_without_a_known_action_is_refused(site: Site, action: str) -> None:
    assert site.post(site.films / "a.mkv", action=action).status_code == 400


def test_change_from_a_page_of_another_site_is_refused(site: Site) -> None:
    number = site.id_of(site.films / "a.mkv")
    for url in (f"/file?path={site.films / 'a.mkv'}", f"/api/v1/files/{number}/ignore"):
        answer = site.client.post(
            url, data={"action": "ignore"}, headers={"Origin": "https://example.org"}
        )
        assert answer.status_code == 403
    assert site.store.ignored() == []


def test_undo_restores_the_original_and_pictures_show_both(site: Site, corpus: Path) -> None:
    path = site.films / "c.mkv"
    shutil.copyfile(corpus / "multi-audio.mkv", path)
    site.scan(path)
    assert site.post(path, action="undo").status_code == 400
    assert site.get(path, "&of=original", "/file/picture").status_code == 404
    site.process(path)
    page = site.get(path, "&pictures").text
    assert "Before and after" in page
    assert page.count("<img ") == 2
    for more in ("&at=1", "&at=99999&of=original"):
        picture = site.get(path, more, "/file/picture")
        assert picture.headers["content-type"] == "image/jpeg"
        assert picture.content.startswith(b"\xff\xd8\xff")
    number = site.id_of(path)
    shown = site.client.get(f"/api/v1/files/{number}").json()
    assert shown["can_undo"]
    assert [row["status"] for row in shown["history"]] == ["changed"]
    undone = site.post(path, action="undo", alone="yes")
    assert "The original is back" in undone.text
    assert path.read_bytes() == (corpus / "multi-audio.mkv").read_bytes()
    assert "Director&#39;s Commentary" in undone.text  # it is indexed anew
    assert "left alone" in undone.text
    assert site.client.post(f"/api/v1/files/{number}/undo").status_code == 400
    site.post(path, action="unignore")


def test_undo_of_a_file_that_has_changed_since_is_an_error_on_the_page(
    site: Site, corpus: Path
) -> None:
    path = site.films / "d.mkv"
    shutil.copyfile(corpus / "multi-audio.mkv", path)
    site.process(path)
    os.utime(path, (1, 1))
    page = site.post(path, action="undo")
    assert page.status_code == 409
    assert "has changed since" in page.text
    assert "cannot be restored" in page.text


def test_picture_of_a_file_that_is_no_video_is_a_problem(site: Site) -> None:
    path = site.films / "broken.mkv"
    path.write_bytes(b"no film")
    answer = site.get(path, page="/file/picture")
    assert answer.status_code == 404
    assert json.loads(answer.content)["detail"]
    assert "It is not indexed yet" in site.get(path).text


def test_health_is_that_of_the_last_check(site: Site) -> None:
    from dataclasses import asdict

    from vpo.db.health_records import HealthRecords
    from vpo.db.records import HealthRecord
    from vpo.db.store import utc_now
    from vpo.probe.decoder import Damage

    path = site.films / "b.mkv"
    status = path.stat()
    stat = (status.st_size, status.st_mtime_ns, status.st_ino)
    damage = Health(1.0, errors=[Damage(0, 0.5, None, 1, "<i>wrong</i>")])
    record = HealthRecord(stat, utc_now(), asdict(damage))
    HealthRecords(site.pool).record(str(path), None, record)
    page = site.get(path).text
    assert "damaged: track 0 at 0:00:00.5: &lt;i&gt;wrong&lt;/i&gt;" in page
    media = site.client.get(f"/api/v1/files/{site.id_of(path)}").json()["media"]
    assert media["health"]["intact"] is False
