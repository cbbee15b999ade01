"""The Radarr plugin: metadata of films, and rescans of those whose files were changed.

One request gets all films, and one each the names of tags and quality profiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vpo.plugins.interface import Fields, hookimpl
from vpo.plugins.servarr import (
    Api,
    NamesById,
    Record,
    Resource,
    parse_date,
    parse_inside,
    parse_rating,
    parse_text,
    rename,
    rescan,
    shared_fields,
    without_extension,
)
from vpo.plugins.server_paths import ServerPaths, parents

_FILMS = Resource("movie", "movieId", "RescanMovie", "RenameMovie")
_RELEASES = {
    "digital_release": "digitalRelease",
    "physical_release": "physicalRelease",
    "cinema_release": "inCinemas",
}
"""``release_date`` is the first of them that is known."""


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Rescan the films in these folders."""
    if settings.get("rescan", True):
        rescan(folders, settings, _FILMS)


@hookimpl
def vpo_rename(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Have the files of the films in these folders named as Radarr names them."""
    if not settings.get("rescan", True):
        rescan(folders, settings, _FILMS)  # or it would name what the file was before
    rename(folders, settings, _FILMS)


@hookimpl
def vpo_metadata(paths: Sequence[str], settings: Mapping[str, Any]) -> Mapping[str, Fields]:
    """Return the fields of the films that the files belong to, by file or by folder."""
    api = Api(settings)
    films = _Films(api.records(_FILMS.name), ServerPaths(settings["path_map"]))
    found = {path: film for path in paths if (film := films.film_of(path))}
    if not found:
        return {}
    names = api.names(found.values())
    return {path: _fields(film, names) for path, film in found.items()}


class _Films:
    """The films by file, and by folder if it has only one film."""

    def __init__(self, films: Sequence[Record], paths: ServerPaths) -> None:
        self._files: dict[str, Record] = {}
        self._folders: dict[str, Record | None] = {}
        for film in films:
            file = film.get("movieFile")
            if isinstance(file, dict) and (path := paths.to_local(file.get("path"))):
                self._files[without_extension(path)] = film
            if folder := paths.to_local(film.get("path")):
                self._folders[folder] = None if folder in self._folders else film

    def film_of(self, path: str) -> Record | None:
        by_file = self._files.get(without_extension(path))
        if by_file is not None:
            return by_file
        nearest = next((folder for folder in parents(path) if folder in self._folders), "")
        return self._folders.get(nearest)


def _fields(film: Record, names: NamesById) -> Record:
    released = {field: parse_date(film.get(name)) for field, name in _RELEASES.items()}
    return {
        **shared_fields(film, names),
        "title": parse_text(film.get("title")),
        "original_title": parse_text(film.get("originalTitle")),
        "rating_tmdb": parse_rating(parse_inside(film, "ratings", "tmdb", "value")),
        "rating_imdb": parse_rating(parse_inside(film, "ratings", "imdb", "value")),
        "studio": parse_text(film.get("studio")),
        "collection_name": parse_text(parse_inside(film, "collection", "title")),
        "edition": parse_text(parse_inside(film, "movieFile", "edition")),
        "release_group": parse_text(parse_inside(film, "movieFile", "releaseGroup")),
        "release_date": next((day for day in released.values() if day), None),
        **released,
    }
