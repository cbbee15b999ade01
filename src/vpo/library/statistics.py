"""Counts the files of the library by container, codec, resolution, dynamic range and language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vpo.media.facts import facts_of
from vpo.media.model import MediaFile

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
        for name, value in _facts(media):
            facts[name][value] = facts[name][value].plus(media)
    return Overview(total, {name: _by_size(values) for name, values in facts.items()})


def _by_size(values: dict[str, Totals]) -> dict[str, Totals]:
    return dict(sorted(values.items(), key=lambda item: (-item[1].bytes, item[0])))


def _facts(media: MediaFile) -> Iterator[tuple[str, str]]:
    for name, value in facts_of(media)._asdict().items():
        if isinstance(value, frozenset):
            yield from ((name, each) for each in value)
        elif value is not None:
            yield name, value
