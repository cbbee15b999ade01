"""Probing in a child process, so that a parser that crashes or hangs costs one file.

Each thread keeps one child with PyAV in it and asks it over a pipe, one JSON line for a question
and one for the answer: JSON, because what parses untrusted files must not send pickles.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from vpo.errors import ProbeError
from vpo.media.model import MediaFile, from_json, to_json
from vpo.probe import reader
from vpo.tools.process import Processes
from vpo.tools.service import Service, ServiceError

_MEMORY = 4 << 30
"""Bytes of address space for data that a parser may take before it is refused more."""


class Prober:
    """Answers questions about media files; each raises ``ProbeError``.

    ``stall_seconds`` is how long the parser may take over one question. May be used from all
    threads: each has a child of its own.
    """

    def __init__(self, processes: Processes, stall_seconds: float) -> None:
        self.processes, self._stall_seconds = processes, stall_seconds
        self._thread = threading.local()
        self._spare: deque[Service] = deque()

    def start_early(self) -> None:
        """Start a child for the first thread that asks.

        It takes a tenth of a second until it can answer, in which there is something else to do.
        """
        if not self._spare:
            self._spare.append(self._child())

    def probe(self, path: str, frames: bool = False) -> MediaFile:
        """Return what the file is; with ``frames`` also what its first frames say (``hdr``)."""
        return from_json(self._ask("probe", path, frames))

    def headers(self, path: str) -> MediaFile:
        """Return what the headers say of a file whose packets are known; nothing is decoded."""
        return from_json(self._ask("headers", path))

    def headers_and_ends(self, path: str) -> tuple[MediaFile, dict[int, float]]:
        """Return ``headers`` and ``last_times`` of a file that is opened once."""
        media, ends = self._ask("headers_and_ends", path)
        return from_json(media), _times(ends)

    def last_times(
        self, path: str, duration: float | None, indexes: frozenset[int]
    ) -> Callable[[], dict[int, float]]:
        """Compute ``vpo.probe.reader.last_times`` while the caller does something else.

        Call the result for the answer, in the thread that asked.
        """
        question = self._begin("last_times", path, duration, sorted(indexes))
        return lambda: _times(question.answer())

    def keyframes(self, path: str, index: int, times: Sequence[float]) -> list[float]:
        """As ``vpo.probe.reader.keyframes``."""
        return [float(time) for time in self._ask("keyframes", path, index, list(times))]

    def picture(self, path: str, index: int) -> bytes:
        """As ``vpo.probe.reader.picture``."""
        return bytes.fromhex(self._ask("picture", path, index))

    def _ask(self, question: str, *values: object) -> Any:
        return self._begin(question, *values).answer()

    def _begin(self, question: str, *values: object) -> _Question:
        earlier: _Question | None = getattr(self._thread, "question", None)
        if earlier is not None:
            earlier.settle()
        child: Service | None = getattr(self._thread, "service", None)
        if child is None or not child.alive:
            child = self._thread.service = self._ready()
        line = json.dumps([question, *values]).encode("ascii")
        self._thread.question = asked = _Question(child, self._stall_seconds)
        asked.put(line)
        return asked

    def _ready(self) -> Service:
        """A child that no other thread asks."""
        with contextlib.suppress(IndexError):
            spare = self._spare.popleft()
            if spare.alive:
                return spare
        return self._child()

    def _child(self) -> Service:
        return Service(self.processes, [sys.executable, "-m", "vpo.probe.service"])


class _Question:
    """A question to a child; the answer is read when it is wanted, or before the next question."""

    def __init__(self, child: Service, stall_seconds: float) -> None:
        self._child = child
        self._stall_seconds = stall_seconds
        self._answer: dict[str, Any] | None = None

    def put(self, line: bytes) -> None:
        try:
            self._child.ask(line)
        except ServiceError as error:
            self._answer = self._failed(error)

    def settle(self) -> None:
        """Read the answer, if that is still to be done."""
        if self._answer is None:
            try:
                self._answer = json.loads(self._child.answer(self._stall_seconds))
            except ServiceError as error:
                self._answer = self._failed(error)

    def answer(self) -> Any:
        """Return the answer; ``ProbeError`` if it is an error, or the child did not survive it."""
        self.settle()
        answer = self._answer or {}
        if "error" in answer:
            raise ProbeError(answer["error"])
        return answer["value"]

    def _failed(self, error: ServiceError) -> dict[str, Any]:
        self._child.close()
        return {"error": f"the parser {error}; the file is damaged or hostile"}


def _times(pairs: list[list[Any]]) -> dict[int, float]:
    return {int(index): end for index, end in pairs}


def _probe(path: str, frames: bool) -> object:
    return to_json(reader.probe(path, frames))


def _headers(path: str) -> object:
    return to_json(reader.probe(path, decode=False))


def _headers_and_ends(path: str) -> object:
    media, ends = reader.headers_and_ends(path)
    return to_json(media), sorted(ends.items())


def _last_times(path: str, duration: float | None, indexes: list[int]) -> object:
    return sorted(reader.last_times(path, duration, frozenset(indexes)).items())


def _picture(path: str, index: int) -> object:
    return reader.picture(path, index).hex()


_QUESTIONS: dict[str, Callable[..., object]] = {
    "probe": _probe,
    "headers": _headers,
    "headers_and_ends": _headers_and_ends,
    "last_times": _last_times,
    "keyframes": reader.keyframes,
    "picture": _picture,
}


def _serve() -> None:
    """The child: answer until the pipe closes."""
    import resource

    import av  # noqa: F401 - before the first question, which should not wait for it

    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    for line in sys.stdin.buffer:
        question, *values = json.loads(line)
        try:
            answer: dict[str, object] = {"value": _QUESTIONS[question](*values)}
        except (ProbeError, OSError, MemoryError, ValueError) as error:
            answer = {"error": str(error) or type(error).__name__}
        sys.stdout.buffer.write(json.dumps(answer).encode("ascii") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
