"""The Plex plugin: one request a folder has Plex scan the folders in which files were changed.

Another asks what it plays: ``/status/sessions`` has the parts of each film that is played.

Source: Plex's support article "Plex Media Server URL Commands": ``/library/sections`` lists the
libraries with their folders, ``/library/sections/KEY/refresh?path=FOLDER`` scans a part of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vpo.plugins.http_client import HttpClient
from vpo.plugins.interface import hookimpl
from vpo.plugins.server_paths import ServerPaths, parents


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Have Plex scan those of the folders that are in its libraries."""
    paths = ServerPaths(settings["path_map"])
    server = plex_client(settings)
    libraries = dict(_libraries(server))
    for folder in folders:
        theirs = paths.to_server(folder)
        root = next((path for path in (theirs, *parents(theirs)) if path in libraries), None)
        if root is not None:
            server.fetch(f"/library/sections/{libraries[root]}/refresh", path=theirs)


def played_by_plex(settings: Mapping[str, Any]) -> set[str]:
    """Return the files that are being played or paused, as local paths; raises ``SourceError``."""
    server, paths = plex_client(settings), ServerPaths(settings["path_map"])
    answer = server.get_json("/status/sessions")
    try:
        found = {
            paths.to_local(part.get("file"))
            for item in answer["MediaContainer"].get("Metadata", ())
            for media in item.get("Media", ())
            for part in media.get("Part", ())
        }
    except (AttributeError, KeyError, TypeError):
        raise server.error("unexpected response; is this a Plex server?") from None
    return {path for path in found if path is not None}


def plex_client(settings: Mapping[str, Any]) -> HttpClient:
    """Return a client that sends the key as this server expects it."""
    return HttpClient(settings, {"X-Plex-Token": settings["api_key"]})


def _libraries(server: HttpClient) -> Iterator[tuple[str, str]]:
    """Yield each folder of its libraries with the library's key."""
    answer = server.get_json("/library/sections")
    try:
        for library in answer["MediaContainer"].get("Directory", ()):
            for location in library.get("Location", ()):
                yield location["path"].rstrip("/") or "/", str(int(library["key"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise server.error("unexpected response; is this a Plex server?") from None
