"""Counts the files of the library by container, codec, resolution, dynamic range and language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vpo.media.languages import alpha3, primary
from vpo.media.model import MediaFile, Track
from vpo.media.units import resolution_of

FACTS = {
    "container": "Container",
    "video": "Video codec",
    "resolution": "Resolution",
    "hdr": "Dynamic range",
    "audio": "Audio codec",
    "language": "Audio language",
    "subtitles": "Subtitle language",
}
"""What files are counted by; a file with several audio or subtitle tracks counts for each value."""


class Totals(NamedTuple):
    """The number of files with a fact, their duration (if known) in seconds, and their size."""

    files: int = 0
    seconds: float = 0.0
    bytes: int = 0

    def plus(self, media: MediaFile) -> Totals:
        """Return the totals with another file."""
        return Totals(
            self.files + 1, self.seconds + (media.duration or 0.0), self.bytes + media.size
        )


class Overview(NamedTuple):
    """The totals of all files, and those of each value of ``FACTS``, ordered by size."""

    total: Totals
    facts: dict[str, dict[str, Totals]]


def overview(library: Iterable[MediaFile]) -> Overview:
    """Count the files by all facts."""
    total = Totals()
    facts: dict[str, dict[str, Totals]] = {name: defaultdict(Totals) for name in FACTS}
    for media in library:
        total = total.plus(media)
        for name, value in set(_facts(media)):
            facts[name][value] = facts[name][value].plus(media)
    return Overview(total, {name: _by_size(values) for name, values in facts.items()})


def _by_size(values: dict[str, Totals]) -> dict[str, Totals]:
    return dict(sorted(values.items(), key=lambda item: (-item[1].bytes, item[0])))


def _facts(media: MediaFile) -> Iterator[tuple[str, str]]:
    yield "container", media.container
    video = media.of("video")
    yield "video", video[0].codec if video else "none"
    if video:
        yield "resolution", resolution_of(video[0].width, video[0].height) or "unknown"
        yield "hdr", _dynamic_range(video[0])
    for track in media.of("audio"):
        yield "audio", track.codec
        yield "language", _language(track)
    for track in media.of("subtitle"):
        yield "subtitles", _language(track)


def _language(track: Track) -> str:
    """Return the language as ISO 639-2/B, as Matroska has it."""
    return alpha3(primary(track.language), "B")


def _dynamic_range(track: Track) -> str:
    names = [track.dynamic_range] if track.dynamic_range else []
    if track.dolby_vision:
        names.append("Dolby Vision")
    return " + ".join(names) or "SDR"
