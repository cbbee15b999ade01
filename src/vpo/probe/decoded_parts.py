"""Whether the first, the middle and the last second of a stream can be decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vpo.media.containers import container
from vpo.probe.content import Beat
from vpo.probe.media_input import DEMUXERS, open_container, open_input

if TYPE_CHECKING:
    import av.container

_ERROR = 16
"""libavutil's AV_LOG_ERROR."""
_PART = 1.0
_RUN_UP = 0.5
"""Seconds before a part of a stream of audio, in which its decoder may lack what was before."""


def undecodable(
    path: str, spans: Mapping[int, tuple[float, float]], beat: Beat
) -> Iterator[tuple[int, float]]:
    """Yield stream and second of the first error in each; ``spans`` are their starts and ends."""
    import av.logging

    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        for index, (start, end) in spans.items():
            beat(1.0)
            with open_input(path) as file, open_container(path, file.fd) as source:
                at = _first_error(source, source.streams[index], start, end)
            if at is not None:
                yield index, at
    finally:
        av.logging.set_level(before)


def _first_error(
    source: av.container.InputContainer, stream: Any, start: float, end: float
) -> float | None:
    if stream.codec_context is None:
        return None  # there is no decoder
    # Messages of other threads could not be told from each other.
    stream.codec_context.thread_count = 1
    for begin in sorted({start, max(start, (start + end - _PART) / 2), max(start, end - _PART)}):
        run_up = _RUN_UP if stream.type == "audio" and begin > start else 0.0
        source.seek(int((begin - run_up) / stream.time_base), stream=stream)
        at = _error_between(source, stream, begin, min(end, begin + _PART))
        if at is not None:
            return at
    return None


def _error_between(
    source: av.container.InputContainer, stream: Any, begin: float, end: float
) -> float | None:
    """Decode up to a time; return that of the first error from ``begin`` on.

    It is an error, too, if not one frame comes.
    """
    import av

    frames, shown = 0, None
    # Where the container has no times of presentation, the demuxer guesses them.
    ordered = not container(DEMUXERS.get(source.format.name, "")).lacks_timestamps
    packets = source.demux(stream)
    with av.logging.Capture() as messages:
        for packet in packets:
            moment = packet.dts if packet.pts is None else packet.pts
            at = end if moment is None else float(moment * stream.time_base)
            if packet.size and at > end and frames:
                return None
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                return at
            frames += len(decoded)
            for time in (frame.pts for frame in decoded if frame.pts is not None):
                # A decoder returns frames in the order in which they are shown.
                if ordered and shown is not None and time < shown:
                    return at
                shown = time
            failed = any(
                level <= _ERROR and name != source.format.name for level, name, _ in messages
            )
            messages.clear()
            if at >= begin and (failed or any(getattr(f, "is_corrupt", False) for f in decoded)):
                return at
    return None if frames else begin
