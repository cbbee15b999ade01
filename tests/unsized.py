"""Matroska films whose segment has no size: vpo leaves the edit of their headers to mkvpropedit."""

from __future__ import annotations

from pathlib import Path

_SEGMENT, _UNKNOWN = b"\x18\x53\x80\x67\x01", b"\x01" + b"\xff" * 7


def without_size(*films: Path) -> None:
    """Take the size out of the segments of these films, which mkvmerge writes in eight bytes."""
    for film in films:
        data = bytearray(film.read_bytes())
        at = data.index(_SEGMENT) + 4
        data[at : at + 8] = _UNKNOWN
        film.write_bytes(data)
