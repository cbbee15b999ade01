"""Asks a media server which files it plays, so that these wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from vpo.config.models import Config
from vpo.errors import SourceError, UnreachableError
from vpo.plugins import jellyfin, plex

_ASK = {"jellyfin": jellyfin.played_by_jellyfin, "plex": plex.played_by_plex}
_NAMES = {"jellyfin": "Jellyfin", "plex": "Plex"}
_FRESH, _FRESH_ERROR = 2.0, 60.0
"""The seconds for which an answer holds: a header edit takes less, and a time-out may take more."""


class PlayedFiles:
    """The files that a media server plays, asked again after two seconds.

    A server that cannot be reached plays nothing, which is a warning. While one gives no usable
    answer, every file counts as played. Used by all workers; ``clock`` is in seconds.
    """

    def __init__(
        self, name: str, settings: Mapping[str, Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._settings, self._clock = name, settings, clock
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._problem: str | None = None
        self._until: float | None = None
        self._warned = False
        self._messages: deque[str] = deque()

    def reason(self, path: str) -> str | None:
        """Return why the file has to wait; ``None`` if nobody plays it."""
        with self._lock:
            if self._until is None or self._clock() >= self._until:
                self._ask()
            if self._problem is not None:
                return self._problem
            return f"{_NAMES[self._name]} is playing it" if path in self._paths else None

    def messages(self) -> list[str]:
        """Return the messages since the last call."""
        return [self._messages.popleft() for _ in range(len(self._messages))]

    def _ask(self) -> None:
        self._paths, self._problem, fresh = set(), None, _FRESH
        try:
            self._paths = _ASK[self._name](self._settings)
        except UnreachableError as error:
            fresh = _FRESH_ERROR
            if not self._warned:
                self._warned = True
                self._messages.append(f"warning: {error}; no file counts as being played")
        except SourceError as error:
            fresh = _FRESH_ERROR
            self._problem = f"whether {_NAMES[self._name]} is playing it is unknown: {error}"
        self._until = self._clock() + fresh


def played_files(config: Config) -> PlayedFiles | None:
    """Return the files that the server of ``[files] in_use`` plays; ``None`` if none is asked."""
    name = config.files.in_use
    return None if name is None else PlayedFiles(name, asdict(getattr(config, name)))
