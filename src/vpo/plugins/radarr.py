"""Films as a Radarr server knows them: one request for all, and one each for tags and profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vpo.plugins import Fields, hookimpl
from vpo.plugins.servarr import (
    Api,
    ServerPaths,
    above,
    date,
    holding,
    joined,
    language,
    number,
    stem,
    text,
)

_RELEASES = {
    "digital_release": "digitalRelease",
    "physical_release": "physicalRelease",
    "cinema_release": "inCinemas",
}
"""``release_date`` is the first of them that is known."""


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """The films in these folders are scanned again (the command ``RescanMovie``)."""
    api, places = Api(settings), ServerPaths(settings["path_map"])
    for owner in holding(api.records("movie"), places, folders):
        api.command("RescanMovie", movieId=owner)


@hookimpl
def vpo_metadata(paths: Sequence[str], settings: Mapping[str, Any]) -> Mapping[str, Fields]:
    """The films whose file, or whose folder, the paths are in."""
    api, places = Api(settings), ServerPaths(settings["path_map"])
    films = _Films(api.records("movie"), places)
    found = {path: film for path in paths if (film := films.of(path))}
    if not found:
        return {}
    tags = api.names("tag", "label") if any(film.get("tags") for film in found.values()) else {}
    profiles = api.names("qualityprofile", "name")
    return {path: _fields(film, tags, profiles) for path, film in found.items()}


class _Films:
    """The films by their file, and by their folder where it is that of one film only."""

    def __init__(self, films: Sequence[dict[str, Any]], places: ServerPaths) -> None:
        self._files: dict[str, dict[str, Any]] = {}
        self._folders: dict[str, dict[str, Any] | None] = {}
        for film in films:
            file = film.get("movieFile")
            if isinstance(file, dict) and (path := places.here(file.get("path"))):
                self._files[stem(path)] = film
            if folder := places.here(film.get("path")):
                self._folders[folder] = None if folder in self._folders else film

    def of(self, path: str) -> dict[str, Any] | None:
        by_file = self._files.get(stem(path))
        if by_file is not None:
            return by_file
        nearest = next((folder for folder in above(path) if folder in self._folders), "")
        return self._folders.get(nearest)


def _fields(
    film: dict[str, Any], tags: Mapping[int, str], profiles: Mapping[int, str]
) -> dict[str, Any]:
    released = {field: date(film.get(name)) for field, name in _RELEASES.items()}
    return {
        "title": text(film.get("title")),
        "original_title": text(film.get("originalTitle")),
        "year": number(film.get("year")),
        "original_language": language(film.get("originalLanguage")),
        "release_date": next((day for day in released.values() if day), None),
        **released,
        "tmdb_id": number(film.get("tmdbId")),
        "imdb_id": text(film.get("imdbId")),
        "genres": joined(film.get("genres")),
        "tags": joined(film.get("tags"), tags),
        "quality_profile": profiles.get(film.get("qualityProfileId", 0)),
    }
