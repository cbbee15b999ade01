"""The duration that a container states. Where it states none, libav guesses it from bit rates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vpo.probe import matroska
from vpo.probe.ebml import StructureError

if TYPE_CHECKING:
    import av.container

_INFO, _DURATION = 0x1549A966, 0x4489
_AVI_HEADER, _AVI_HEADER_AT, _AVI_FRAMES_AT = b"avih", 24, 48


def stated_duration(source: av.container.InputContainer, fd: int) -> float | None:
    """Return the duration of an open file in seconds, ``None`` if its container states none."""
    states = _STATES.get(source.format.name)
    if not source.duration or (states is not None and not states(fd)):
        return None
    return source.duration / 1_000_000


def _in_matroska(fd: int) -> bool:
    """Return whether there is a Duration; a live recording has none."""
    try:
        head = matroska.read_structure(fd).head
        found = [matroska.inside(fd, item) for item in head if item.id == _INFO]
    except StructureError:
        return True
    return not found or any(identity == _DURATION for info in found for identity, _ in info)


def _in_avi(fd: int) -> bool:
    """Return whether a number of frames is stated; a file that was not completed has 0."""
    header = os.pread(fd, _AVI_FRAMES_AT + 4, 0)
    return header[_AVI_HEADER_AT:][:4] != _AVI_HEADER or any(header[_AVI_FRAMES_AT:])


_STATES = {"matroska,webm": _in_matroska, "avi": _in_avi}
"""By the name of ffmpeg's demuxer; others have ends to go by, or no bit rates."""
