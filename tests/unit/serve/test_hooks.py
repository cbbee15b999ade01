"""Webhooks of Sonarr and Radarr, by bodies as these programs send them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue
from vpo.db.store import Store
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hooks import HookEvent, Program, read_hook
from vpo.serve.hosts import Address
from vpo.serve.tokens import token_hash

BODIES = Path(__file__).parents[2] / "data" / "hooks"
SEASON, FILM = "/tv/The Odd Show/Season 1", "/movies/A Film (2001)"
EVENTS = {
    "sonarr-test": HookEvent("Test"),
    "sonarr-grab": HookEvent("Grab"),
    "sonarr-health": HookEvent("Health"),
    "sonarr-import": HookEvent("Download", (f"{SEASON}/S01E01.mkv",)),
    "sonarr-upgrade": HookEvent(
        "Download", (f"{SEASON}/S01E01 1080p.mkv",), (f"{SEASON}/S01E01.mkv",)
    ),
    "sonarr-import-complete": HookEvent(
        "Download", (f"{SEASON}/S01E01.mkv", f"{SEASON}/S01E02.mkv")
    ),
    "sonarr-rename": HookEvent(
        "Rename", (f"{SEASON}/S01E01 - Pilot.mkv",), (f"{SEASON}/S01E01.mkv",)
    ),
    "sonarr-file-delete": HookEvent("EpisodeFileDelete", gone=(f"{SEASON}/S01E01.mkv",)),
    "sonarr-series-delete": HookEvent("SeriesDelete", gone_folders=("/tv/The Odd Show",)),
    "radarr-test": HookEvent("Test"),
    "radarr-import": HookEvent("Download", (f"{FILM}/A Film (2001).mkv",)),
    "radarr-upgrade": HookEvent(
        "Download", (f"{FILM}/A Film (2001) Remux.mkv",), (f"{FILM}/A Film (2001).mkv",)
    ),
    "radarr-rename": HookEvent(
        "Rename",
        (f"{FILM}/A Film (2001) {{imdb-tt0000002}}.mkv",),
        (f"{FILM}/A Film (2001).mkv",),
    ),
    "radarr-file-delete": HookEvent("MovieFileDelete", gone=(f"{FILM}/A Film (2001).mkv",)),
    "radarr-movie-delete": HookEvent("MovieDelete", gone_folders=(FILM,)),
}


def body(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BODIES / f"{name}.json").read_text("utf-8"))
    return found


def program(name: str) -> Program:
    return "sonarr" if name.startswith("sonarr") else "radarr"


def test_every_body_has_an_expected_event() -> None:
    assert {path.stem for path in BODIES.glob("*.json")} == set(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_hook_names_the_files_of_its_event(name: str) -> None:
    assert read_hook(program(name), body(name)) == EVENTS[name]


def test_path_is_put_together_where_it_is_not_stated() -> None:
    wanted = body("radarr-import")
    del wanted["movieFile"]["path"]
    assert read_hook("radarr", wanted).new == (f"{FILM}/A Film (2001).mkv",)
    wanted["movie"]["folderPath"] = "D:\\Films\\A Film"
    assert read_hook("radarr", wanted).new == ("D:\\Films\\A Film\\A Film (2001).mkv",)


@pytest.mark.parametrize("broken", [{}, {"eventType": 3}, {"eventType": ""}, {"event": "Test"}])
def test_body_without_event_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="eventType"):
        read_hook("sonarr", broken)


@pytest.mark.parametrize("value", [None, 1, "text", [], [1], {"path": 5}, {"path": ""}, [{}]])
@pytest.mark.parametrize("event", ["Download", "Rename", "EpisodeFileDelete", "SeriesDelete"])
def test_body_of_another_shape_names_no_file(event: str, value: object) -> None:
    keys = ("series", "episodeFile", "episodeFiles", "renamedEpisodeFiles")
    found = read_hook("sonarr", {"eventType": event, **dict.fromkeys(keys, value)})
    assert found == HookEvent(event)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ServeContext]:
    for name in (f"films/{FILM.rpartition('/')[2]}", "series/The Odd Show/Season 1"):
        (tmp_path / name).mkdir(parents=True)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[libraries]]\nname = "All"\nfolders = ["{tmp_path}/films", "{tmp_path}/series"]\n'
        'policy = "p.yaml"\npriority = 5\n'
        f'[plugins.sonarr]\npath_map = {{ "/tv" = "{tmp_path}/series" }}\n'
        f'[plugins.radarr]\npath_map = {{ "/movies" = "{tmp_path}/films" }}\n'
    )
    settings = build({}, {"VPO_DATA_DIR": str(tmp_path / "data"), "VPO_CONFIG": str(config)}, 2)
    with DaemonConnectionPool(settings.database_path) as pool:
        yield ServeContext(settings, pool, Store(pool), Address("127.0.0.1", 8790))


@pytest.fixture
def client(context: ServeContext) -> TestClient:
    return TestClient(create_app(context), base_url="http://127.0.0.1:8790")


def local(tmp_path: Path, path: str) -> Path:
    return tmp_path / path.replace("/tv", "series").replace("/movies", "films").lstrip("/")


def queued(context: ServeContext) -> dict[str, tuple[str, int]]:
    items = FileQueue(context.pool).items()
    return {Path(item.path).name: (item.source, item.priority) for item in items}


@pytest.mark.parametrize("name", ["sonarr-import", "sonarr-import-complete", "radarr-import"])
def test_import_is_queued_before_what_else_waits(
    client: TestClient, context: ServeContext, tmp_path: Path, name: str
) -> None:
    files = [local(tmp_path, path) for path in EVENTS[name].new]
    for path in files:
        path.write_bytes(b"film")
    answer = client.post(f"/api/v1/hooks/{program(name)}", json=body(name))
    assert answer.json() == {"event": "Download", "added": len(files), "removed": 0}
    assert queued(context) == {path.name: ("hook", 105) for path in files}


@pytest.mark.parametrize(
    "name", ["sonarr-upgrade", "sonarr-rename", "radarr-upgrade", "radarr-rename"]
)
def test_what_takes_the_place_of_another_file_is_queued_instead(
    client: TestClient, context: ServeContext, tmp_path: Path, name: str
) -> None:
    new, gone = local(tmp_path, EVENTS[name].new[0]), local(tmp_path, EVENTS[name].gone[0])
    gone.write_bytes(b"film")
    add = {"paths": [str(gone)]}
    client.post("/api/v1/queue", json=add, headers={"Origin": "http://127.0.0.1:8790"})
    gone.rename(new)
    answer = client.post(f"/api/v1/hooks/{program(name)}", json=body(name)).json()
    assert (answer["added"], answer["removed"]) == (1, 1)
    assert list(queued(context)) == [new.name]


@pytest.mark.parametrize(
    "name",
    ["sonarr-file-delete", "sonarr-series-delete", "radarr-file-delete", "radarr-movie-delete"],
)
def test_what_is_deleted_leaves_the_queue(
    client: TestClient, context: ServeContext, tmp_path: Path, name: str
) -> None:
    folder = SEASON if name.startswith("sonarr") else FILM
    film = "S01E01.mkv" if name.startswith("sonarr") else "A Film (2001).mkv"
    local(tmp_path, f"{folder}/{film}").write_bytes(b"film")
    client.post("/api/v1/queue", json={"paths": [str(local(tmp_path, folder))]})
    assert len(queued(context)) == 1
    answer = client.post(f"/api/v1/hooks/{program(name)}", json=body(name)).json()
    assert answer["removed"] == 1
    assert queued(context) == {}


def test_file_outside_the_libraries_says_how_to_map_paths(client: TestClient) -> None:
    wanted = body("sonarr-import")
    wanted["episodeFile"]["path"] = "/data/elsewhere/S01E01.mkv"
    answer = client.post("/api/v1/hooks/sonarr", json=wanted)
    assert answer.status_code == 422
    assert "/data/elsewhere/S01E01.mkv" in answer.json()["detail"]
    assert "path_map in [plugins.sonarr]" in answer.json()["detail"]


def test_unknown_program_and_other_bodies_are_refused(client: TestClient) -> None:
    assert client.post("/api/v1/hooks/lidarr", json={"eventType": "Test"}).status_code == 422
    assert client.post("/api/v1/hooks/radarr", json=[1]).status_code == 422
    assert client.post("/api/v1/hooks/radarr", content=b"{").status_code == 422


@pytest.mark.parametrize(("password", "status"), [("the-token", 200), ("another", 401), ("", 401)])
def test_programs_send_the_token_as_a_password(
    context: ServeContext, password: str, status: int
) -> None:
    address = Address("0.0.0.0", 8790)  # noqa: S104
    guarded = ServeContext(
        context.settings, context.pool, context.store, address, token_hash("the-token")
    )
    client = TestClient(create_app(guarded), base_url="http://127.0.0.1:8790")
    credentials = base64.b64encode(f"vpo:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}"}
    answer = client.post("/api/v1/hooks/sonarr", json=body("sonarr-test"), headers=headers)
    assert answer.status_code == status


def test_programs_are_the_two_that_are_documented() -> None:
    assert get_args(Program) == ("sonarr", "radarr")
