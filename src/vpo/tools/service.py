"""A child process that answers requests, one line each."""

from __future__ import annotations

import os
import selectors
import time
import weakref
from collections.abc import Sequence

from vpo.errors import CancelledError, is_crash
from vpo.text import format_seconds
from vpo.tools.process import Processes
from vpo.tools.process_group import GRACE_SECONDS, ProcessGroup
from vpo.tools.tool_failure import killed_by_system, signal_name

LONGEST_ANSWER = 64 << 20
"""The most bytes of one answer: a child that was taken over must not fill the memory."""
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_MMAP_THRESHOLD_": str(256 << 20)}
"""For glibc (mallopt(3)): memory is kept from one request to the next."""


class ServiceError(Exception):
    """A service did not answer; the message continues a sentence that names the service.

    ``crashed``: what it was asked about made it crash, not the machine.
    """

    def __init__(self, message: str, crashed: bool = False) -> None:
        super().__init__(message)
        self.crashed = crashed


class Service:
    """A child process that answers each request line with one line, until it is closed."""

    def __init__(self, processes: Processes, argv: Sequence[str]) -> None:
        self._processes = processes
        self._group = processes.start_service(argv, _KEEP_MEMORY)
        self._rest = bytearray()
        self._finalizer = weakref.finalize(self, _close, processes, self._group)

    @property
    def alive(self) -> bool:
        """Whether it has neither ended nor been killed."""
        return not (self._group.signalled or self._group.wait(0))

    def ask(self, line: bytes) -> None:
        """Send a request; the answers come in the order of the requests."""
        requests = self._group.process.stdin
        if requests is None or requests.closed:
            raise ServiceError("was closed")
        self._processes.use_service(self._group)
        try:
            requests.write(line + b"\n")
        except OSError:
            raise self._end() from None

    def answer(self, timeout: float) -> bytes:
        """Return the next answer; ``ServiceError`` if the child ends, or takes longer (s)."""
        answers = self._group.process.stdout
        if answers is None or answers.closed:
            raise ServiceError("was closed")
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)
            seen = 0
            while (end := self._rest.find(b"\n", seen)) < 0:
                seen = len(self._rest)
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise ServiceError(f"did not answer within {format_seconds(timeout)}")
                data = os.read(answers.fileno(), 1 << 20)
                if not data:
                    raise self._end()
                self._rest += data
                if len(self._rest) > LONGEST_ANSWER:
                    raise ServiceError("answered with more than any file can have", crashed=True)
        answer = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return answer

    def has_answer(self) -> bool:
        """Return whether the child has written something, or ended."""
        answers = self._group.process.stdout
        if b"\n" in self._rest or answers is None or answers.closed:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)
            return bool(selector.select(0))

    def close(self) -> None:
        """Kill the child and close its pipes."""
        self._finalizer()

    def _end(self) -> ServiceError:
        """Return why the child ended; raise ``CancelledError`` if the run was cancelled."""
        if self._processes.cancelled:
            raise CancelledError("interrupted")
        status = self._group.status() if self._group.wait(GRACE_SECONDS) else 0
        if is_crash(status):
            return ServiceError(f"crashed ({signal_name(-status)})", crashed=True)
        if status < 0:
            return ServiceError(f"was killed by {signal_name(-status)}{killed_by_system(status)}")
        return ServiceError("ended unexpectedly")


def _close(processes: Processes, group: ProcessGroup) -> None:
    processes.end_service(group)
