"""Media in a compact notation, which people write and read: cases of policies, and tests.

One line a track or attachment::

    v:hevc/1920x1080                        video
    v:hevc(Main 10)/1920x1080/yuv420p10le/24000:1001fps/hdr10/8M
    a:dts(DTS-HD MA)/6ch/5.1(side)/eng "Main" [default original]
    s:subrip/pt-BR [forced]
    d:bin_data                              data
    f:font.ttf                              an attached file
    c:cover.jpg                             a cover picture (``c:`` without a name, as in MP4)

After the type letter and the codec (with its profile in parentheses) come, in any order and each
only where it is known, the facts; then the title and the dispositions. Lines are numbered from 0,
as ffmpeg numbers streams. What has no place here (chapters, tags of tracks, sample rates) is not
written, and not known of what is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from vpo.media.containers import container as container_named
from vpo.media.layouts import channels_of, usual_layout
from vpo.media.model import SIDE_DATA, Attachment, Color, MediaFile, Track, TrackType
from vpo.media.units import bitrate

_TYPES: dict[str, TrackType] = {"v": "video", "a": "audio", "s": "subtitle", "d": "data"}
_LETTERS = {name: letter for letter, name in _TYPES.items()}
_LINE = re.compile(
    r"([vasd]):([\w.-]+)(?:\(([^)]*)\))?((?:/[^/\s\"\[]+)*)"
    r'(?:\s+"((?:[^"\\]|\\.)*)")?(?:\s+\[([^\]]*)\])?',
    re.DOTALL,
)
_NAMED = re.compile(r"(\w+)\(([^)]*)\)")
_PLAIN_VALUE = re.compile(r"[^/\s\"\[\]()]+")
_MIME = {
    "ttf": "application/x-truetype-font",
    "otf": "font/otf",
    "jpg": "image/jpeg",
    "png": "image/png",
    "txt": "text/plain",
}
_TRANSFERS = {"hdr10": "smpte2084", "hlg": "arib-std-b67"}
_RANGES = {transfer: name for name, transfer in _TRANSFERS.items()}
_LANGUAGE = re.compile(r"[A-Za-z?]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_PIXEL_FORMAT = re.compile(r"(?:yuv[aj]?4|gbr|gray|p0|nv\d|rgb\d|bgr\d)\w*")
"""The names of pixel formats that can be nothing else; others are written as ``format(pal8)``."""
_NAMES = {
    "format": "pixel_format",
    "interlaced": "field_order",
    "bars_around": "picture",
    "mostly": "mixed",
}
"""The names of facts of videos, besides those of side data."""


def media(lines: Iterable[str], container: str = "mkv", **facts: Any) -> MediaFile:
    """Return the file that the lines describe; ``facts`` are further fields of ``MediaFile``.

    Raises ``ValueError`` for a line that is not in the notation.
    """
    tracks: list[Track] = []
    attachments: list[Attachment] = []
    for index, line in enumerate(lines):
        if line[:2] in ("f:", "c:"):
            attachments.append(attachment(line, index))
        else:
            tracks.append(track(line, index, container_named(container).matroska))
    return MediaFile(
        **{
            "path": f"/media/file.{container}",
            "container": container,
            "size": 1_000_000,
            "tracks": tuple(tracks),
            "attachments": tuple(attachments),
            **facts,
        }
    )


def track(line: str, index: int = 0, matroska: bool = True) -> Track:
    """Return the track that one line describes."""
    found = _LINE.fullmatch(line.strip())
    if not found:
        raise ValueError(
            f"`{line}` is not a track, such as `v:hevc/1920x1080`, `a:aac/2ch/eng "
            '"Title" [default]`, `s:subrip/eng`, `d:bin_data`, `f:font.ttf` or `c:cover.jpg`'
        )
    letter, codec, profile, facts, title, flags = found.groups()
    return Track(
        index=index,
        type=_TYPES[letter],
        codec=codec,
        profile=profile,
        title=re.sub(r"\\(.)", r"\1", title, flags=re.DOTALL) if title is not None else None,
        dispositions=frozenset((flags or "").split()),
        matroska_id=index if matroska else None,
        **_facts(facts.split("/")[1:], line),
    )


def _facts(parts: Iterable[str], line: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for part in parts:
        read = next((value for value in (form(part) for form in _FORMS) if value), None)
        if read is None:
            raise ValueError(f"`{part}` in `{line}` is no fact of a track")
        pairs = facts.get("side_data", ()) + read.get("side_data", ())
        facts |= {**read, "side_data": pairs} if pairs else read
    return facts


def _size(part: str) -> dict[str, Any] | None:
    found = re.fullmatch(r"(\d+)x(\d+)", part)
    return {"width": int(found[1]), "height": int(found[2])} if found else None


def _channels(part: str) -> dict[str, Any] | None:
    found = re.fullmatch(r"(\d+)ch", part)
    return {"channels": int(found[1])} if found else None


def _layout(part: str) -> dict[str, Any] | None:
    return {"layout": part} if channels_of(part) else None


def _frame_rate(part: str) -> dict[str, Any] | None:
    found = re.fullmatch(r"(\d+(?::\d+)?)fps", part)
    return {"frame_rate": found[1].replace(":", "/")} if found else None


def _bit_rate(part: str) -> dict[str, Any] | None:
    return {"bit_rate": bitrate(part)} if re.fullmatch(r"\d+(?:\.\d+)?(?:[kM]|bps)", part) else None


def _pixel_format(part: str) -> dict[str, Any] | None:
    return {"pixel_format": part} if _PIXEL_FORMAT.fullmatch(part) else None


def _dynamic_range(part: str) -> dict[str, Any] | None:
    return {"color": Color(transfer=_TRANSFERS[part])} if part in _TRANSFERS else None


def _named(part: str) -> dict[str, Any] | None:
    """Read what has a name: ``interlaced(tt)``, ``dolby_vision(8.1)``."""
    found = _NAMED.fullmatch(part)
    if found and found[1] in _NAMES:
        return {_NAMES[found[1]]: found[2]}
    return {"side_data": ((found[1], found[2]),)} if found and found[1] in SIDE_DATA else None


def _language(part: str) -> dict[str, Any] | None:
    return {"language": part} if _LANGUAGE.fullmatch(part) else None


_FORMS: tuple[Callable[[str], dict[str, Any] | None], ...] = (
    _size,
    _channels,
    _frame_rate,
    _bit_rate,
    _dynamic_range,
    _layout,
    _pixel_format,
    _named,
    _language,
)


def attachment(line: str, index: int = 0) -> Attachment:
    """Return the attachment that one line describes."""
    name = line[2:].strip() or None
    suffix = name.rsplit(".", 1)[-1] if name else ""
    return Attachment(
        index=index, filename=name, mime_type=_MIME.get(suffix), cover=line.startswith("c:")
    )


def lines(file: MediaFile) -> list[str]:
    """Return the notation of a file's tracks and attachments, in their order."""
    return [line(item) for item in file.tracks] + [
        f"{'c' if item.cover else 'f'}:{item.filename or ''}" for item in file.attachments
    ]


def line(item: Track) -> str:
    """Return the notation of one track."""
    text = f"{_LETTERS[item.type]}:{item.codec}"
    text += f"({item.profile})" if item.profile is not None else ""
    text += "".join(f"/{fact}" for fact in _written(item))
    if item.title is not None:
        title = re.sub(r'(["\\])', r"\\\1", item.title)
        text += f' "{title}"'
    return text + (f" [{' '.join(sorted(item.dispositions))}]" if item.dispositions else "")


def _written(item: Track) -> Iterator[str]:
    if item.width:
        yield f"{item.width}x{item.height}"
    if item.pixel_format and _PIXEL_FORMAT.fullmatch(item.pixel_format):
        yield item.pixel_format
    if item.frame_rate:
        yield f"{item.frame_rate.replace('/', ':')}fps"
    yield from _written_video(item)
    if item.channels:
        yield f"{item.channels}ch"
    if item.layout and item.layout != usual_layout(item.channels):
        # Of ``4 channels (FL+FR+LFE+BC)``, the names say all.
        named = item.layout if " " not in item.layout else "+".join(channels_of(item.layout) or ())
        yield from (named,) if named else ()
    if item.language:
        yield item.language
    if item.bit_rate:
        yield _short_rate(item.bit_rate)


def _written_video(item: Track) -> Iterator[str]:
    transfer = item.color.transfer if item.color else None
    if transfer in _RANGES:
        yield _RANGES[transfer]
    named = [(name, getattr(item, field)) for name, field in _NAMES.items()]
    for name, value in (*named, *item.side_data):
        plain = value is not None and _PLAIN_VALUE.fullmatch(value)
        if plain and not (name == "format" and _PIXEL_FORMAT.fullmatch(value)):
            yield f"{name}({value})"


def _short_rate(rate: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if rate % unit == 0:
            return f"{rate // unit}{letter}"
    return f"{rate}bps"
