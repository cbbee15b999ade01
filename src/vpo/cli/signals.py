"""What signals mean to a run."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from vpo.run.request import Interrupt

_FINISHING = b"\nfinishing the files in progress; press Ctrl-C again to end them at once\n"


@contextlib.contextmanager
def heeded() -> Iterator[Interrupt]:
    """The first Ctrl-C lets the files in progress complete; the second, SIGTERM and a closed
    terminal end the tools at once."""
    interrupt = Interrupt()

    def polite(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        interrupt.signal()
        if not interrupt.at_once:
            # Not through a stream, which may be in use; and nobody may be there to read it.
            with contextlib.suppress(OSError):
                os.write(2, _FINISHING)

    def at_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        interrupt.signal()
        interrupt.at_once = True

    handlers = {signal.SIGINT: polite, signal.SIGTERM: at_once, signal.SIGHUP: at_once}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
