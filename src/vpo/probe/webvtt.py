"""WebVTT as Matroska stores it (``S_TEXT/WEBVTT``), as a file that every tool reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

from vpo.probe.media_input import open_container, open_input

_ADDITION = "matroska_block_additional"
_IDENTITY = 8
"""The bytes of BlockAddID that ffmpeg puts before a block addition."""


def webvtt_file(path: str, index: int) -> str:
    """Return the cues of a track with their times, settings and identifiers.

    Raises ``ProbeError``. What stands in the track's header, such as styles, is not among them.
    """
    with open_input(path) as file, open_container(path, file.fd, decode=False) as source:
        packets = source.demux(source.streams[index])
        return "\n".join(["WEBVTT\n", *webvtt_cues(packets, str)])


def webvtt_cues(
    packets: Iterable[Any], edit: Callable[[str], str], origin: int = 0
) -> Iterator[str]:
    """Yield the cues with their text as it is after an edit; none for one that this empties.

    Times count from ``origin``, in microseconds.
    """
    for packet in packets:
        if packet.size and packet.pts is not None:
            text = _text(bytes(packet))
            if (edited := edit(text)) or not text:
                yield _cue(packet, edited, origin)


def _cue(packet: Any, text: str, origin: int) -> str:
    """Return a cue; its block addition has settings, identifier and comments, a line each."""
    settings, name, *_ = [*_text(_addition(packet)).split("\n"), "", ""]
    base = packet.time_base
    start = packet.pts * base - Fraction(origin, 1_000_000)
    end = start + (packet.duration or 0) * base
    lines = [name] if name else []
    lines.append(f"{clock(float(start))} --> {clock(float(end))} {settings}".rstrip())
    # A blank line would end the cue.
    lines += [line for line in text.splitlines() if line.strip()]
    return "\n".join([*lines, ""])


def _addition(packet: Any) -> bytes:
    found: Iterator[bytes] = (
        bytes(data)[_IDENTITY:]
        for data in getattr(packet, "iter_sidedata", tuple)()
        if data.data_type == _ADDITION
    )
    return next(found, b"")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape").strip("\0\r\n")


def clock(seconds: float) -> str:
    """Return a time as WebVTT writes it: ``00:00:01.500``."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{milliseconds:03}"
