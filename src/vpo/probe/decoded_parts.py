"""Whether streams can be decoded: their first, middle and last second, or all of them."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vpo.media.containers import container
from vpo.probe.content import Beat, Pulse
from vpo.probe.media_input import DEMUXERS, error_text, open_container, open_input

if TYPE_CHECKING:
    import av.container

_ERROR = 16
"""libavutil's AV_LOG_ERROR."""
_PART = 1.0
_LONGEST = 600.0
_LEAD = 10.0
_MICRO = 1_000_000
_FIRST_PACKETS = 100
_STEPS_BACK = (0.5, 5.0, 20.0, 100.0, math.inf)
"""Seconds before a part from which a key frame is looked for. Also a decoder of audio may lack what
was before: errors before the part do not count."""


def first_undecodable(path: str, indexes: Iterable[int], beat: Beat) -> tuple[float, str] | None:
    """Return second and kind of the first damage that the decoders of these streams meet.

    ``None`` if there is none, or if it is not found within ten minutes.
    """
    with _all_errors(), open_input(path) as file, open_container(path, file.fd) as source:
        streams = [source.streams[index] for index in indexes]
        recorded = container(DEMUXERS.get(source.format.name, "")).transport_stream
        pulse, begun = Pulse(beat, source.duration or 1), time.monotonic()
        for at, problem in _problems(source, [s for s in streams if s.codec_context is not None]):
            # A recording may begin before its first key frame.
            if problem and (at > _LEAD or not recorded):
                return at, problem
            if pulse(int(at * _MICRO)) and time.monotonic() - begun > _LONGEST:
                break
    return None


def _problems(
    source: av.container.InputContainer, streams: list[Any]
) -> Iterator[tuple[float, str]]:
    """Decode all packets of the streams; yield the time of each, and what is wrong with it.

    What the demuxer cannot read is not the matter here, and ends it.
    """
    import av

    first, at = (source.start_time or 0) / _MICRO, 0.0
    packets = _demuxed(source, streams)
    names = {stream.codec_context.name for stream in streams}
    with av.logging.Capture() as messages, contextlib.suppress(av.FFmpegError):
        for packet in packets:
            moment = packet.dts if packet.pts is None else packet.pts
            at = at if moment is None else max(0.0, float(moment * packet.time_base) - first)
            problem = ""
            try:
                if any(getattr(frame, "is_corrupt", False) for frame in packet.decode()):
                    problem = "a frame is damaged"
            except av.FFmpegError as error:
                problem = error_text(error)
            said = (text for level, name, text in messages if level <= _ERROR and name in names)
            yield at, next(said, problem).strip()
            messages.clear()


def _demuxed(source: av.container.InputContainer, streams: list[Any]) -> Iterator[Any]:
    """Return the packets of these streams alone.

    Parsers of the others could not do without what comes before a part (AV1), and say so.
    """
    for other in source.streams:
        if other not in streams and hasattr(other, "discard"):  # PyAV 18
            other.discard = type(other.discard).all
    packets: Iterator[Any] = source.demux(streams) if streams else iter(())
    return packets


def undecodable(
    path: str, spans: Mapping[int, tuple[float, float]], beat: Beat
) -> Iterator[tuple[int, float]]:
    """Yield stream and second of the first error in each; ``spans`` are their starts and ends."""
    with _all_errors():
        for index, (start, end) in spans.items():
            beat(1.0)
            with open_input(path) as file, open_container(path, file.fd) as source:
                at = _first_error(source, source.streams[index], start, end)
            if at is not None:
                yield index, at


@contextlib.contextmanager
def _all_errors() -> Iterator[None]:
    """Let the decoders say every error, also one that they have said before."""
    import av.logging

    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        yield
    finally:
        av.logging.set_level(before)


def disordered(path: str, indexes: Iterable[int]) -> Iterator[tuple[int, float]]:
    """Yield the videos whose first frames are not shown in the order of time, and where."""
    import av

    for index in indexes:
        shown: float | None = None
        with open_input(path) as file, open_container(path, file.fd) as source:
            for packet in itertools.islice(source.demux(source.streams[index]), _FIRST_PACKETS):
                # What cannot be decoded is no matter of a copy.
                with contextlib.suppress(av.FFmpegError):
                    times = [frame.time for frame in packet.decode() if frame.time is not None]
                    wrong = any(b < a for a, b in itertools.pairwise([shown or 0.0, *times]))
                    shown = times[-1] if times else shown
                    if wrong and shown is not None:
                        yield index, shown
                        break


def _first_error(
    source: av.container.InputContainer, stream: Any, start: float, end: float
) -> float | None:
    if stream.codec_context is None:
        return None  # there is no decoder
    # Messages of other threads could not be told from each other.
    stream.codec_context.thread_count = 1
    for begin in sorted({start, max(start, (start + end - _PART) / 2), max(start, end - _PART)}):
        packets = _packets_from_key(source, stream, begin)
        span = begin, min(end, begin + _PART)
        at = _error_between(source, packets, stream.codec_context.name, *span)
        if at is not None:
            return at
    return None


def _packets_from_key(
    source: av.container.InputContainer, stream: Any, begin: float
) -> Iterator[Any]:
    """Return the packets from a key frame on that comes before a part.

    A container without an index, as a transport stream, finds a time, not the key frame before it.
    """
    for back in _STEPS_BACK:
        target = max(0.0, begin - back)
        source.seek(int(target / stream.time_base), stream=stream)
        packets = _demuxed(source, [stream])
        first = next((packet for packet in packets if packet.is_keyframe), None)
        early = first is not None and first.pts is not None and first.pts * stream.time_base
        if first is not None and (early is False or early <= begin):
            return itertools.chain([first], packets)
        if target == 0.0:
            break
    source.seek(0, stream=stream)
    return _demuxed(source, [stream])


def _error_between(
    source: av.container.InputContainer,
    packets: Iterator[Any],
    decoder: str,
    begin: float,
    end: float,
) -> float | None:
    """Decode up to a time; return that of the first error from ``begin`` on.

    It is an error, too, if not one frame comes. ``decoder`` is the name that tells errors.
    """
    import av

    frames, shown = 0, None
    # Where the container has no times of presentation, the demuxer guesses them.
    ordered = not container(DEMUXERS.get(source.format.name, "")).lacks_timestamps
    with av.logging.Capture() as messages:
        for packet in packets:
            moment = packet.dts if packet.pts is None else packet.pts
            at = end if moment is None else float(moment * packet.time_base)
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
            failed = any(level <= _ERROR and name == decoder for level, name, _ in messages)
            messages.clear()
            if at >= begin and (failed or any(getattr(f, "is_corrupt", False) for f in decoded)):
                return at
    return None if frames else begin
