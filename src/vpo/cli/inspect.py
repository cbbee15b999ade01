"""``vpo inspect``: what is in a file, as policies see it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import click

from vpo.cli.options import format_option
from vpo.errors import EXIT_FAILED, EXIT_OK, ProbeError
from vpo.measures import words
from vpo.media import Color, MediaFile, Track, to_json
from vpo.printable import counted, cut, padded, printable, shown, width
from vpo.probe import probe
from vpo.report import SCHEMA_VERSION

_LONGEST_TITLE = 40
"""Columns of a title; JSON has all of it."""


@click.command("inspect")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
@format_option("text", "json")
def command(files: tuple[str, ...], style: str) -> int:
    """Show the tracks, attachments and chapters of FILE.

    Tracks are numbered as everywhere in vpo: by their place in the file, from 0.
    """
    found: list[MediaFile] = []
    for name in files:
        try:
            found.append(_probed(name))
        except ProbeError as error:
            click.echo(f"vpo: {printable(name)}: {printable(str(error))}", err=True)
    if style == "json":
        document = {"schema_version": SCHEMA_VERSION, "files": [to_json(media) for media in found]}
        click.echo(json.dumps(document, indent=2))
    elif found:
        click.echo("\n\n".join("\n".join(_lines(media)) for media in found))
    return EXIT_OK if len(found) == len(files) else EXIT_FAILED


def _probed(name: str) -> MediaFile:
    if os.path.isdir(name):
        raise ProbeError("is a folder; name the files in it")
    return probe(os.path.realpath(name), frames=True)


def _lines(media: MediaFile) -> Iterator[str]:
    facts = [media.container, words(media.size), _time(media.duration)]
    yield f"{shown(media.path)}  ({', '.join(facts)})"
    for row in _aligned([_columns(track) for track in media.tracks]):
        yield f"  {row}"
    for item in media.attachments:
        size = f"  {words(item.size)}" if item.size is not None else ""
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


def _columns(track: Track) -> list[str]:
    profile = f" {track.profile}" if track.profile else ""
    flags = ", ".join(sorted(track.dispositions))
    return [
        f"{track.index:>2} {track.type}",
        f"{track.codec}{profile}",
        track.language or "und",
        _format(track),
        f'"{cut(track.title, _LONGEST_TITLE)}"' if track.title else "",
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


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "duration unknown"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
