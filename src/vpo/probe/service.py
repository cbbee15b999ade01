"""Probing in a child process, so that a parser that crashes or hangs fails only one file.

Each thread keeps one child with PyAV and sends it requests over a pipe, one JSON line for a request
and one for its response: JSON, because a process that parses untrusted files must not send pickles.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from vpo.errors import ProbeError
from vpo.media.model import MediaFile, media_from_json
from vpo.probe.integrity import FirstDamage
from vpo.probe.media_input import read_problem
from vpo.probe.packet_proof import CopiedStream, Difference, EncodedStream
from vpo.tools.isolation import python_module
from vpo.tools.process import Processes
from vpo.tools.service import Service, ServiceError

if TYPE_CHECKING:
    from vpo.probe.black_bars import PictureBox
    from vpo.probe.cues import Cue, SidecarContent
    from vpo.probe.payload_forms import PayloadForm
    from vpo.probe.picture_scan import VideoSample

_AGAIN = "the next run tries again"


class Prober:
    """Probes media files in a child process; every method raises ``ProbeError``.

    ``stall_seconds`` is how long the parser may take for one request. May be used from all
    threads: each has a child of its own.
    """

    def __init__(self, processes: Processes, stall_seconds: float) -> None:
        self.processes, self._stall_seconds = processes, stall_seconds
        self._thread = threading.local()
        self._spare: deque[Service] = deque()
        self._samples: dict[tuple[str, int, int, int], VideoSample] = {}

    def start_early(self) -> None:
        """Start a child for the first thread that needs one.

        It takes a tenth of a second to start.
        """
        if not self._spare:
            with contextlib.suppress(ProbeError):
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

    def read_source(
        self, path: str, forms: Mapping[int, PayloadForm], copied: bool = False
    ) -> PendingSource:
        """Start to read every packet of a file, while the caller does something else.

        ``forms`` is how the streams that are copied are compared later (``compare_with_source``);
        ``copied``: all are, which takes less time, and the hashes are those of BLAKE3.
        """
        pending = PendingSource(self._begin("read_source", path, list(forms.items()), copied))
        self._thread.reader = self._thread.service
        return pending

    def compare_with_source(
        self,
        path: str,
        copies: Sequence[CopiedStream],
        encodes: Sequence[EncodedStream],
        forms: Mapping[int, PayloadForm],
    ) -> tuple[ContentFacts, list[Difference]]:
        """Read every packet of a result, and compare it with the source that was read last.

        Parts of the encoded streams are decoded. ``forms`` are those of other streams of the
        result, for ``ContentFacts.digests``. Call it in the thread that read the source: its child
        remembers what it has read.
        """
        reader: Service | None = getattr(self._thread, "reader", None)
        if reader is None or not reader.alive:
            problem = "the parser that had read the file was ended before the result was compared"
            raise ProbeError(problem, _AGAIN, ended=True)
        answer = self._ask("compare_with_source", path, copies, encodes, list(forms.items()))
        facts, differences = answer
        return ContentFacts.of(facts), [Difference(*each) for each in differences]

    def first_undecodable(self, path: str, indexes: Sequence[int]) -> tuple[float, str] | None:
        """See ``vpo.probe.decoded_parts.first_undecodable``."""
        found = self._ask("first_undecodable", path, list(indexes))
        return found and (float(found[0]), str(found[1]))

    def keyframes(self, path: str, index: int, times: Sequence[float]) -> list[float]:
        """See ``vpo.probe.packets.keyframes``."""
        return [float(time) for time in self._ask("keyframes", path, index, list(times))]

    def cover_image(self, path: str, index: int) -> bytes:
        """See ``vpo.probe.packets.cover_image``."""
        return bytes.fromhex(self._ask("cover_image", path, index))

    def webvtt(self, path: str, index: int) -> bytes:
        """See ``vpo.probe.webvtt.webvtt_file``."""
        return str(self._ask("webvtt", path, index)).encode("utf-8", "surrogateescape")

    def cues(self, path: str, indexes: Sequence[int]) -> dict[int, list[Cue]]:
        """See ``vpo.probe.cues.read_cues``."""
        from vpo.probe.cues import Cue

        answer = self._ask("cues", path, list(indexes))
        return {int(index): [Cue(*cue) for cue in cues] for index, cues in answer}

    def sidecar(self, path: str, codec: str, language: str | None) -> SidecarContent:
        """See ``vpo.probe.cues.read_sidecar``."""
        from vpo.probe.cues import Cue, SidecarContent

        size, mtime_ns, charset, cues = self._ask("sidecar", path, codec, language)
        return SidecarContent(size, mtime_ns, charset, [Cue(*cue) for cue in cues])

    def sidecar_text(self, path: str, codec: str, language: str | None, plain: bool) -> bytes:
        """See ``vpo.probe.cues.sidecar_text``."""
        return str(self._ask("sidecar_text", path, codec, language, plain)).encode("utf-8")

    def text_file(self, path: str, index: int, plain: bool, shifted: bool) -> bytes:
        """See ``vpo.probe.cues.text_file``."""
        text = str(self._ask("text_file", path, index, plain, shifted))
        return text.encode("utf-8", "surrogateescape")

    def captions_text(self, path: str, film: str) -> bytes:
        """See ``vpo.probe.cues.captions_text``."""
        return str(self._ask("captions_text", path, film)).encode("utf-8")

    def video_sample(self, path: str, index: int) -> VideoSample:
        """See ``vpo.probe.picture_scan.read_video_sample``."""
        from vpo.probe.picture_scan import Shape, VideoSample

        try:
            status = os.stat(path)
        except OSError as error:
            raise read_problem(error) from None
        key = (path, index, status.st_size, status.st_mtime_ns)
        found = self._samples.get(key)
        if found is None:
            found = VideoSample(*self._ask("video_sample", path, index))
            if found.largest is not None:
                found = found._replace(largest=Shape(*found.largest))
            self._samples = {key: found}
        return found

    def picture_boxes(self, path: str, index: int) -> list[PictureBox]:
        """See ``vpo.probe.black_bars.read_boxes``."""
        from vpo.probe.black_bars import PictureBox

        return [PictureBox(*each) for each in self._ask("picture_boxes", path, index)]

    def is_telecined(self, path: str, index: int) -> bool:
        """See ``vpo.probe.telecine.is_telecined``."""
        return bool(self._ask("is_telecined", path, index))

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
        try:
            return Service(self.processes, python_module("vpo.probe.child"))
        except OSError as error:
            raise ProbeError(f"the parser cannot be started: {error.strerror}") from None


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
        while self._response is None:
            self._receive()

    def answered(self) -> bool:
        """Return whether the result is there, or the request has failed."""
        while self._response is None and self._child.has_answer():
            self._receive()
        return self._response is not None

    def _receive(self) -> None:
        """Read one line; as long as the child reports progress, it has not stalled."""
        try:
            line = _parsed(self._child.answer(self._stall_seconds))
        except ServiceError as error:
            line = self._failed(error)
        self._response = None if "progress" in line else line

    def result(self) -> Any:
        """Return the result; ``ProbeError`` if the request failed or the child crashed."""
        self.wait()
        response = self._response or {}
        if "error" in response:
            ended = bool(response.get("ended"))
            raise ProbeError(response["error"], response.get("advice", ""), ended)
        return response["value"]

    def _failed(self, error: ServiceError) -> dict[str, Any]:
        self._child.close()
        advice = "the file is damaged or hostile" if error.crashed else _AGAIN
        return {"error": f"the parser {error}", "advice": advice, "ended": not error.crashed}


def _parsed(line: bytes) -> dict[str, Any]:
    """Return a response; ``ServiceError`` if it is none: a file may have taken over the child."""
    with contextlib.suppress(ValueError, RecursionError):
        response = json.loads(line)
        if isinstance(response, dict) and response.keys() & {"progress", "error", "value"}:
            return response
    raise ServiceError("gave no valid answer", crashed=True)


@dataclass(frozen=True)
class PendingEndTimes:
    """End times of streams that a child is computing."""

    _request: _Request

    def result(self) -> dict[int, float]:
        """Return the end times in seconds by stream index; call it in the thread that asked."""
        return _times(self._request.result())


class ContentFacts(NamedTuple):
    """What reading all packets of a file has shown: by stream index, and the first damage.

    ``packets`` (those that are shown) and ``sizes`` (bytes) are totals, ``leading`` the packets
    that no decoder can decode, at the start; ``files`` are the hashes of attachments;
    ``bit_rates`` in bits a second. ``digests`` are the SHA-256 of all payloads in hexadecimal, in
    the forms that were asked for.
    """

    damage: FirstDamage | None
    packets: dict[int, int]
    sizes: dict[int, int]
    leading: dict[int, int]
    files: dict[int, str]
    bit_rates: dict[int, int]
    digests: dict[int, str]

    @classmethod
    def of(cls, facts: dict[str, Any]) -> ContentFacts:
        """Return the facts of a child's response."""
        damage = FirstDamage(*facts["damage"]) if facts["damage"] else None
        streams = facts["streams"]
        return cls(
            damage,
            {row[0]: row[1] for row in streams},
            {row[0]: row[2] for row in streams},
            {row[0]: row[3] for row in streams},
            dict(facts["files"]),
            {row[0]: row[4] for row in streams if row[4] is not None},
            {row[0]: row[5] for row in streams},
        )


@dataclass(frozen=True)
class PendingSource:
    """The content of a source that a child is reading."""

    _request: _Request

    def result(self) -> ContentFacts:
        """Return what it holds; call it in the thread that asked."""
        return ContentFacts.of(self._request.result())

    def early_result(self) -> ContentFacts | None:
        """Return what it holds if the child has read all of it, without waiting."""
        return self.result() if self._request.answered() else None


def _times(pairs: list[list[Any]]) -> dict[int, float]:
    return {int(index): end for index, end in pairs}
