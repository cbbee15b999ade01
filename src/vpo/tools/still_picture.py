"""One frame of a video as a picture, for people to look at."""

from __future__ import annotations

import os
import tempfile

from vpo.errors import FileError, PlanError
from vpo.media.model import MediaFile
from vpo.tools.ffmpeg import input_options
from vpo.tools.filters import to_sdr, tonemappers
from vpo.tools.process import Command
from vpo.tools.programs import Tools

_WIDEST = 1280
"""Pixels; nobody needs more to compare two pictures on a page."""
_SECONDS = 20.0
"""The longest time for one picture, which may need all frames since the last key frame."""
_LARGEST = 4 << 20
_MEMORY = 1 << 30


def still_picture(tools: Tools, media: MediaFile, descriptor: int, at: float) -> bytes:
    """Return the frame at a time, in seconds, as JPEG; ``media`` is what the open file is.

    HDR is shown as SDR where ffmpeg can. Raises ``FileError`` and ``ToolMissingError``.
    """
    filters = picture_filters(media, _filters(tools) if _is_hdr(media) else frozenset())
    with tempfile.TemporaryFile() as output:
        command = [
            *(tools.need("ffmpeg"), "-hide_banner", "-nostdin", "-loglevel", "error", "-nostats"),
            *(*input_options(media.container), "-threads", "2", "-ss", f"{at:.3f}"),
            *("-i", f"/dev/fd/{descriptor}", "-map", "0:V:0", "-frames:v", "1"),
            *("-vf", ",".join(filters), "-c:v", "mjpeg", "-q:v", "3"),
            *("-fs", str(_LARGEST), "-f", "image2pipe", f"pipe:{output.fileno()}"),
        ]
        fds = (descriptor, output.fileno())
        # Nothing counts as progress: the stall time is the time limit.
        tools.processes.run(Command(command, fds=fds, memory=_MEMORY), _SECONDS)
        size = os.fstat(output.fileno()).st_size
        if not 0 < size < _LARGEST:
            raise FileError("ffmpeg made no picture of this time; choose another one")
        output.seek(0)
        return output.read()


def picture_filters(media: MediaFile, known: frozenset[str]) -> list[str]:
    """Return the filters: the shape that the video is shown in, and SDR; ``known`` has ffmpeg's."""
    found = [
        "scale=w=trunc(iw*sar/2)*2:h=ih",
        "setsar=1",
        f"scale=w=min({_WIDEST}\\,iw):h=-2",
    ]
    if _is_hdr(media):
        try:
            by = tonemappers(known)[0]
        except PlanError:  # it looks pale, and is better than none
            return found
        if by != "libplacebo":  # which needs a device
            found += to_sdr(media.of("video")[0], by, "yuv420p")
    return [*found, "format=yuvj420p"]


def _filters(tools: Tools) -> frozenset[str]:
    return tools.capabilities().filters


def _is_hdr(media: MediaFile) -> bool:
    return any(track.dynamic_range for track in media.of("video")[:1])
