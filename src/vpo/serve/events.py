"""Hands events to any number of streams; one that does not keep up is ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from threading import Lock
from typing import Any

_CAPACITY = 256
_QUIET = 15.0
"""Seconds after which a silent stream sends a comment, which shows that the browser is gone."""


class Events:
    """The events of the server; ``publish`` may be called from any thread and never waits."""

    def __init__(self, capacity: int = _CAPACITY, quiet: float = _QUIET) -> None:
        self._capacity, self._quiet = capacity, quiet
        self._guard = Lock()
        self._streams: dict[asyncio.Queue[str | None], asyncio.AbstractEventLoop] = {}

    def publish(self, kind: str, data: Any) -> None:
        """Hand an event to all streams."""
        text = f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
        self._to_all(text)

    def close(self) -> None:
        """End all streams."""
        self._to_all(None)

    async def stream(self) -> AsyncIterator[str]:
        """Yield the events from now on, in the format of server-sent events."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(self._capacity)
        with self._guard:
            self._streams[queue] = asyncio.get_running_loop()
        try:
            yield "retry: 2000\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), self._quiet)
                except asyncio.TimeoutError:
                    yield ": nothing new\n\n"
                    continue
                if text is None:
                    return
                yield text
        finally:
            self._forget(queue)

    @property
    def count(self) -> int:
        """The number of streams."""
        with self._guard:
            return len(self._streams)

    def _to_all(self, text: str | None) -> None:
        with self._guard:
            streams = list(self._streams.items())
        for queue, loop in streams:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(self._put, queue, text)

    def _put(self, queue: asyncio.Queue[str | None], text: str | None) -> None:
        if queue.full() or text is None:
            # Its browser connects again and reads the present state.
            self._forget(queue)
            while not queue.empty():
                queue.get_nowait()
            text = None
        queue.put_nowait(text)

    def _forget(self, queue: asyncio.Queue[str | None]) -> None:
        with self._guard:
            self._streams.pop(queue, None)
