"""The Jellyfin plugin: one request has it rescan all folders in which files were changed.

Another asks what it plays. Source: Jellyfin's OpenAPI document, ``POST /Library/Media/Updated``
with a ``MediaUpdateInfoDto``, and ``GET /Sessions`` with a list of ``SessionInfoDto``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vpo.plugins.http_client import HttpClient
from vpo.plugins.interface import hookimpl
from vpo.plugins.server_paths import ServerPaths


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Have Jellyfin rescan these folders, which it does after a delay."""
    paths = ServerPaths(settings["path_map"])
    updates = [{"Path": paths.to_server(path), "UpdateType": "Modified"} for path in folders]
    jellyfin_client(settings).post_json("/Library/Media/Updated", {"Updates": updates})


def played_by_jellyfin(settings: Mapping[str, Any]) -> set[str]:
    """Return the files that are being played or paused, as local paths; raises ``SourceError``."""
    server, paths = jellyfin_client(settings), ServerPaths(settings["path_map"])
    sessions = server.get_json("/Sessions")
    try:
        found = {paths.to_local(path) for session in sessions for path in _played(session)}
    except (AttributeError, TypeError):
        raise server.error("unexpected response; is this a Jellyfin server?") from None
    return {path for path in found if path is not None}


def _played(session: Mapping[str, Any]) -> Iterator[object]:
    """Yield the path of what a session plays; of a film with several versions, of each."""
    item = session.get("NowPlayingItem") or {}
    yield item.get("Path")
    for source in item.get("MediaSources") or ():
        yield source.get("Path")


def jellyfin_client(settings: Mapping[str, Any]) -> HttpClient:
    """Return a client that sends the key as this server expects it."""
    return HttpClient(settings, {"Authorization": f'MediaBrowser Token="{settings["api_key"]}"'})
