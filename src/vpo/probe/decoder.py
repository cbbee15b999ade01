"""The child process of ``vpo.probe.health``: decodes a file and reports damage as JSON lines.

It is a process, ``python -m vpo.probe.decoder PATH``, because a damaged file may crash or hang a
decoder. The lines: ``{"part": 0.5}`` for progress, ``{"decoded": seconds}`` when all is decoded,
``{"damage": [...]}`` (the fields of ``Damage``), and last the streams without a decoder and the
number of errors: ``{"no_decoder": [1], "errors": 3}``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from vpo.errors import ProbeError
from vpo.probe.media_input import error_text, open_container
from vpo.tools.isolation import limit_memory

if TYPE_CHECKING:
    import av.container

MEMORY = 4 << 30
"""Bytes of address space for data."""
NEAR = 5.0
"""Seconds within which errors are reported as one."""
MOST = 200
"""The most errors that are reported."""
_MESSAGE_LENGTH = 120
"""Characters of a decoder's message; all lines together must fit into a pipe."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged part of a stream, or of the container (``stream`` is ``None``).

    It goes from ``start`` to ``end``, in seconds (``None`` if unknown), with ``count`` errors;
    ``message`` is the decoder's first one.
    """

    stream: int | None
    start: float | None
    end: float | None
    count: int
    message: str


class Collector:
    """Merges errors that are near each other; ``found`` are the results, in order."""

    def __init__(self) -> None:
        self.found: list[Damage] = []
        self._last: dict[int | None, int] = {}

    def add(self, stream: int | None, at: float | None, message: str) -> None:
        number = self._last.get(stream)
        last = self.found[number] if number is not None else None
        if number is not None and last is not None and _near(last, at):
            end = max(last.end, at) if last.end is not None and at is not None else last.end
            self.found[number] = replace(last, end=end, count=last.count + 1)
        else:
            self._last[stream] = len(self.found)
            self.found.append(Damage(stream, at, at, 1, message[:_MESSAGE_LENGTH]))


def _near(last: Damage, at: float | None) -> bool:
    return at is None or last.end is None or at - last.end <= NEAR


def decode(path: str) -> Iterator[dict[str, Any]]:
    """Decode all video and audio and yield the lines to report.

    Raises what PyAV raises for a file that cannot be opened.
    """
    import av
    import av.logging

    av.logging.set_level(av.logging.ERROR)
    collector = Collector()
    with (
        av.logging.Capture(local=False) as messages,
        open(path, "rb") as file,
        open_container(path, file.fileno()) as source,
    ):
        media = [s for s in source.streams if s.type in ("video", "audio")]
        known = [stream for stream in media if stream.codec_context]
        for stream in known:
            # With several threads nobody could tell to which frame a decoder's words belong.
            stream.codec_context.thread_count = 1
        yield from _progress(source, known, collector, messages)
        for damage in collector.found[:MOST]:
            yield {"damage": astuple(damage)}
        no_decoder = [stream.index for stream in media if not stream.codec_context]
        yield {"no_decoder": no_decoder, "errors": len(collector.found)}


def _progress(
    source: av.container.InputContainer,
    streams: list[Any],
    collector: Collector,
    messages: list[Any],
) -> Iterator[dict[str, Any]]:
    """Decode the streams; yield progress for each percent, and last the seconds decoded."""
    first, length = ((time or 0) / 1_000_000 for time in (source.start_time, source.duration))
    latest, reported = 0.0, 0.0
    for at in _decoded(source, streams, first, collector, messages):
        latest = max(latest, at)
        if length and latest / length >= reported + 0.01:
            reported = min(1.0, latest / length)
            yield {"part": reported}
    yield {"decoded": latest}


def _decoded(
    source: av.container.InputContainer,
    streams: list[Any],
    first: float,
    collector: Collector,
    messages: list[Any],
) -> Iterator[float]:
    """Decode each packet and yield its time; ``messages`` collects those of the decoders."""
    import av

    packets = source.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            collector.add(None, None, error_text(error))
            return
        if packet is None:
            return
        at = _time(packet, first)
        for message in _damage(packet):
            collector.add(packet.stream_index, at, message)
        for _, name, text in messages:
            demuxer = name == source.format.name
            collector.add(None if demuxer else packet.stream_index, at, text.strip())
        messages.clear()
        yield at or 0.0


def _damage(packet: Any) -> Iterator[str]:
    """Decode a packet; yield its errors, besides the messages of the decoder."""
    import av

    try:
        if any(getattr(frame, "is_corrupt", False) for frame in packet.decode()):
            yield "a frame is damaged" if packet.stream.type == "video" else "audio is damaged"
    except av.FFmpegError as error:
        yield error_text(error)


def _time(packet: Any, first: float) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None or packet.time_base is None:
        return None
    return round(float(stamp * packet.time_base) - first, 3)


def _main() -> None:
    import av

    limit_memory(MEMORY)
    try:
        for line in decode(sys.argv[1]):
            print(json.dumps(line), flush=True)  # noqa: T201 - this is what it is for
    except (av.FFmpegError, MemoryError, ProbeError, UnicodeError) as error:
        sys.exit(f"cannot be read: {error}")


if __name__ == "__main__":
    _main()
