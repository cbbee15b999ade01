"""Films, asked of a server that speaks Radarr's JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import Server, answer, serving

from vpo.plugins import SourceError
from vpo.plugins.radarr import vpo_metadata
from vpo.policy.external_facts import KNOWN_FIELDS

FILM = "/movies/Spirited Away (2001)/Spirited Away (2001) Bluray-1080p.mkv"
STATION = "/movies/Central Station (1998)/cd1.avi"
LOST = "/movies/Something Lost/something.mkv"
ANSWER = {
    "title": "Spirited Away",
    "original_title": "千と千尋の神隠し",
    "year": 2001,
    "original_language": "ja",
    "release_date": "2015-06-16",
    "digital_release": "2015-06-16",
    "physical_release": "2002-07-19",
    "cinema_release": "2001-07-20",
    "tmdb_id": 129,
    "imdb_id": "tt0245429",
    "genres": "Animation, Family, Fantasy",
    "tags": "keep-original, family",
    "quality_profile": "HD-1080p",
    "external_title": "Spirited Away",
    "monitored": True,
    "certification": "PG",
    "runtime": 125,
    "status": "released",
    "studio": "Studio Ghibli",
    "rating_imdb": 8.6,
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def ask(server: Server, *paths: str, **settings: Any) -> dict[str, dict[str, Any]]:
    """The answer without what is unknown."""
    found = vpo_metadata(paths, {**server.settings, **settings})
    return {p: {k: v for k, v in fields.items() if v is not None} for p, fields in found.items()}


def test_radarr_finds_film_by_its_file(server: Server) -> None:
    assert ask(server, FILM) == {FILM: ANSWER}


def test_radarr_asks_once_for_a_library(server: Server) -> None:
    ask(server, FILM, STATION, LOST, *(f"/movies/{n}/{n}.mkv" for n in range(500)))
    assert server.asked == ["/api/v3/movie", "/api/v3/tag", "/api/v3/qualityprofile"]


def test_radarr_asks_no_more_if_no_film_matches(server: Server) -> None:
    assert ask(server, "/elsewhere/a.mkv") == {}
    assert server.asked == ["/api/v3/movie"]


def test_radarr_finds_film_for_other_container_and_extras(server: Server) -> None:
    renamed = FILM.replace(".mkv", ".mp4")
    extra = "/movies/Spirited Away (2001)/Featurettes/Making of.mkv"
    assert ask(server, renamed, extra) == {renamed: ANSWER, extra: ANSWER}


def test_radarr_omits_unknown_fields(server: Server) -> None:
    found = ask(server, STATION, LOST)
    assert found[STATION] == {
        "title": "Central Station",
        "original_title": "Central do Brasil",
        "year": 1998,
        "original_language": "pt-BR",
        "release_date": "1999-07-13",
        "physical_release": "1999-07-13",
        "cinema_release": "1998-04-03",
        "tmdb_id": 666,
        "imdb_id": "tt0140888",
        "genres": "Drama",
        "quality_profile": "Any",
        "external_title": "Central Station",
        "status": "released",
    }
    assert found[LOST] == {
        "title": "Something Lost",
        "original_title": "Something Lost",
        "tmdb_id": 667,
        "external_title": "Something Lost",
        "status": "announced",
    }


def test_radarr_gives_the_fields_of_which_policies_know(server: Server) -> None:
    films = answer("movie")[:1]
    films[0]["ratings"] = {"tmdb": {"value": 8.5}, "imdb": {"value": 0}}
    films[0]["collection"] = {"title": "Studio Ghibli Collection"}
    films[0]["movieFile"] |= {"edition": "Director's Cut", "releaseGroup": "GRP"}
    server.put("/api/v3/movie", films)
    fields = vpo_metadata([FILM], server.settings)[FILM]
    assert set(fields) == KNOWN_FIELDS["radarr"]
    assert fields["rating_tmdb"] == 8.5
    assert fields["collection_name"] == "Studio Ghibli Collection"
    assert (fields["edition"], fields["release_group"]) == ("Director's Cut", "GRP")


def test_radarr_finds_no_film_by_shared_folder(server: Server) -> None:
    films = answer("movie")
    for film in films:
        film["path"] = "/movies"
    server.put("/api/v3/movie", films)
    assert list(ask(server, FILM, STATION)) == [FILM]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("/movies", "/mnt/media/films"), ("/movies/", "/mnt/media/films/"), ("/", "/mnt/media")],
)
def test_radarr_maps_paths(server: Server, theirs: str, ours: str) -> None:
    root = "/mnt/media/films" if theirs != "/" else "/mnt/media/movies"
    path = FILM.replace("/movies", root)
    found = ask(server, path, FILM, path_map={theirs: ours, "/mov": "/wrong"})
    assert list(found) == [path]


def test_radarr_maps_windows_paths(server: Server) -> None:
    films = answer("movie")[:1]
    films[0]["path"] = "D:\\Films\\Spirited Away (2001)"
    films[0]["movieFile"]["path"] = "D:\\Films\\Spirited Away (2001)\\film.mkv"
    server.put("/api/v3/movie", films)
    path = "/mnt/films/Spirited Away (2001)/film.mkv"
    assert list(ask(server, path, path_map={"D:\\Films": "/mnt/films"})) == [path]


@pytest.mark.parametrize(
    "film",
    [{}, {"path": 5, "movieFile": []}, {"path": "/movies/A", "tags": "x", "originalLanguage": 3}],
)
def test_radarr_ignores_malformed_films(server: Server, film: dict[str, Any]) -> None:
    server.put("/api/v3/movie", [film])
    assert ask(server, "/movies/A/a.mkv") in ({}, {"/movies/A/a.mkv": {}})


def test_radarr_reports_refused_key_without_showing_it(server: Server) -> None:
    with pytest.raises(SourceError, match="the server refuses the API key") as error:
        ask(server, FILM, api_key="wrong-key")
    assert "wrong-key" not in str(error.value)
