"""The child of ``vpo.probe.health``: decodes a whole file and reports damage as JSON lines.

It is a process, ``python -m vpo.probe.decoder PATH``, because a damaged file may crash or hang a
decoder. The lines: ``{"part": 0.5}`` as it gets on, ``{"decoded": seconds}`` at the end of
that, ``{"damage": [...]}`` (the fields of ``Damage``), and last of all the streams that no decoder
here knows, and how many damages there are: ``{"undecoded": [1], "damages": 3}``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from vpo.probe.reader import openable

if TYPE_CHECKING:
    import av.container

MEMORY = 4 << 30
"""Bytes of address space for data."""
NEAR = 5.0
"""Seconds: damage that is no further from the last is one with it."""
MOST = 200
"""Damages that are told; a file with more is not worth a longer list."""
_WORDS = 120
"""Characters of what a decoder says; all lines together must not be more than a pipe holds."""


class Damage(NamedTuple):
    """Something of a stream that could not be decoded as it should, from ``start`` to ``end`` in
    seconds of the film (``None`` where nobody can tell), so many times; ``said`` is the decoder's
    first word about it. ``stream`` is ``None`` for the container."""

    stream: int | None
    start: float | None
    end: float | None
    times: int
    said: str


class Collector:
    """Makes one damage of those that are near each other; ``found`` in the order met."""

    def __init__(self) -> None:
        self.found: list[Damage] = []
        self._last: dict[int | None, int] = {}

    def add(self, stream: int | None, at: float | None, said: str) -> None:
        number = self._last.get(stream)
        last = self.found[number] if number is not None else None
        if number is not None and last is not None and _near(last, at):
            end = max(last.end, at) if last.end is not None and at is not None else last.end
            self.found[number] = last._replace(end=end, times=last.times + 1)
        else:
            self._last[stream] = len(self.found)
            self.found.append(Damage(stream, at, at, 1, said[:_WORDS]))


def _near(last: Damage, at: float | None) -> bool:
    return at is None or last.end is None or at - last.end <= NEAR


def decode(path: str) -> Iterator[dict[str, Any]]:
    """Decode all video and audio; yields what the lines hold. Raises what PyAV raises for a file
    that cannot be opened."""
    import av
    import av.logging

    av.logging.set_level(av.logging.ERROR)
    collector = Collector()
    with (
        av.logging.Capture(local=False) as words,
        open(path, "rb") as file,
        _opened(path, file.fileno()) as source,
    ):
        media = [s for s in source.streams if s.type in ("video", "audio")]
        known = [stream for stream in media if stream.codec_context]
        for stream in known:
            # With several threads nobody could tell to which frame a decoder's words belong.
            stream.codec_context.thread_count = 1
        yield from _parts(source, known, collector, words)
        for damage in collector.found[:MOST]:
            yield {"damage": list(damage)}
        undecoded = [stream.index for stream in media if not stream.codec_context]
        yield {"undecoded": undecoded, "damages": len(collector.found)}


def _opened(path: str, fd: int) -> av.container.InputContainer:
    import av

    return av.open(openable(path, fd), metadata_errors="replace")


def _parts(
    source: av.container.InputContainer,
    streams: list[Any],
    collector: Collector,
    words: list[Any],
) -> Iterator[dict[str, Any]]:
    """How far it is, a hundred times in the whole file, and in the end what was reached."""
    first, length = ((time or 0) / 1_000_000 for time in (source.start_time, source.duration))
    latest, told = 0.0, 0.0
    for at in _decoded(source, streams, first, collector, words):
        latest = max(latest, at)
        if length and latest / length >= told + 0.01:
            told = min(1.0, latest / length)
            yield {"part": told}
    yield {"decoded": latest}


def _decoded(
    source: av.container.InputContainer,
    streams: list[Any],
    first: float,
    collector: Collector,
    words: list[Any],
) -> Iterator[float]:
    """The time of each packet, once it is decoded; ``words`` are what is said meanwhile."""
    import av

    packets = source.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            collector.add(None, None, error.strerror or str(error))
            return
        if packet is None:
            return
        at = _time(packet, first)
        for said in _damage(packet):
            collector.add(packet.stream_index, at, said)
        for _, name, text in words:
            demuxer = name == source.format.name
            collector.add(None if demuxer else packet.stream_index, at, text.strip())
        words.clear()
        yield at or 0.0


def _damage(packet: Any) -> Iterator[str]:
    """What decoding a packet meets, beside what the decoder says in words."""
    import av

    try:
        if any(getattr(frame, "is_corrupt", False) for frame in packet.decode()):
            yield "a frame is damaged" if packet.stream.type == "video" else "audio is damaged"
    except av.FFmpegError as error:
        yield error.strerror or str(error)


def _time(packet: Any, first: float) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None or packet.time_base is None:
        return None
    return round(float(stamp * packet.time_base) - first, 3)


def _main() -> None:
    import resource

    import av

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    try:
        for line in decode(sys.argv[1]):
            print(json.dumps(line), flush=True)  # noqa: T201 - this is what it is for
    except (av.FFmpegError, MemoryError, UnicodeError) as error:
        sys.exit(f"cannot be read: {error}")


if __name__ == "__main__":
    _main()
