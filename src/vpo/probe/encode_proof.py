"""Whether encoded streams have what their sources have: the same span, without gaps, decodable."""

from __future__ import annotations

import bisect
import itertools
import statistics
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from vpo.probe.content import Content
from vpo.probe.packet_proof import NOTICED, Difference, EncodedStream
from vpo.probe.stream_content import StreamContent

_STEP = 1.5
"""Times the usual time between packets, from which on something is missing between them."""
_ROUNDING = 0.004
_SOURCE_STEP = 0.04
"""Seconds at the start of a source that decoders may drop: a part of its first packet."""
_AROUND = 0.2
"""Seconds around a gap in which the source must have one, too."""
_AT_ITS_TIME = 0.005
"""Seconds by which rounding may change when a frame is shown."""
_ROUNDED_FRAMES = 1.5
_END_TOLERANCE = {"audio": 0.25, "video": 1.0}
"""Seconds by which an encoded track may end earlier than its source. Frames are counted."""


def differences_of_encodes(
    source: Content, result: Content, encodes: Sequence[EncodedStream], offset: Fraction
) -> Iterator[Difference]:
    """Yield where the encoded streams begin late, end early, or lack something in between.

    ``offset`` is how much later all of the result is than the source, in seconds.
    """
    for encode in encodes:
        old, new = source.streams.get(encode.source), result.streams.get(encode.result)
        if old is None or not old.times:
            continue  # a stream without packets
        if new is None or not new.times:
            yield Difference(encode.source, "missing")
        else:
            if old.type == "video":
                yield from _picture_differences(encode.source, old, new)
                yield from _frame_differences(encode, old, new, float(offset))
            yield from _differences(encode, old, new, float(offset))


def _differences(
    encode: EncodedStream, old: StreamContent, new: StreamContent, offset: float
) -> Iterator[Difference]:
    index = encode.source
    least = old.shown_from if old.shown_from is not None else min(old.times)
    before = sorted(_seconds([time for time in old.times if time >= least], old, offset))
    after = sorted(_seconds(new.times, new, 0.0))
    usual = _usual_step(after)
    most = max(float(NOTICED), 1.1 * usual if new.codec == "aac" else 0.0) + _ROUNDING
    if abs(after[0] - before[0]) > most + min(_usual_step(before), _SOURCE_STEP):
        yield Difference(index, "begins", before[0], after[0])
    end, reached = (old.seconds or 0.0) + offset, new.seconds or 0.0
    if reached + _END_TOLERANCE.get(old.type, 1.0) < end:
        yield Difference(index, "ends", end, reached)
    if encode.step is None:  # else the time of every frame is known
        yield from _gap(index, before, after)


def _picture_differences(
    index: int, old: StreamContent, new: StreamContent
) -> Iterator[Difference]:
    change, before, after = old.pictures.change, old.pictures.captions, new.pictures.captions
    if change is not None:
        yield Difference(index, "size", float(change[0] * old.time_base))
    # Two packets may become one frame.
    if after < (before - old.leading) // 2:
        yield Difference(index, "captions", before, after)


def _frame_differences(
    encode: EncodedStream, old: StreamContent, new: StreamContent, offset: float
) -> Iterator[Difference]:
    """Yield where other frames stay than those of a lower frame rate."""
    least = old.shown_from if old.shown_from is not None else min(old.times)
    before = sorted(_seconds([time for time in old.times if time >= least], old, offset))
    after = sorted(_seconds(new.times, new, 0.0))
    if encode.step is not None:
        yield from _kept_frames(encode.source, before[:: encode.step], after)
    elif encode.rate is not None:
        # The last frame is shown for some time, of which the container may not know.
        wanted = (before[-1] - before[0]) * float(Fraction(encode.rate)) + 1
        if abs(len(after) - wanted) > _ROUNDED_FRAMES:
            yield Difference(encode.source, "frames", round(wanted), len(after))


def _kept_frames(
    index: int, wanted: Sequence[float], after: Sequence[float]
) -> Iterator[Difference]:
    if len(wanted) != len(after):
        yield Difference(index, "frames", len(wanted), len(after))
        return
    for want, have in zip(wanted, after, strict=True):
        if abs(want - have) > _AT_ITS_TIME:
            yield Difference(index, "times", want, have)
            return


def _seconds(times: Iterable[int], stream: StreamContent, offset: float) -> list[float]:
    base = float(stream.time_base)
    return [time * base + offset for time in times]


def _usual_step(times: Sequence[float]) -> float:
    return statistics.median([b - a for a, b in itertools.pairwise(times)] or [0.0])


def _gap(index: int, before: Sequence[float], after: Sequence[float]) -> Iterator[Difference]:
    """Yield the first gap between packets that the source does not have at about that time."""
    usual, least = _usual_step(after), _usual_step(before)
    known = [(a, b) for a, b in itertools.pairwise(before) if b - a > least + _ROUNDING]
    starts, ends = [a for a, _ in known], [b for _, b in known]
    for start, end in itertools.pairwise(after):
        missing = end - start - usual
        if end - start <= _STEP * usual + _ROUNDING:
            continue
        first = bisect.bisect_right(ends, start - _AROUND)
        near = known[first : bisect.bisect_left(starts, end + _AROUND)]
        if not any(b - a - least > missing / 2 for a, b in near):
            yield Difference(index, "gap", start + usual, end)
            return
