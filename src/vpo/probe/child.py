"""The child process of ``vpo.probe.service``: parses media files, one request after the other.

It runs as ``python -m vpo.probe.child`` and ends when its input closes. Requests and responses are
lines of JSON; while a request takes long, lines with ``progress`` (0 to 1) come before it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from vpo.errors import ProbeError
from vpo.media.containers import container
from vpo.media.model import media_to_json
from vpo.probe import packets, reader
from vpo.probe.black_bars import read_boxes
from vpo.probe.content import Content, read_content
from vpo.probe.cues import captions_text, read_cues, read_sidecar, sidecar_text, text_file
from vpo.probe.decoded_parts import disordered, first_undecodable, undecodable
from vpo.probe.encode_proof import differences_of_encodes
from vpo.probe.integrity import first_damage, is_complete, table_damage
from vpo.probe.media_input import DEMUXERS, OUT_OF_MEMORY, read_all_bytes, read_problem
from vpo.probe.packet_proof import (
    CopiedStream,
    Difference,
    EncodedStream,
    common_offset,
    differences_of_copies,
)
from vpo.probe.payload_forms import PayloadForm
from vpo.probe.picture_scan import read_video_sample
from vpo.probe.telecine import is_telecined
from vpo.probe.webvtt import webvtt_file
from vpo.tools.isolation import limit_memory

_MEMORY = 4 << 30
"""The most bytes of address space for data that a parser may use."""


def _probe(path: str, frames: bool) -> object:
    return media_to_json(reader.probe_file(path, frames))


def _headers(path: str) -> object:
    return media_to_json(reader.probe_file(path, decode=False))


def _headers_and_end_times(path: str) -> object:
    media, ends = reader.headers_and_end_times(path)
    return media_to_json(media), sorted(ends.items())


def _end_times(path: str, duration: float | None, indexes: list[int]) -> object:
    return sorted(packets.end_times(path, duration, frozenset(indexes)).items())


def _first_undecodable(path: str, indexes: list[int]) -> object:
    return first_undecodable(path, indexes, _report_progress)


def _cover_image(path: str, index: int) -> object:
    return packets.cover_image(path, index).hex()


def _cues(path: str, indexes: list[int]) -> object:
    return list(read_cues(path, indexes, _beat).items())


def _text_file(path: str, index: int, plain: bool, shifted: bool) -> object:
    return text_file(path, index, plain, shifted, _beat)


def _beat() -> None:
    _report_progress(0.0)


class _Packets:
    """Reads files packet by packet, and remembers the last source to compare a result with it."""

    def __init__(self) -> None:
        self._source: Content | None = None
        self._copied = False

    def read_source(
        self, path: str, forms: list[tuple[int, PayloadForm]], copied: bool = False
    ) -> object:
        self._copied = copied
        self._source = read_content(path, dict(forms), _report_progress, copied=copied)
        facts = _facts(self._source, path)
        if facts["damage"] is not None and is_complete(path):
            # A read error looks like damage: bytes that can be read now are judged once more. That
            # a file is cut off, its length says.
            read_all_bytes(path, _report_progress)
            self._source = read_content(path, dict(forms), _report_progress, copied=copied)
            facts = _facts(self._source, path)
        return facts

    def compare_with_source(
        self,
        path: str,
        copies: list[list[Any]],
        encodes: list[list[Any]],
        forms: list[tuple[int, PayloadForm]],
    ) -> object:
        source, self._source = self._source, None
        if source is None:
            raise ProbeError("the source was not read")
        copied = [CopiedStream(*each) for each in copies]
        encoded = [EncodedStream(*each) for each in encodes]
        forms_of_all = {**dict(forms), **{s.result: s.form for s in copied}}
        sources = source.streams
        units = {s.result: of.header_units for s in copied if (of := sources.get(s.source))}
        result = read_content(path, forms_of_all, _report_progress, units, self._copied)
        offset = common_offset(source, result, copied, encoded)
        found = [
            *differences_of_copies(source, result, copied, offset),
            *differences_of_encodes(source, result, encoded, offset),
            *_undecodable(path, result, encoded),
            *_disordered(path, source, result, copied),
        ]
        return _facts(result, path), [list(each) for each in found]


def _undecodable(path: str, result: Content, encoded: list[EncodedStream]) -> list[Difference]:
    origins = {each.result: each.source for each in encoded if each.result in result.streams}
    spans = {}
    for index in origins:
        stream = result.streams[index]
        if stream.times and stream.seconds is not None:
            spans[index] = float(stream.first), stream.seconds
    found = undecodable(path, spans, _report_progress)
    return [Difference(origins[index], "decode", at, at) for index, at in found]


def _disordered(
    path: str, source: Content, result: Content, copied: list[CopiedStream]
) -> list[Difference]:
    """Check the times that a tool has made up where the source has none: of B-frames in AVI."""
    if not _lacks_times(source) or _lacks_times(result):
        return []
    found = ((s, source.streams.get(s.source)) for s in copied)
    videos = {s.result: s.source for s, of in found if of is not None and of.type == "video"}
    return [Difference(videos[i], "order", at, at) for i, at in disordered(path, videos)]


def _lacks_times(content: Content) -> bool:
    return container(DEMUXERS.get(content.container, "")).lacks_timestamps


def _facts(content: Content, path: str) -> dict[str, object]:
    damage = first_damage(content, is_complete(path)) or table_damage(path)
    streams = [
        (
            *(index, stream.packets - stream.hidden, stream.size, stream.leading),
            *(stream.bit_rate, stream.digest.hexdigest()),
        )
        for index, stream in content.streams.items()
    ]
    return {"damage": damage, "streams": streams, "files": list(content.files.items())}


def _report_progress(part: float) -> None:
    _write({"progress": part})


def _write(response: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(response).encode("ascii") + b"\n")
    sys.stdout.buffer.flush()


_REQUESTS: dict[str, Callable[..., object]] = {
    "probe": _probe,
    "headers": _headers,
    "headers_and_end_times": _headers_and_end_times,
    "end_times": _end_times,
    "first_undecodable": _first_undecodable,
    "keyframes": packets.keyframes,
    "cover_image": _cover_image,
    "video_sample": read_video_sample,
    "picture_boxes": read_boxes,
    "is_telecined": is_telecined,
    "webvtt": webvtt_file,
    "cues": _cues,
    "sidecar": read_sidecar,
    "captions_text": captions_text,
    "sidecar_text": sidecar_text,
    "text_file": _text_file,
}


def _serve() -> None:
    """Run the child: respond to requests until the pipe closes."""
    import av  # noqa: F401 - before the first request, which should not wait for it

    limit_memory(_MEMORY)
    reading = _Packets()
    requests: dict[str, Callable[..., object]] = {
        **_REQUESTS,
        "read_source": reading.read_source,
        "compare_with_source": reading.compare_with_source,
    }
    for line in sys.stdin.buffer:
        request, *values = json.loads(line)
        try:
            response: dict[str, object] = {"value": requests[request](*values)}
        except OSError as error:
            problem = read_problem(error)
            response = {"error": problem.problem, "advice": problem.advice}
        except MemoryError:
            response = {"error": OUT_OF_MEMORY}
        except ProbeError as error:
            response = {"error": error.problem, "advice": error.advice}
        except ValueError as error:
            response = {"error": str(error) or type(error).__name__}
        _write(response)


if __name__ == "__main__":
    _serve()
