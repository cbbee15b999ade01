"""What Radarr and Sonarr have in common: version 3 of their API, their paths and languages.

Sources: the OpenAPI documents of both projects (``/api/v3``), and their lists of languages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vpo.plugins.http_client import MAX_RESPONSE_SIZE, HttpClient


class Api(HttpClient):
    """A server of theirs."""

    def __init__(self, settings: Mapping[str, Any], largest: int = MAX_RESPONSE_SIZE) -> None:
        super().__init__(settings, {"X-Api-Key": settings["api_key"]}, largest)

    def records(self, name: str, **query: object) -> list[dict[str, Any]]:
        """The list of objects under ``/api/v3/NAME``; raises ``SourceError``."""
        answer = self.get(f"/api/v3/{name}", **query)
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            raise self.error("it does not answer as it should; is this the right server?")
        return answer

    def names(self, kind: str, field: str) -> dict[int, str]:
        """How tags or profiles are called, by id."""
        return {
            item["id"]: str(item[field])
            for item in self.records(kind)
            if {"id", field} <= set(item)
        }

    def command(self, name: str, **values: object) -> None:
        """Have it do something in its own time; raises ``SourceError``."""
        self.post("/api/v3/command", {"name": name, **values})


def holding(
    records: Iterable[dict[str, Any]], places: ServerPaths, folders: Iterable[str]
) -> list[int]:
    """The ids of the films or series in whose folders something is, each once."""
    owners = {
        path: item["id"]
        for item in records
        if "id" in item and (path := places.here(item.get("path")))
    }
    found = dict.fromkeys(
        next((owners[place] for place in (folder, *above(folder)) if place in owners), None)
        for folder in folders
    )
    return [number for number in found if number is not None]


class ServerPaths:
    """Where things of a server are: the folders of films and series, on this machine."""

    def __init__(self, path_map: Mapping[str, str] | None) -> None:
        pairs = sorted((path_map or {}).items(), key=lambda pair: -len(pair[0]))
        self._map = [(_slashes(theirs), ours.rstrip("/")) for theirs, ours in pairs]

    def here(self, path: object) -> str | None:
        """A path of the server as it is called here, links resolved; ``None`` for what is none."""
        if not isinstance(path, str) or not path or "\0" in path:
            return None
        text = _slashes(path)
        for theirs, ours in self._map:
            if text == theirs or text.startswith(theirs.rstrip("/") + "/"):
                text = ours + text[len(theirs.rstrip("/")) :]
                break
        return os.path.realpath(text) if text.startswith("/") else None

    def there(self, path: str) -> str:
        """A path of this machine as the server calls it."""
        for theirs, ours in sorted(self._map, key=lambda pair: -len(pair[1])):
            if path == ours or path.startswith(ours + "/"):
                return theirs.rstrip("/") + path[len(ours) :] or "/"
        return path


def _slashes(path: str) -> str:
    """With ``/`` and without one at the end: servers run on Windows, too."""
    if re.match(r"[A-Za-z]:\\|\\\\", path):
        path = path.replace("\\", "/")
    return path.rstrip("/") or "/"


def stem(path: str) -> str:
    """The path without its suffix: a change of the container leaves the file what it is."""
    return os.path.splitext(path)[0]


def above(path: str) -> Iterator[str]:
    """The folders that hold a file, the nearest first."""
    while (folder := os.path.dirname(path)) != path:
        yield folder
        path = folder


def date(value: object) -> str | None:
    """The day of a time as both write it: ``1999-03-31T00:00:00Z``."""
    found = (
        re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T|$)", value) if isinstance(value, str) else None
    )
    return found[0] if found else None


def text(value: object) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> int | None:
    """A number of theirs; 0 stands for none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None


def joined(values: object, names: Mapping[int, str] | None = None) -> str | None:
    """A list as one text, with commas, to be searched with ``contains``."""
    if not isinstance(values, list):
        return None
    found: Iterable[Any] = (names.get(v) for v in values) if names is not None else values
    return ", ".join(item for item in found if isinstance(item, str)) or None


def language(value: object) -> str | None:
    """The tag of a language that they name in English; ``None`` for ``Unknown`` and the like."""
    name = value.get("name") if isinstance(value, dict) else None
    return _LANGUAGES.get(name.lower()) if isinstance(name, str) else None


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
