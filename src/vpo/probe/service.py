"""Probing in a child process, so that a parser that crashes or hangs fails only one file.

Each thread keeps one child with PyAV and sends it requests over a pipe, one JSON line for a request
and one for its response: JSON, because a process that parses untrusted files must not send pickles.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vpo.errors import ProbeError
from vpo.media.model import MediaFile, media_from_json, media_to_json
from vpo.probe import packets, reader
from vpo.tools.process import Processes
from vpo.tools.service import Service, ServiceError

_MEMORY = 4 << 30
"""The most bytes of address space for data that a parser may use."""


class Prober:
    """Probes media files in a child process; every method raises ``ProbeError``.

    ``stall_seconds`` is how long the parser may take for one request. May be used from all
    threads: each has a child of its own.
    """

    def __init__(self, processes: Processes, stall_seconds: float) -> None:
        self.processes, self._stall_seconds = processes, stall_seconds
        self._thread = threading.local()
        self._spare: deque[Service] = deque()

    def start_early(self) -> None:
        """Start a child for the first thread that needs one.

        It takes a tenth of a second to start.
        """
        if not self._spare:
            self._spare.append(self._child())

    def probe(self, path: str, frames: bool = False) -> MediaFile:
        """Return what the file is; with ``frames`` also its HDR metadata (``Track.hdr``)."""
        return media_from_json(self._ask("probe", path, frames))

    def headers(self, path: str) -> MediaFile:
        """Return what the headers say, without decoding anything."""
        return media_from_json(self._ask("headers", path))

    def headers_and_end_times(self, path: str) -> tuple[MediaFile, dict[int, float]]:
        """Return ``headers`` and the end times of all audio and video; the file is opened once."""
        media, ends = self._ask("headers_and_end_times", path)
        return media_from_json(media), _times(ends)

    def end_times(
        self, path: str, duration: float | None, indexes: frozenset[int]
    ) -> PendingEndTimes:
        """Start ``vpo.probe.packets.end_times`` while the caller does something else."""
        return PendingEndTimes(self._begin("end_times", path, duration, sorted(indexes)))

    def keyframes(self, path: str, index: int, times: Sequence[float]) -> list[float]:
        """See ``vpo.probe.packets.keyframes``."""
        return [float(time) for time in self._ask("keyframes", path, index, list(times))]

    def cover_image(self, path: str, index: int) -> bytes:
        """See ``vpo.probe.packets.cover_image``."""
        return bytes.fromhex(self._ask("cover_image", path, index))

    def _ask(self, request: str, *values: object) -> Any:
        return self._begin(request, *values).result()

    def _begin(self, request: str, *values: object) -> _Request:
        earlier: _Request | None = getattr(self._thread, "request", None)
        if earlier is not None:
            earlier.wait()
        child: Service | None = getattr(self._thread, "service", None)
        if child is None or not child.alive:
            child = self._thread.service = self._ready()
        line = json.dumps([request, *values]).encode("ascii")
        self._thread.request = sent = _Request(child, self._stall_seconds)
        sent.send(line)
        return sent

    def _ready(self) -> Service:
        """Return a child that no other thread uses."""
        with contextlib.suppress(IndexError):
            spare = self._spare.popleft()
            if spare.alive:
                return spare
        return self._child()

    def _child(self) -> Service:
        return Service(self.processes, [sys.executable, "-m", "vpo.probe.service"])


class _Request:
    """A request to a child; the response is read when it is needed, or before the next request."""

    def __init__(self, child: Service, stall_seconds: float) -> None:
        self._child = child
        self._stall_seconds = stall_seconds
        self._response: dict[str, Any] | None = None

    def send(self, line: bytes) -> None:
        try:
            self._child.ask(line)
        except ServiceError as error:
            self._response = self._failed(error)

    def wait(self) -> None:
        """Read the response, unless that is done."""
        if self._response is None:
            try:
                self._response = json.loads(self._child.answer(self._stall_seconds))
            except ServiceError as error:
                self._response = self._failed(error)

    def result(self) -> Any:
        """Return the result; ``ProbeError`` if the request failed or the child crashed."""
        self.wait()
        response = self._response or {}
        if "error" in response:
            raise ProbeError(response["error"])
        return response["value"]

    def _failed(self, error: ServiceError) -> dict[str, Any]:
        self._child.close()
        return {"error": f"the parser {error}; the file is damaged or hostile"}


@dataclass(frozen=True)
class PendingEndTimes:
    """End times of streams that a child is computing."""

    _request: _Request

    def result(self) -> dict[int, float]:
        """Return the end times in seconds by stream index; call it in the thread that asked."""
        return _times(self._request.result())


def _times(pairs: list[list[Any]]) -> dict[int, float]:
    return {int(index): end for index, end in pairs}


def _probe(path: str, frames: bool) -> object:
    return media_to_json(reader.probe_file(path, frames))


def _headers(path: str) -> object:
    return media_to_json(reader.probe_file(path, decode=False))


def _headers_and_end_times(path: str) -> object:
    media, ends = reader.headers_and_end_times(path)
    return media_to_json(media), sorted(ends.items())


def _end_times(path: str, duration: float | None, indexes: list[int]) -> object:
    return sorted(packets.end_times(path, duration, frozenset(indexes)).items())


def _cover_image(path: str, index: int) -> object:
    return packets.cover_image(path, index).hex()


_REQUESTS: dict[str, Callable[..., object]] = {
    "probe": _probe,
    "headers": _headers,
    "headers_and_end_times": _headers_and_end_times,
    "end_times": _end_times,
    "keyframes": packets.keyframes,
    "cover_image": _cover_image,
}


def _serve() -> None:
    """Run the child: respond to requests until the pipe closes."""
    import resource

    import av  # noqa: F401 - before the first request, which should not wait for it

    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    for line in sys.stdin.buffer:
        request, *values = json.loads(line)
        try:
            response: dict[str, object] = {"value": _REQUESTS[request](*values)}
        except (ProbeError, OSError, MemoryError, ValueError) as error:
            response = {"error": str(error) or type(error).__name__}
        sys.stdout.buffer.write(json.dumps(response).encode("ascii") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
