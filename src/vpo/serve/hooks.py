"""The webhooks of Sonarr and Radarr: which files an event is about.

The bodies are those of Sonarr 4 and Radarr 5 and 6, from the classes ``Webhook*Payload`` of their
source (https://github.com/Sonarr/Sonarr, https://github.com/Radarr/Radarr).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Program = Literal["sonarr", "radarr"]
_FOLDERS = {"sonarr": ("series", "path"), "radarr": ("movie", "folderPath")}
_FILES = {"sonarr": "episodeFile", "radarr": "movieFile"}
_RENAMED = {"sonarr": "renamedEpisodeFiles", "radarr": "renamedMovieFiles"}
_FILE_DELETED = {"sonarr": "EpisodeFileDelete", "radarr": "MovieFileDelete"}
_ALL_DELETED = {"sonarr": "SeriesDelete", "radarr": "MovieDelete"}


class HookEvent(NamedTuple):
    """An event, the files that are new, those that are gone, and folders that are gone.

    The paths are as the program sees them.
    """

    event: str
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    gone_folders: tuple[str, ...] = ()


def read_hook(program: Program, body: Mapping[str, Any]) -> HookEvent:
    """Return what a body says; raise ``ValueError`` for one that is not of this program.

    An event that concerns no file, or that nobody knows yet, has none.
    """
    event = body.get("eventType")
    if not isinstance(event, str) or not event:
        raise ValueError(f'this is no webhook of {program.capitalize()}: it has no "eventType"')
    folder = _folder(program, body)
    if event == "Download":
        # An import of several files at once names them in a list.
        new = [body.get(_FILES[program]), *_list(body.get(f"{_FILES[program]}s"))]
        gone = _list(body.get("deletedFiles"))
        return HookEvent(event, _paths(new, folder), _paths(gone, folder))
    if event == "Rename":
        renamed = _list(body.get(_RENAMED[program]))
        before = tuple(item["previousPath"] for item in renamed if _is_text(item, "previousPath"))
        return HookEvent(event, _paths(renamed, folder), before)
    if event == _FILE_DELETED[program]:
        return HookEvent(event, gone=_paths([body.get(_FILES[program])], folder))
    if event == _ALL_DELETED[program] and body.get("deletedFiles") and folder:
        return HookEvent(event, gone_folders=(folder,))
    return HookEvent(event)


def _folder(program: Program, body: Mapping[str, Any]) -> str | None:
    name, key = _FOLDERS[program]
    found = body.get(name)
    return found[key] if isinstance(found, Mapping) and _is_text(found, key) else None


def _list(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _paths(files: list[Any], folder: str | None) -> tuple[str, ...]:
    return tuple(path for file in files for path in _path(file, folder))


def _path(file: object, folder: str | None) -> Iterator[str]:
    """Yield the path of a file, put together from its folder where it is not stated."""
    if not isinstance(file, Mapping):
        return
    if _is_text(file, "path"):
        yield file["path"]
    elif folder and _is_text(file, "relativePath"):
        slash = "\\" if "\\" in folder and "/" not in folder else "/"
        yield folder.rstrip("/\\") + slash + file["relativePath"]


def _is_text(item: Mapping[str, Any], key: str) -> bool:
    return isinstance(item.get(key), str) and bool(item[key])
