"""What is in a file, on one screen."""

from __future__ import annotations

from collections.abc import Iterator

from vpo.media.model import Color, MediaFile, Track
from vpo.probe.decoder import Damage
from vpo.probe.health import Health
from vpo.text import (
    counted,
    display_path,
    format_size,
    format_time,
    padded,
    printable,
    truncated,
    width,
)

_LONGEST_TITLE = 40
"""Columns of a title; JSON has all of it."""
_LISTED = 20
"""Damages; JSON has more."""


def lines(media: MediaFile) -> Iterator[str]:
    facts = [media.container, format_size(media.size), duration_text(media.duration)]
    yield f"{display_path(media.path)}  ({', '.join(facts)})"
    for row in _aligned([columns_of(track) for track in media.tracks]):
        yield f"  {row}"
    for item in media.attachments:
        size = f"  {format_size(item.size)}" if item.size is not None else ""
        yield f"  {printable(str(item))}{size}"
    if media.chapters:
        yield f"  {counted(len(media.chapters), 'chapter')}"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    """The rows with their columns one below the other; the last two follow as they come."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(width(cell) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        *columns, title, flags = row
        fixed = [padded(cell, most) for cell, most in zip(columns, widths, strict=False) if most]
        yield "  ".join([*fixed, *filter(None, [title, flags])]).rstrip()


def columns_of(track: Track) -> list[str]:
    profile = f" {track.profile}" if track.profile else ""
    flags = ", ".join(sorted(track.dispositions))
    return [
        f"{track.index:>2} {track.type}",
        f"{track.codec}{profile}",
        track.language or "und",
        _format(track),
        f'"{truncated(track.title, _LONGEST_TITLE)}"' if track.title else "",
        f"[{flags}]" if flags else "",
    ]


def _format(track: Track) -> str:
    if track.type == "video":
        parts = [f"{track.width}x{track.height}" if track.width else "", track.pixel_format or ""]
        parts += [f"{track.frame_rate} fps" if track.frame_rate else "", _hdr(track.color)]
        return " ".join(part for part in parts if part)
    return track.layout or ""


def _hdr(color: Color | None) -> str:
    """HDR by its transfer function: PQ (SMPTE ST 2084) or HLG (ARIB STD-B67)."""
    names = {"smpte2084": "HDR (PQ)", "arib-std-b67": "HDR (HLG)"}
    return names.get((color.transfer if color else None) or "", "")


def duration_text(seconds: float | None) -> str:
    """Return a duration as ``1:02:03``, cut to whole seconds, or that it is unknown."""
    return "duration unknown" if seconds is None else format_time(int(seconds))


def health_lines(
    media: MediaFile, health: Health | None, named: bool = False
) -> Iterator[tuple[str, str]]:
    """What is damaged and where: (text, style)."""
    if health is None:
        return
    what = f"{display_path(media.path)}: " if named else ""
    if health.whole:
        yield f"  {what}whole: {format_time(health.decoded)} decoded without an error", "changed"
    for damage in health.damages[:_LISTED]:
        yield f"  {what}{printable(_damage(damage))}", "failed"
    more = len(health.damages) - _LISTED + health.more
    if more > 0:
        yield f"  {what}and {counted(more, 'more damage')}", "failed"
    if health.undecoded:
        tracks = ", ".join(map(str, health.undecoded))
        yield f"  {what}not decoded, as no decoder here knows them: tracks {tracks}", "skipped"


def _damage(damage: Damage) -> str:
    where = "container" if damage.stream is None else f"track {damage.stream}"
    times = f" ({damage.times} times)" if damage.times > 1 else ""
    return f"damaged: {where}{_span(damage.start, damage.end)}: {damage.said}{times}"


def _span(start: float | None, end: float | None) -> str:
    if start is None:
        return ""
    until = f" to {format_time(end, 1)}" if end is not None and end - start >= 1 else ""
    return f" at {format_time(start, 1)}{until}"
