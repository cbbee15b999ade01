"""Work on single files for pages: a few at a time, off the event loop, ended with the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from vpo.run.request import Interrupt, RunInterrupt
from vpo.tools.process import Processes

Answer = TypeVar("Answer")
_MOST = 2
"""How many plans, pictures and undos are made at the same time; the others wait, and cost little.

The encodes, which have the machine's time, are the reason for so few.
"""


class FileWork:
    """What requests have to do with files that may take seconds."""

    def __init__(self, most: int = _MOST) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="vpo file")
        self._interrupt = Interrupt()
        self._running: set[Processes] = set()

    async def do(self, function: Callable[..., Answer], *values: Any) -> Answer:
        """Return what the function returns, called in a thread when its turn has come."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *values)

    def interrupt(self) -> Interrupt:
        """Return the interrupt of one run, which ends with the server."""
        return RunInterrupt(self._interrupt)

    @contextlib.contextmanager
    def processes(self) -> Iterator[Processes]:
        """Yield what starts the processes of one piece of work; they end with it."""
        found = Processes()
        self._running.add(found)
        try:
            if self._interrupt.stop:
                found.cancel()
            yield found
        finally:
            self._running.discard(found)
            found.close()

    def close(self) -> None:
        """End what runs, and start nothing more; restoring an original is completed."""
        self._interrupt.signal()
        self._interrupt.at_once = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for each in list(self._running):
            each.cancel()
