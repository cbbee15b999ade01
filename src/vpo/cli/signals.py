"""Handles Ctrl-C and other signals during a run."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from vpo.run.request import Interrupt

_FINISHING = b"\nfinishing the files in progress; press Ctrl-C again to end them at once\n"


@contextlib.contextmanager
def signals_handled() -> Iterator[Interrupt]:
    """Yield an interrupt that signals set.

    The first Ctrl-C lets the files in progress complete. The second, SIGTERM and SIGHUP end the
    tools at once.
    """
    interrupt = Interrupt()

    def finish(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        interrupt.signal()
        if not interrupt.at_once:
            # Not through a stream, which the interrupted code may be using; stderr may be closed.
            with contextlib.suppress(OSError):
                os.write(2, _FINISHING)

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        interrupt.signal()
        interrupt.at_once = True

    handlers = {signal.SIGINT: finish, signal.SIGTERM: end, signal.SIGHUP: end}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
