"""The Jellyfin plugin: one request has it rescan all folders in which files were changed.

Source: Jellyfin's OpenAPI document, ``POST /Library/Media/Updated`` with a ``MediaUpdateInfoDto``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vpo.plugins.http_client import HttpClient
from vpo.plugins.interface import hookimpl
from vpo.plugins.server_paths import ServerPaths


@hookimpl
def vpo_changed(folders: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Have Jellyfin rescan these folders, which it does after a delay."""
    paths = ServerPaths(settings["path_map"])
    updates = [{"Path": paths.to_server(path), "UpdateType": "Modified"} for path in folders]
    headers = {"Authorization": f'MediaBrowser Token="{settings["api_key"]}"'}
    HttpClient(settings, headers).post_json("/Library/Media/Updated", {"Updates": updates})
