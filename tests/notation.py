"""Media in a compact notation, for tests.

One line a track or attachment::

    v:hevc/1920x1080                        video
    v:hevc/1920x1080/yuv420p10le/25fps      the same with its pixel format and frame rate
    a:dts(DTS-HD MA)/6ch/eng "Main" [default original]
    s:subrip/pt-BR [forced]
    d:bin_data                              data
    f:font.ttf                              an attached file
    c:cover.jpg                             a cover picture (``c:`` without a name, as in MP4)

After the type letter and the codec (with its profile in parentheses) come, in any order and each
only where it is known, the channels, the size, pixel format and frame rate of the picture
(``30000:1001fps``), and the language; then the title and
the dispositions. Lines are numbered from 0 as ffmpeg numbers streams.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from vpo.media.containers import container as container_named
from vpo.media.model import Attachment, MediaFile, Track, TrackType

_TYPES: dict[str, TrackType] = {"v": "video", "a": "audio", "s": "subtitle", "d": "data"}
_LETTERS = {name: letter for letter, name in _TYPES.items()}
_TRACK = re.compile(
    r'([vasd]):([\w.-]+)(?:\(([^)]*)\))?((?:/[^/\s"\[]+)*)(?:\s+"([^"]*)")?(?:\s+\[([^\]]*)\])?'
)
_MIME = {
    "ttf": "application/x-truetype-font",
    "otf": "font/otf",
    "jpg": "image/jpeg",
    "png": "image/png",
    "txt": "text/plain",
}


def media(lines: Iterable[str], container: str = "mkv", **facts: Any) -> MediaFile:
    """The file that the lines describe; ``facts`` are further fields of ``MediaFile``."""
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
    """The track that one line describes."""
    found = _TRACK.fullmatch(line.strip())
    if not found:
        raise ValueError(f"not in the notation: {line!r}")
    letter, codec, profile, facts, title, flags = found.groups()
    return Track(
        index=index,
        type=_TYPES[letter],
        codec=codec,
        profile=profile,
        title=title,
        dispositions=frozenset((flags or "").split()),
        matroska_id=index if matroska else None,
        **_facts(facts.split("/")[1:]),
    )


def _facts(parts: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for part in parts:
        if size := re.fullmatch(r"(\d+)x(\d+)", part):
            facts["width"], facts["height"] = int(size[1]), int(size[2])
        elif channels := re.fullmatch(r"(\d+)ch", part):
            facts["channels"] = int(channels[1])
        elif rate := re.fullmatch(r"([\d:]+)fps", part):
            facts["frame_rate"] = rate[1].replace(":", "/")
        elif re.match(r"yuvj?4|gbrp", part):
            facts["pixel_format"] = part
        else:
            facts["language"] = part
    return facts


def attachment(line: str, index: int = 0) -> Attachment:
    """The attachment that one line describes."""
    name = line[2:].strip() or None
    suffix = name.rsplit(".", 1)[-1] if name else ""
    return Attachment(
        index=index, filename=name, mime_type=_MIME.get(suffix), cover=line.startswith("c:")
    )


def lines(file: MediaFile) -> list[str]:
    """The notation of a file's tracks and attachments, in their order."""
    return [line(item) for item in file.tracks] + [
        f"{'c' if item.cover else 'f'}:{item.filename or ''}" for item in file.attachments
    ]


def line(item: Track) -> str:
    """The notation of one track."""
    text = f"{_LETTERS[item.type]}:{item.codec}"
    text += f"({item.profile})" if item.profile is not None else ""
    text += f"/{item.width}x{item.height}" if item.width else ""
    text += f"/{item.pixel_format}" if item.pixel_format else ""
    text += f"/{item.frame_rate.replace('/', ':')}fps" if item.frame_rate else ""
    text += f"/{item.channels}ch" if item.channels else ""
    text += f"/{item.language}" if item.language is not None else ""
    text += f' "{item.title}"' if item.title is not None else ""
    return text + (f" [{' '.join(sorted(item.dispositions))}]" if item.dispositions else "")
