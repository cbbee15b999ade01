"""The Sonarr plugin: metadata of episodes, and rescans of the series whose files were changed.

One request gets all series, one each the names of tags and quality profiles, and two the episodes
of each series that a file belongs to.
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
    parse_number,
    parse_rating,
    parse_text,
    rename,
    rescan,
    shared_fields,
    without_extension,
)
from vpo.plugins.server_paths import ServerPaths, parents

_SERIES = Resource("series", "seriesId", "RescanSeries", "RenameSeries")


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Rescan the series in these folders."""
    if settings.get("rescan", True):
        rescan(folders, settings, _SERIES)


@hookimpl
def vpo_rename(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Have the files of the series in these folders named as Sonarr names them."""
    if not settings.get("rescan", True):
        rescan(folders, settings, _SERIES)  # or it would name what the file was before
    rename(folders, settings, _SERIES)


@hookimpl
def vpo_metadata(paths: Sequence[str], settings: Mapping[str, Any]) -> Mapping[str, Fields]:
    """Return the fields of each file's series, and of its episode if Sonarr knows the file."""
    api, server_paths = Api(settings), ServerPaths(settings["path_map"])
    every = {item["id"]: item for item in api.records(_SERIES.name) if item.get("id")}
    files = _files_by_series(every, server_paths, paths)
    if not files:
        return {}
    names = api.names(every[key] for key in files)
    answer: dict[str, Record] = {}
    for key, of_series in files.items():
        fields = _series_fields(every[key], names)
        episodes = _episodes(api, server_paths, key)
        for path in of_series:
            answer[path] = {**fields, **_episode_fields(episodes.get(without_extension(path), {}))}
    return answer


def _files_by_series(
    every: Mapping[int, Record], server_paths: ServerPaths, paths: Sequence[str]
) -> dict[int, list[str]]:
    """Return the files of each series that any file belongs to, by the series' id."""
    folders = {server_paths.to_local(item.get("path")): key for key, item in every.items()}
    found: dict[int, list[str]] = {}
    for path in paths:
        folder = next((folder for folder in parents(path) if folder in folders), None)
        if folder is not None:
            found.setdefault(folders[folder], []).append(path)
    return found


def _episodes(api: Api, server_paths: ServerPaths, series: int) -> dict[str, Record]:
    """Return the first episode in each file, by the file's path without its extension.

    It has the release group of its file.
    """
    first: dict[object, Record] = {}
    for episode in sorted(api.records("episode", seriesId=series), key=_order):
        first.setdefault(episode.get("episodeFileId"), episode)
    files = api.records("episodefile", seriesId=series)
    by_path: dict[str, Record] = {}
    for file in files:
        path, found = server_paths.to_local(file.get("path")), first.get(file.get("id"))
        if path and found:
            group = {"releaseGroup": file.get("releaseGroup")}
            by_path[without_extension(path)] = {**found, **group}
    return by_path


def _order(episode: Record) -> tuple[int, int]:
    season, number = episode.get("seasonNumber"), episode.get("episodeNumber")
    return parse_number(season) or 0, parse_number(number) or 0


def _series_fields(series: Record, names: NamesById) -> Record:
    return {
        **shared_fields(series, names),
        "series_title": parse_text(series.get("title")),
        "series_type": parse_text(series.get("seriesType")),
        "tvdb_id": parse_number(series.get("tvdbId")),
        "network": parse_text(series.get("network")),
        "rating": parse_rating(parse_inside(series, "ratings", "value")),
        "season_count": parse_number(parse_inside(series, "statistics", "seasonCount")),
        "total_episode_count": parse_number(
            parse_inside(series, "statistics", "totalEpisodeCount")
        ),
    }


def _episode_fields(episode: Record) -> Record:
    season, number = (
        value if isinstance(value, int) else None
        for value in (episode.get("seasonNumber"), episode.get("episodeNumber"))
    )
    day, title = parse_date(episode.get("airDate")), parse_text(episode.get("title"))
    return {
        "title": title,
        "episode_title": title,
        "season": season,
        "season_number": season,
        "episode": number,
        "episode_number": number,
        "release_date": day,
        "air_date": day,
        "release_group": parse_text(episode.get("releaseGroup")),
    }
