"""What servers are told of changed folders: one request a folder at most, and no other server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import KEY, Server, answer, serving

from vpo.errors import SourceError
from vpo.plugins import jellyfin, plex, radarr, sonarr

SECTIONS = {
    "MediaContainer": {
        "Directory": [
            {"key": "1", "title": "Films", "Location": [{"path": "/movies"}, {"path": "/more"}]},
            {"key": "2", "title": "Series", "Location": [{"path": "/tv"}]},
        ]
    }
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def settings(server: Server, **changes: Any) -> dict[str, Any]:
    return {**server.settings, **changes}


def test_jellyfin_is_notified_of_all_folders_at_once(server: Server) -> None:
    mapped = settings(server, path_map={"/data": "/mnt/media"})
    jellyfin.vpo_changed(folders=("/mnt/media/a", "/elsewhere"), settings=mapped)
    updates = [
        {"Path": "/data/a", "UpdateType": "Modified"},
        {"Path": "/elsewhere", "UpdateType": "Modified"},
    ]
    assert server.sent == [("/Library/Media/Updated", {"Updates": updates})]
    assert server.headers[0]["Authorization"] == f'MediaBrowser Token="{KEY}"'


def test_plex_scans_folders_in_its_libraries(server: Server) -> None:
    server.put("/library/sections", SECTIONS)
    folders = ("/movies/A & B", "/more", "/tvs/x", "/tv/Show/Season 1")
    expected = [
        "/library/sections/1/refresh?path=%2Fmovies%2FA+%26+B",
        "/library/sections/1/refresh?path=%2Fmore",
        "/library/sections/2/refresh?path=%2Ftv%2FShow%2FSeason+1",
    ]
    for path in expected:
        server.put(path, b"")
    plex.vpo_changed(folders=folders, settings=settings(server))
    assert server.asked == ["/library/sections", *expected]
    assert {headers["X-Plex-Token"] for headers in server.headers} == {KEY}


@pytest.mark.parametrize("data", [[], {}, {"MediaContainer": {"Directory": [{"Location": [{}]}]}}])
def test_plex_refuses_malformed_answer(server: Server, data: object) -> None:
    server.put("/library/sections", data)
    with pytest.raises(SourceError, match="unexpected response"):
        plex.vpo_changed(folders=("/movies/a",), settings=settings(server))


def test_radarr_scans_each_film_once(server: Server) -> None:
    films = answer("movie")
    folder = films[0]["path"]
    folders = (folder, f"{folder}/extras", "/nowhere")
    radarr.vpo_changed(folders=folders, settings=settings(server))
    command = {"name": "RescanMovie", "movieId": films[0]["id"]}
    assert server.sent == [("/api/v3/command", command)]
    assert server.headers[-1]["X-Api-Key"] == KEY


def test_sonarr_scans_each_series_once(server: Server) -> None:
    series = answer("series")[0]
    folders = tuple(f"{series['path']}/Season {number}" for number in (1, 2))
    sonarr.vpo_changed(folders=folders, settings=settings(server))
    command = {"name": "RescanSeries", "seriesId": series["id"]}
    assert server.sent == [("/api/v3/command", command)]


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {}, "refuses the API key"),
        (404, {}, "not found"),
        (500, {}, "HTTP status 500"),
        (302, {"Location": "http://other.invalid/"}, "redirect to other.invalid"),
    ],
)
def test_jellyfin_reports_refusal_without_the_key(
    server: Server, status: int, headers: dict[str, str], said: str
) -> None:
    server.put("/Library/Media/Updated", {}, status, headers)
    with pytest.raises(SourceError, match=said) as error:
        jellyfin.vpo_changed(folders=("/a",), settings=settings(server))
    assert KEY not in str(error.value)


def test_jellyfin_reports_unreachable_server(server: Server) -> None:
    gone = settings(server, url="http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot connect"):
        jellyfin.vpo_changed(folders=("/a",), settings=gone)
