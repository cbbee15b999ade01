"""Asks the configured servers whether they respond and accept the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpo.plugins.http_client import HttpClient
from vpo.plugins.jellyfin import jellyfin_client
from vpo.plugins.plex import plex_client
from vpo.plugins.servarr import Api


def server_status(name: str, settings: Mapping[str, Any]) -> str:
    """Return the name and version of a server that accepts the key; raise ``SourceError``."""
    client, path, keys = _REQUESTS[name]
    server = client(settings)
    answer = server.get_json(path)
    if isinstance(answer, dict) and "MediaContainer" in answer:
        answer = answer["MediaContainer"]
    if not isinstance(answer, dict) or not all(isinstance(answer.get(key), str) for key in keys):
        raise server.error("unexpected response; is this the right server?")
    return " ".join(answer[key] for key in keys)


_Request = tuple[Callable[[Mapping[str, Any]], HttpClient], str, tuple[str, ...]]
_REQUESTS: Mapping[str, _Request] = {
    "radarr": (Api, "/api/v3/system/status", ("appName", "version")),
    "sonarr": (Api, "/api/v3/system/status", ("appName", "version")),
    "jellyfin": (jellyfin_client, "/System/Info", ("ServerName", "Version")),
    "plex": (plex_client, "/", ("friendlyName", "version")),
}
"""The request that needs the key, and where the answer has the name and the version."""
