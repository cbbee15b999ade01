"""Has Plex scan the folders in which files were changed: one request a folder.

Source: Plex's support article "Plex Media HttpClient URL Commands": ``/library/sections`` lists the
libraries with their folders, ``/library/sections/KEY/refresh?path=FOLDER`` scans a part of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vpo.plugins import hookimpl
from vpo.plugins.http_client import HttpClient
from vpo.plugins.servarr import ServerPaths, above


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Plex scans these folders, as far as they lie in its libraries."""
    places = ServerPaths(settings["path_map"])
    server = HttpClient(settings, {"X-Plex-Token": settings["api_key"]})
    libraries = dict(_libraries(server))
    for folder in folders:
        theirs = places.there(folder)
        place = next((p for p in (theirs, *above(theirs)) if p in libraries), None)
        if place is not None:
            server.fetch(f"/library/sections/{libraries[place]}/refresh", path=theirs)


def _libraries(server: HttpClient) -> Iterator[tuple[str, str]]:
    """The folders of its libraries, and the key of each."""
    answer = server.get("/library/sections")
    try:
        for library in answer["MediaContainer"].get("Directory", ()):
            for location in library.get("Location", ()):
                yield location["path"].rstrip("/") or "/", str(int(library["key"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise server.error("it does not answer as Plex does; is this the right server?") from None
