"""Episodes, asked of a server that speaks Sonarr's JSON."""

from __future__ import annotations

from typing import Any

from tests.servers import Server, serving

from vpo.plugins.sonarr import vpo_metadata
from vpo.policy.external_facts import KNOWN_FIELDS

DOUBLE = "/tv/Cowboy Bebop/Season 1/Cowboy Bebop - S01E01-E02.mkv"
SPECIAL = "/tv/Cowboy Bebop/Specials/Cowboy Bebop - S00E01.mkv"
UNLISTED = "/tv/Cowboy Bebop/Season 1/new.mkv"
SERIES = {
    "series_title": "Cowboy Bebop",
    "series_type": "anime",
    "year": 1998,
    "original_language": "ja",
    "tvdb_id": 76885,
    "imdb_id": "tt0213338",
    "tmdb_id": 30991,
    "genres": "Action, Animation",
    "tags": "keep-original",
    "quality_profile": "HD-1080p",
    "external_title": "Cowboy Bebop",
    "monitored": True,
    "runtime": 25,
    "status": "ended",
    "network": "TV Tokyo",
    "rating": 9.0,
    "season_count": 1,
}


def ask(server: Server, *paths: str) -> dict[str, dict[str, Any]]:
    """The answer without what is unknown."""
    found = vpo_metadata(paths, server.settings)
    return {p: {k: v for k, v in fields.items() if v is not None} for p, fields in found.items()}


def test_sonarr_gives_episode_and_series_fields() -> None:
    with serving() as server:
        found = ask(server, DOUBLE, SPECIAL, UNLISTED, "/tv/other/a.mkv")
    assert found == {
        DOUBLE: {
            **SERIES,
            "title": "Asteroid Blues",
            "episode_title": "Asteroid Blues",
            "season": 1,
            "season_number": 1,
            "episode": 1,
            "episode_number": 1,
            "release_date": "1998-10-23",
            "air_date": "1998-10-23",
            "release_group": "x",
        },
        SPECIAL: {
            **SERIES,
            "title": "Session XX",
            "episode_title": "Session XX",
            "season": 0,
            "season_number": 0,
            "episode": 1,
            "episode_number": 1,
        },
        UNLISTED: SERIES,
    }


def test_sonarr_gives_the_fields_of_which_policies_know() -> None:
    with serving() as server:
        assert set(vpo_metadata([DOUBLE], server.settings)[DOUBLE]) == KNOWN_FIELDS["sonarr"]


def test_sonarr_asks_only_for_series_with_files() -> None:
    with serving() as server:
        ask(server, DOUBLE, SPECIAL, UNLISTED)
        assert server.asked == [
            "/api/v3/series",
            "/api/v3/tag",
            "/api/v3/qualityprofile",
            "/api/v3/episode?seriesId=5",
            "/api/v3/episodefile?seriesId=5",
        ]


def test_sonarr_asks_no_more_if_no_series_matches() -> None:
    with serving() as server:
        assert ask(server, "/elsewhere/a.mkv") == {}
        assert server.asked == ["/api/v3/series"]
