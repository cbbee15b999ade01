"""Whether a video is film that was telecined: 24 frames a second, stored as the fields of 30.

In a 3:2 pulldown, one of five frames is a copy of the one before once the fields are matched, at
the same place of each five (Poynton, Digital Video and HD, on 2-3 pulldown).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any

from vpo.probe.media_input import open_container, open_input
from vpo.probe.picture_scan import (
    WEAVING,
    frames_of,
    may_be_fields,
    packets_at,
    places_in,
)

CYCLE = 5
_RATES = (Fraction(30000, 1001), Fraction(30))
_NEAR = Fraction(1, 100)
_LOOKED_AT = 41
"""Frames of each place."""
_LEAST_CYCLES = 4
_LEAST_MOTION = 0.3
"""The mean difference of luma from frame to frame, of 255, from which frames can be told apart."""
_COPY = 0.5
"""The part of the usual difference under which a frame is a copy."""
_SURE = 0.8
_DIFFERENCE = "lavfi.signalstats.YDIF"


def is_telecined(path: str, index: int) -> bool:
    """Return whether most places of a video show the pattern of a 3:2 pulldown.

    Raises ``ProbeError``.
    """
    with open_input(path) as file, open_container(path, file.fd, decode=False) as source:
        stream = source.streams[index]
        context, rate = stream.codec_context, stream.average_rate or 0
        woven = context.codec.canonical_name in WEAVING and may_be_fields(context.height or 0)
        if not woven or all(abs(rate - one) > _NEAR for one in _RATES):
            return False
        starts = places_in(source)
        count = _LOOKED_AT if len(starts) > 1 else 2 * _LOOKED_AT
        found = []
        for start in starts:
            packets = list(packets_at(source, stream, start, 2 * count))
            found.append(has_pulldown(list(_differences(packets, count))))
        known = [each for each in found if each is not None]
        return bool(known) and sum(known) > len(known) / 2


def has_pulldown(differences: Sequence[float]) -> bool | None:
    """Return whether every fifth frame is a copy; ``None`` where nothing moves.

    ``differences`` are those of consecutive frames to the one before each.
    """
    usual = median(differences) if differences else 0.0
    if len(differences) < _LEAST_CYCLES * CYCLE or usual < _LEAST_MOTION:
        return None
    copies = [each < _COPY * usual for each in differences]
    for phase in range(CYCLE):
        inside, others = (
            copies[phase::CYCLE],
            [c for n, c in enumerate(copies) if n % CYCLE != phase],
        )
        if sum(inside) >= _SURE * len(inside) and sum(others) <= (1 - _SURE) * len(others):
            return True
    return False


def _differences(packets: Sequence[Any], count: int) -> Iterator[float]:
    """Yield how much frames of matched fields differ from the one before each."""
    import av

    graph: Any = None
    given = taken = 0
    for frame in frames_of(packets):
        if given == count:
            return
        graph = graph or _graph(frame)
        with contextlib.suppress(av.FFmpegError, ValueError):
            graph.push(frame)
            given += 1
            while True:
                value = float(graph.pull().metadata.get(_DIFFERENCE, 0.0))
                if taken:
                    yield value
                taken += 1


def _graph(frame: Any) -> Any:
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    steps = [graph.add("fieldmatch"), graph.add("signalstats"), graph.add("buffersink")]
    for one, other in pairwise([source, *steps]):
        one.link_to(other)
    graph.configure()
    return graph
