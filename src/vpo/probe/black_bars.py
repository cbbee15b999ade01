"""Where in the frames of a video the picture is, within black bars."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from vpo.probe.media_input import open_container, open_input

_PLACES = 32
_FIRST, _LAST = 0.03, 0.97
"""The parts of a film between which the places are."""
_SHORT = 30_000_000
"""Microseconds that are looked at from the start, as they have few key frames."""
_SHORT_STEP = 5
_SHORT_FRAMES = 750
_LEAST_FRAMES = 8
_LEAST_SURE = 0.5
"""The part of the frames that must reach to the bars; others may be dark there."""
_NEAR = 8
"""Pixels from the bars that count as reaching to them."""
_LEAST_BAR = 8
"""Lines or columns of black that are worth an encode."""
_DARK, _BRIGHT = 10, 56
"""The mean and the most, of 255, of a line that is black: encoders leave noise near pictures."""


class PictureBox(NamedTuple):
    """A part of a frame, in pixels from its left and its top."""

    width: int
    height: int
    left: int
    top: int

    def __str__(self) -> str:
        return ":".join(map(str, tuple(self)))


def read_boxes(path: str, index: int) -> list[PictureBox]:
    """Return where the picture is in frames of a video, at places all over it.

    Frames that are all black have none. Raises ``ProbeError``.
    """
    with open_input(path) as file, open_container(path, file.fd) as source:
        stream = source.streams[index]
        frames = (
            _first(source, stream) if (source.duration or 0) < _SHORT else _keys(source, stream)
        )
        return list(_boxes(frames))


def common_box(boxes: Sequence[PictureBox], width: int, height: int) -> PictureBox | None:
    """Return the part of the frame outside which no frame shows anything, in even numbers.

    ``None`` where there are no bars, or too few frames reach to them.
    """
    if len(boxes) < _LEAST_FRAMES:
        return None
    left, top = (min(getattr(b, side) for b in boxes) // 2 * 2 for side in ("left", "top"))
    right = min(width, _even(max(b.left + b.width for b in boxes)))
    bottom = min(height, _even(max(b.top + b.height for b in boxes)))
    found = PictureBox((right - left) // 2 * 2, (bottom - top) // 2 * 2, left, top)
    bars = width - found.width, height - found.height
    if max(bars) < _LEAST_BAR:
        return None
    sure = sum(_reaches(box, found) for box in boxes)
    return found if sure >= len(boxes) * _LEAST_SURE else None


def _even(value: int) -> int:
    return value + value % 2


def _reaches(box: PictureBox, found: PictureBox) -> bool:
    return box.width >= found.width - _NEAR and box.height >= found.height - _NEAR


def _first(source: Any, stream: Any) -> Iterator[Any]:
    """Yield frames of the start, some apart."""
    import av

    count = 0
    with contextlib.suppress(av.FFmpegError, ValueError):
        for frame in source.decode(stream):
            if count % _SHORT_STEP == 0:
                yield frame
            count += 1
            if count >= _SHORT_FRAMES:
                return


def _keys(source: Any, stream: Any) -> Iterator[Any]:
    """Yield a key frame of each place, none twice."""
    import av

    start, length = source.start_time or 0, source.duration or 0
    stream.codec_context.skip_frame = "NONKEY"
    seen: Counter[int | None] = Counter()
    for number in range(_PLACES):
        part = _FIRST + (_LAST - _FIRST) * number / (_PLACES - 1)
        with contextlib.suppress(av.FFmpegError, ValueError):
            source.seek(start + int(length * part), backward=True, any_frame=False)
            frame = next(iter(source.decode(stream)), None)
            if frame is not None and not seen[frame.pts]:
                seen[frame.pts] += 1
                yield frame


def _boxes(frames: Iterable[Any]) -> Iterator[PictureBox]:
    import av

    for frame in frames:
        with contextlib.suppress(av.FFmpegError, ValueError):
            plane = frame.reformat(format="gray").planes[0]
            box = picture_box(bytes(plane), plane.line_size, frame.width, frame.height)
            if box is not None:
                yield box


def picture_box(luma: bytes, stride: int, width: int, height: int) -> PictureBox | None:
    """Return where a frame is not black; ``None`` if all of it is."""
    rows = (luma[y * stride : y * stride + width] for y in range(height))
    top = _first_seen(rows)
    if top is None:
        return None
    rows = (luma[y * stride : y * stride + width] for y in reversed(range(height)))
    bottom = height - (_first_seen(rows) or 0)
    part = luma[top * stride : bottom * stride]
    left = _first_seen(part[x::stride] for x in range(width)) or 0
    right = width - (_first_seen(part[x::stride] for x in reversed(range(width))) or 0)
    return PictureBox(max(0, right - left), bottom - top, left, top)


def _first_seen(lines: Iterable[bytes]) -> int | None:
    """Return the number of the first line that is not black."""
    for number, line in enumerate(lines):
        if max(line) > _BRIGHT or sum(line) > _DARK * len(line):
            return number
    return None
