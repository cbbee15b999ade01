"""What is read from packets: end times of streams, positions of keyframes, and cover images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from vpo.errors import ProbeError
from vpo.probe.media_input import error_text, open_container

if TYPE_CHECKING:
    import av.container

_TAIL_SECONDS = 5.0


@contextmanager
def _opened(path: str, problem: str, decode: bool = True) -> Iterator[av.container.InputContainer]:
    """Open a file; errors while it is open become a ``ProbeError`` that begins with ``problem``."""
    import av

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with open_container(path, fd, decode) as source:
                yield source
        finally:
            os.close(fd)
    except (av.FFmpegError, OSError, IndexError, StopIteration) as error:
        raise ProbeError(f"{problem}: {error_text(error)}") from None


def end_times(path: str, duration: float | None, indexes: frozenset[int]) -> dict[int, float]:
    """Return when the last packet of each stream ends, in seconds from the start of the file.

    Streams without packets are left out. Only the last seconds are read, which tells a truncated
    file from a complete one. The result is empty if the duration is unknown: such a file cannot be
    seeked.
    """
    with _opened(path, "its end cannot be read", decode=False) as source:
        return end_times_of(source, duration, indexes)


def end_times_of(
    source: av.container.InputContainer, duration: float | None, indexes: frozenset[int]
) -> dict[int, float]:
    """Return the ``end_times`` of an open file."""
    if not duration:
        return {}
    first = (source.start_time or 0) / 1_000_000  # not 0 in a transport stream
    if duration > _TAIL_SECONDS:
        _seek(source, first + duration - _TAIL_SECONDS, indexes)
    return {index: end - first for index, end in _packet_ends(source, indexes).items()}


def _seek(source: av.container.InputContainer, start: float, indexes: frozenset[int]) -> None:
    """Go to a time, by a stream that has begun by then; if there is none, read on from the start.

    By default, demuxers look for a key frame of the video.
    """
    import av

    with suppress(av.FFmpegError):
        source.seek(int(start * 1_000_000), backward=True, any_frame=False)
        return
    for stream in (source.streams[index] for index in sorted(indexes)):
        with suppress(av.FFmpegError):
            if stream.time_base:
                source.seek(int(start / stream.time_base), any_frame=False, stream=stream)
                return


def _packet_ends(source: av.container.InputContainer, indexes: frozenset[int]) -> dict[int, float]:
    bases = {s.index: s.time_base for s in source.streams if s.index in indexes and s.time_base}
    if not bases:
        return {}  # PyAV would read all streams
    ends: dict[int, int] = {}
    for packet in source.demux([source.streams[index] for index in bases]):
        # In the stream's own units: a fraction for each packet would take twice the time.
        if packet.pts is not None:
            index, end = packet.stream_index, packet.pts + (packet.duration or 0)
            ends[index] = max(end, ends.get(index, 0))
    return {index: float(end * bases[index]) for index, end in ends.items()}


def keyframes(path: str, index: int, times: Sequence[float]) -> list[float]:
    """Return for each time where the last keyframe of the stream before it begins.

    All times are in seconds from the start of the file.
    """
    with _opened(path, "its keyframes cannot be found") as source:
        first = (source.start_time or 0) / 1_000_000
        return [_keyframe(source, index, first + time) - first for time in times]


def _keyframe(source: av.container.InputContainer, index: int, time: float) -> float:
    stream = source.streams[index]
    base = stream.time_base
    if base is None:
        return time
    source.seek(int(time / base), backward=True, any_frame=False, stream=stream)
    begins = (packet.pts for packet in source.demux(stream) if packet.is_keyframe)
    pts = next(begins, None)
    return float(pts * base) if pts is not None else time


def cover_image(path: str, index: int) -> bytes:
    """Return the data of a cover image."""
    with _opened(path, "the cover image cannot be read") as source:
        stream = source.streams[index]
        return next(bytes(packet) for packet in source.demux(stream) if packet.size)
