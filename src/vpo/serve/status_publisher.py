"""Tells the browsers what runs, whoever runs it: this server, or a command in a terminal."""

from __future__ import annotations

import logging
import threading

from vpo.config.builder import Settings
from vpo.db.connection import DaemonConnectionPool
from vpo.errors import DatabaseError
from vpo.report.status_json import status_json
from vpo.serve.events import Events

_SECONDS = 1.0
log = logging.getLogger(__name__)


class StatusPublisher:
    """Publishes the event ``status`` when what runs or waits has changed, once a second at most.

    Without a browser that listens, it does nothing.
    """

    def __init__(self, settings: Settings, pool: DaemonConnectionPool, events: Events) -> None:
        self._settings, self._pool, self._events = settings, pool, events
        self._last: object = None

    def run(self, ended: threading.Event) -> None:
        """Publish until the end."""
        while not ended.wait(_SECONDS):
            self.beat()

    def beat(self) -> None:
        """Look once."""
        if not self._events.count:
            self._last = None
            return
        try:
            now = status_json(self._settings, self._pool)
        except DatabaseError as error:
            log.warning("%s", error)
            return
        if now != self._last:
            self._last = now
            self._events.publish("status", now)
