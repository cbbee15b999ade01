"""Shows the tracks, attachments, chapters and damage of a file as text."""

from __future__ import annotations

from collections.abc import Iterator

from vpo.media.model import Color, MediaFile, Track
from vpo.policy.operation import PolicyConfig
from vpo.policy.track_classes import kind_of
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
"""Maximum width of a title; JSON has all of it."""
_LISTED = 20
"""How much damage is listed; JSON has more."""


def media_lines(media: MediaFile) -> Iterator[str]:
    """Yield the description of a file, line by line."""
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
    """Yield the rows with aligned columns, except for the last two."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(width(cell) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        *columns, title, flags = row
        fixed = [padded(cell, most) for cell, most in zip(columns, widths, strict=False) if most]
        yield "  ".join([*fixed, *filter(None, [title, flags])]).rstrip()


def columns_of(track: Track) -> list[str]:
    """Return the columns of a track: index and type, codec, language, format, title, flags.

    What is not said by a flag but by the title, such as commentary, is behind the flags.
    """
    profile = f" {track.profile}" if track.profile else ""
    flags = ", ".join(sorted(track.dispositions))
    kind = kind_of(track, PolicyConfig())
    what = f"{kind.name} by {kind.why}" if kind and kind.why and "flag" not in kind.why else ""
    encrypted = "encrypted" if track.encrypted else ""
    return [
        f"{track.index:>2} {track.type}",
        f"{track.codec}{profile}",
        track.language or "und",
        _format(track),
        f'"{truncated(track.title, _LONGEST_TITLE)}"' if track.title else "",
        " ".join(filter(None, [f"[{flags}]" if flags else "", what, encrypted])),
    ]


def _format(track: Track) -> str:
    if track.type == "video":
        parts = [f"{track.width}x{track.height}" if track.width else "", track.pixel_format or ""]
        parts += [f"{track.frame_rate} fps" if track.frame_rate else "", _hdr(track.color)]
        return " ".join(part for part in parts if part)
    return track.layout or ""


def _hdr(color: Color | None) -> str:
    """Return the kind of HDR by its transfer function: PQ (SMPTE ST 2084) or HLG (ARIB STD-B67)."""
    names = {"smpte2084": "HDR (PQ)", "arib-std-b67": "HDR (HLG)"}
    return names.get((color.transfer if color else None) or "", "")


def duration_text(seconds: float | None) -> str:
    """Return a duration as ``1:02:03``, cut to whole seconds, or that it is unknown."""
    return "duration unknown" if seconds is None else format_time(int(seconds))


def health_lines(
    media: MediaFile, health: Health | None, named: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield where a file is damaged, or that it is not: (text, style)."""
    if health is None:
        return
    what = f"{display_path(media.path)}: " if named else ""
    if health.intact:
        yield f"  {what}no damage: {format_time(health.decoded)} decoded without errors", "changed"
    for text, style in damage_lines(health):
        yield f"  {what}{text.lstrip()}", style


def damage_lines(health: Health) -> Iterator[tuple[str, str]]:
    """Yield what is damaged in a file, and what was not checked: (text, style)."""
    for damage in health.errors[:_LISTED]:
        yield f"  {printable(_damage(damage))}", "failed"
    more = len(health.errors) - _LISTED + health.omitted
    if more > 0:
        yield f"  and {more:,} more", "failed"
    if health.no_decoder:
        tracks = ", ".join(map(str, health.no_decoder))
        yield f"  not checked, because ffmpeg has no decoder for them: tracks {tracks}", "skipped"


def _damage(damage: Damage) -> str:
    where = "container" if damage.stream is None else f"track {damage.stream}"
    times = f" ({damage.count} times)" if damage.count > 1 else ""
    return f"damaged: {where}{_span(damage.start, damage.end)}: {damage.message}{times}"


def _span(start: float | None, end: float | None) -> str:
    if start is None:
        return ""
    until = f" to {format_time(end, 1)}" if end is not None and end - start >= 1 else ""
    return f" at {format_time(start, 1)}{until}"
