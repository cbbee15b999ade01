"""What a library is counted, filtered and sorted by: container, codecs, languages and the like."""

from __future__ import annotations

from typing import NamedTuple

from vpo.media.languages import alpha3, primary
from vpo.media.model import MediaFile, Track
from vpo.media.units import resolution_of


class FileFacts(NamedTuple):
    """The facts of one file; ``resolution`` and ``hdr`` are ``None`` without video.

    Languages are those of ISO 639-2/B, as Matroska has them.
    """

    container: str
    video: str
    resolution: str | None
    hdr: str | None
    audio: frozenset[str]
    language: frozenset[str]
    subtitles: frozenset[str]


def facts_of(media: MediaFile) -> FileFacts:
    """Return the facts of a file."""
    video = next(iter(media.of("video")), None)
    audio, subtitles = media.of("audio"), media.of("subtitle")
    return FileFacts(
        container=media.container,
        video=video.codec if video else "none",
        resolution=(resolution_of(video.width, video.height) or "unknown") if video else None,
        hdr=_dynamic_range(video) if video else None,
        audio=frozenset(track.codec for track in audio),
        language=frozenset(map(_language, audio)),
        subtitles=frozenset(map(_language, subtitles)),
    )


def _language(track: Track) -> str:
    return alpha3(primary(track.language), "B")


def _dynamic_range(track: Track) -> str:
    names = [track.dynamic_range] if track.dynamic_range else []
    if track.dolby_vision:
        names.append("Dolby Vision")
    return " + ".join(names) or "SDR"
