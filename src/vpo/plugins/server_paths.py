"""Maps paths between a media server and this machine, by the setting ``path_map``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping


class ServerPaths:
    """The folders of a server and where they are on this machine; the longest match counts."""

    def __init__(self, path_map: Mapping[str, str] | None) -> None:
        pairs = sorted((path_map or {}).items(), key=lambda pair: -len(pair[0]))
        self._map = [(_with_slashes(theirs), ours.rstrip("/")) for theirs, ours in pairs]

    def to_local(self, path: object) -> str | None:
        """Return a server's path as it is on this machine, links resolved; ``None`` if invalid."""
        if not isinstance(path, str) or not path or "\0" in path:
            return None
        text = _with_slashes(path)
        for theirs, ours in self._map:
            if text == theirs or text.startswith(theirs.rstrip("/") + "/"):
                text = ours + text[len(theirs.rstrip("/")) :]
                break
        return os.path.realpath(text) if text.startswith("/") else None

    def to_server(self, path: str) -> str:
        """Return a path of this machine as it is on the server."""
        for theirs, ours in sorted(self._map, key=lambda pair: -len(pair[1])):
            if path == ours or path.startswith(ours + "/"):
                return theirs.rstrip("/") + path[len(ours) :] or "/"
        return path


def parents(path: str) -> Iterator[str]:
    """Yield the folders that contain a path, the nearest first."""
    while (folder := os.path.dirname(path)) != path:
        yield folder
        path = folder


def _with_slashes(path: str) -> str:
    """Return the path with ``/``, also for a server on Windows, and without one at the end."""
    if re.match(r"[A-Za-z]:\\|\\\\", path):
        path = path.replace("\\", "/")
    return path.rstrip("/") or "/"
