"""Tells Jellyfin in which folders files were changed: one request for all of them.

Source: Jellyfin's OpenAPI document, ``POST /Library/Media/Updated`` with a ``MediaUpdateInfoDto``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vpo.plugins import hookimpl
from vpo.plugins.http_client import HttpClient
from vpo.plugins.servarr import ServerPaths


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Jellyfin looks again at these folders, some time after it was told."""
    places = ServerPaths(settings["path_map"])
    updates = [{"Path": places.there(path), "UpdateType": "Modified"} for path in folders]
    headers = {"Authorization": f'MediaBrowser Token="{settings["api_key"]}"'}
    HttpClient(settings, headers).post("/Library/Media/Updated", {"Updates": updates})
