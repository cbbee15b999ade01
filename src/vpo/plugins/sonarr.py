"""Episodes as a Sonarr server knows them: one request for all series, one each for tags and
profiles, and two for every series that a file is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """The series in these folders are scanned again (the command ``RescanSeries``)."""
    api, places = Api(settings), ServerPaths(settings["path_map"])
    for owner in holding(api.records("series"), places, folders):
        api.command("RescanSeries", seriesId=owner)


@hookimpl
def vpo_metadata(paths: Sequence[str], settings: Mapping[str, Any]) -> Mapping[str, Fields]:
    """The episodes of the files that Sonarr has on its list, and the series of all files."""
    api, places = Api(settings), ServerPaths(settings["path_map"])
    found = dict(_by_series(api.records("series"), places, paths))
    if not found:
        return {}
    tagged = any(series.get("tags") for series, _ in found.values())
    tags = api.names("tag", "label") if tagged else {}
    profiles = api.names("qualityprofile", "name")
    answer: dict[str, dict[str, Any]] = {}
    for key, (series, files) in found.items():
        fields = _series_fields(series, tags, profiles)
        episodes = _episodes(api, places, key)
        for path in files:
            answer[path] = {**fields, **_episode_fields(episodes.get(stem(path), {}))}
    return answer


def _by_series(
    every: Sequence[dict[str, Any]], places: ServerPaths, paths: Sequence[str]
) -> Iterator[tuple[int, tuple[dict[str, Any], list[str]]]]:
    """The series that files are of, by id, each with these files."""
    folders = {places.here(series.get("path")): series for series in every if series.get("id")}
    found: dict[int, tuple[dict[str, Any], list[str]]] = {}
    for path in paths:
        folder = next((folder for folder in above(path) if folder in folders), None)
        if folder is not None:
            series = folders[folder]
            found.setdefault(series["id"], (series, []))[1].append(path)
    yield from found.items()


def _episodes(api: Api, places: ServerPaths, series: int) -> dict[str, dict[str, Any]]:
    """The first episode of each file, by the file's path without its suffix."""
    first: dict[object, dict[str, Any]] = {}
    for episode in sorted(api.records("episode", seriesId=series), key=_place):
        first.setdefault(episode.get("episodeFileId"), episode)
    files = api.records("episodefile", seriesId=series)
    known = ((places.here(file.get("path")), first.get(file.get("id"))) for file in files)
    return {stem(path): episode for path, episode in known if path and episode}


def _place(episode: dict[str, Any]) -> tuple[int, int]:
    return (number(episode.get("seasonNumber")) or 0, number(episode.get("episodeNumber")) or 0)


def _series_fields(
    series: dict[str, Any], tags: Mapping[int, str], profiles: Mapping[int, str]
) -> dict[str, Any]:
    return {
        "series_title": text(series.get("title")),
        "series_type": text(series.get("seriesType")),
        "year": number(series.get("year")),
        "original_language": language(series.get("originalLanguage")),
        "tvdb_id": number(series.get("tvdbId")),
        "imdb_id": text(series.get("imdbId")),
        "tmdb_id": number(series.get("tmdbId")),
        "genres": joined(series.get("genres")),
        "tags": joined(series.get("tags"), tags),
        "quality_profile": profiles.get(series.get("qualityProfileId", 0)),
    }


def _episode_fields(episode: dict[str, Any]) -> dict[str, Any]:
    season, place = episode.get("seasonNumber"), episode.get("episodeNumber")
    return {
        "title": text(episode.get("title")),
        "season": season if isinstance(season, int) else None,
        "episode": place if isinstance(place, int) else None,
        "release_date": date(episode.get("airDate")),
    }
