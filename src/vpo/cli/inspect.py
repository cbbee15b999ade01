"""``vpo inspect``: what is in a file, as policies see it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import click

from vpo.errors import EXIT_FAILED, EXIT_OK, ProbeError
from vpo.media import Color, MediaFile, Track, to_json
from vpo.probe import probe
from vpo.report import printable, shown

SCHEMA_VERSION = 1


@click.command("inspect")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is printed; the JSON is described in docs/json.md.",
)
def command(files: tuple[str, ...], style: str) -> int:
    """Show the tracks, attachments and chapters of FILE.

    Tracks are numbered as everywhere in vpo: by their place in the file, from 0.
    """
    found: list[MediaFile] = []
    failed = False
    for name in files:
        try:
            found.append(probe(os.path.realpath(name)))
        except ProbeError as error:
            failed = True
            click.echo(f"vpo: {printable(name)}: {error}", err=True)
    if style == "json":
        document = {"schema_version": SCHEMA_VERSION, "files": [to_json(media) for media in found]}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo("\n\n".join("\n".join(_lines(media)) for media in found))
    return EXIT_FAILED if failed else EXIT_OK


def _lines(media: MediaFile) -> Iterator[str]:
    facts = [media.container, _size(media.size), _time(media.duration)]
    yield f"{shown(media.path)}  ({', '.join(fact for fact in facts if fact)})"
    for track in media.tracks:
        yield "  " + printable("  ".join(part for part in _columns(track) if part)).rstrip()
    for item in media.attachments:
        size = f"  {_size(item.size)}" if item.size is not None else ""
        yield f"  {printable(str(item))}{size}"
    if media.chapters:
        yield f"  {len(media.chapters)} chapters"


def _columns(track: Track) -> Iterator[str]:
    yield f"{track.index:>2} {track.type:8}"
    profile = f" {track.profile}" if track.profile else ""
    yield f"{track.codec}{profile}".ljust(18)
    yield (track.language or "und").ljust(5)
    yield _format(track)
    yield f'"{track.title}"' if track.title else ""
    flags = sorted(track.dispositions)
    yield f"[{', '.join(flags)}]" if flags else ""


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


def _size(size: int) -> str:
    if size < 1 << 20:
        return f"{size / 1024:.0f} KiB"
    return f"{size / (1 << 20):,.1f} MiB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "duration unknown"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
