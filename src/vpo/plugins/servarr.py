"""What Radarr and Sonarr share: version 3 of their API, and the fields of a film or series.

Sources: the OpenAPI documents of both projects (``/api/v3``), and their lists of languages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vpo.plugins.http_client import MAX_RESPONSE_SIZE, HttpClient
from vpo.plugins.server_paths import ServerPaths, parents

Record = dict[str, Any]
"""An object of the API: a film, a series or an episode."""


class Resource(NamedTuple):
    """What an API calls its films or series: the resource, its id, and the commands for it."""

    name: str
    id_field: str
    rescan_command: str
    rename_command: str


class NamesById(NamedTuple):
    """The names of tags and quality profiles, by id."""

    tags: Mapping[int, str]
    profiles: Mapping[int, str]


class Api(HttpClient):
    """The API of a Radarr or Sonarr server; every method raises ``SourceError``."""

    def __init__(self, settings: Mapping[str, Any], max_size: int = MAX_RESPONSE_SIZE) -> None:
        super().__init__(settings, {"X-Api-Key": settings["api_key"]}, max_size)

    def records(self, name: str, **query: object) -> list[Record]:
        """Return the list of objects at ``/api/v3/NAME``."""
        answer = self.get_json(f"/api/v3/{name}", **query)
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            raise self.error("unexpected response; is this the right server?")
        return answer

    def names(self, records: Iterable[Record]) -> NamesById:
        """Return the names of quality profiles, and of tags if any of the records has one."""
        tags = self._names("tag", "label") if any(item.get("tags") for item in records) else {}
        return NamesById(tags, self._names("qualityprofile", "name"))

    def _names(self, kind: str, field: str) -> dict[int, str]:
        return {
            item["id"]: str(item[field])
            for item in self.records(kind)
            if {"id", field} <= set(item)
        }


def rescan(folders: Iterable[str], settings: Mapping[str, Any], resource: Resource) -> None:
    """Start a rescan of the films or series in these folders; raises ``SourceError``."""
    api, paths = Api(settings), ServerPaths(settings["path_map"])
    for owner in _owners(api.records(resource.name), paths, folders):
        command = {"name": resource.rescan_command, resource.id_field: owner}
        api.post_json("/api/v3/command", command)


def rename(folders: Iterable[str], settings: Mapping[str, Any], resource: Resource) -> None:
    """Have the files of films or series in these folders named by the server's own rules.

    The server does so after the rescan that it was asked for before. Raises ``SourceError``.
    """
    api, paths = Api(settings), ServerPaths(settings["path_map"])
    owners = list(_owners(api.records(resource.name), paths, folders))
    if owners:
        command = {"name": resource.rename_command, f"{resource.id_field}s": owners}
        api.post_json("/api/v3/command", command)


def _owners(records: Sequence[Record], paths: ServerPaths, folders: Iterable[str]) -> Iterator[int]:
    """Yield the ids of the films or series that the folders belong to, each once."""
    ids = {
        path: item["id"]
        for item in records
        if "id" in item and (path := paths.to_local(item.get("path")))
    }
    found = dict.fromkeys(
        next((ids[path] for path in (folder, *parents(folder)) if path in ids), None)
        for folder in folders
    )
    yield from (owner for owner in found if owner is not None)


def shared_fields(record: Record, names: NamesById) -> Record:
    """Return the fields that films and series have in common."""
    return {
        "year": parse_number(record.get("year")),
        "original_language": parse_language(record.get("originalLanguage")),
        "tmdb_id": parse_number(record.get("tmdbId")),
        "imdb_id": parse_text(record.get("imdbId")),
        "genres": _joined(record.get("genres")),
        "tags": _joined(record.get("tags"), names.tags),
        "quality_profile": names.profiles.get(record.get("qualityProfileId", 0)),
        "external_title": parse_text(record.get("title")),
        "monitored": parse_flag(record.get("monitored")),
        "certification": parse_text(record.get("certification")),
        "runtime": parse_number(record.get("runtime")),
        "status": parse_text(record.get("status")),
    }


def without_extension(path: str) -> str:
    """Return the path without its extension, which a new container changes."""
    return os.path.splitext(path)[0]


def parse_date(value: object) -> str | None:
    """Return the date of a time such as ``1999-03-31T00:00:00Z``."""
    found = (
        re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T|$)", value) if isinstance(value, str) else None
    )
    return found[0] if found else None


def parse_text(value: object) -> str | None:
    """Return a text that is not empty."""
    return value if isinstance(value, str) and value else None


def parse_number(value: object) -> int | None:
    """Return a number; the API has 0 for none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None


def parse_flag(value: object) -> bool | None:
    """Return true or false."""
    return value if isinstance(value, bool) else None


def parse_inside(record: Record, *keys: str) -> Any:
    """Return what is at these keys in nested objects, ``None`` if there is nothing."""
    found: Any = record
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def parse_rating(value: object) -> float | None:
    """Return a rating; the API has 0 for none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and value else None  # type: ignore[arg-type]


def parse_language(value: object) -> str | None:
    """Return the tag of a language with an English name; ``None`` for ``Unknown`` and the like."""
    name = value.get("name") if isinstance(value, dict) else None
    return _LANGUAGES.get(name.lower()) if isinstance(name, str) else None


def _joined(values: object, names: Mapping[int, str] | None = None) -> str | None:
    """Return a list as one text with commas, for conditions with ``contains``."""
    if not isinstance(values, list):
        return None
    found: Iterable[Any] = (names.get(v) for v in values) if names is not None else values
    return ", ".join(item for item in found if isinstance(item, str)) or None


_TAGS = """
    afrikaans:af albanian:sq arabic:ar azerbaijani:az bengali:bn bosnian:bs bulgarian:bg catalan:ca
    chinese:zh croatian:hr czech:cs danish:da dutch:nl english:en estonian:et finnish:fi
    flemish:nl-BE french:fr georgian:ka german:de greek:el hebrew:he hindi:hi hungarian:hu
    icelandic:is indonesian:id italian:it japanese:ja kannada:kn korean:ko latvian:lv lithuanian:lt
    macedonian:mk malayalam:ml marathi:mr mongolian:mn norwegian:no persian:fa polish:pl
    portuguese:pt portuguese_(brazil):pt-BR romanian:ro romansh:rm russian:ru serbian:sr slovak:sk
    slovenian:sl spanish:es spanish_(latino):es-419 swedish:sv tagalog:tl tamil:ta telugu:te thai:th
    turkish:tr ukrainian:uk urdu:ur uzbek:uz vietnamese:vi
"""
_LANGUAGES = {
    name.replace("_", " "): tag for name, tag in (pair.split(":") for pair in _TAGS.split())
}
