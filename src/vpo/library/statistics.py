"""What people want to know of a library as a whole; pure functions over the media on record."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from vpo.db.records import Stat
from vpo.media.languages import alpha3, primary
from vpo.media.model import MediaFile, Track
from vpo.media.units import resolution_of
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.policy.choice import PolicyChoice

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


class Count(NamedTuple):
    """How many files have a fact, their seconds (of those that tell) and bytes."""

    files: int = 0
    seconds: float = 0.0
    bytes: int = 0

    def plus(self, media: MediaFile) -> Count:
        return Count(
            self.files + 1, self.seconds + (media.duration or 0.0), self.bytes + media.size
        )


class Overview(NamedTuple):
    """The whole, and for each of ``FACTS`` its values, those of most bytes first."""

    total: Count
    facts: dict[str, dict[str, Count]]


class Copy(NamedTuple):
    """What there is to say of a file that may be a duplicate; two names of one file have one
    ``inode``."""

    path: str
    size: int
    seconds: float | None
    video: str
    inode: int


class Duplicates(NamedTuple):
    """Files that may be the same; ``kind`` is ``tracks`` (size, duration and all tracks are alike;
    their bytes were not compared) or ``title`` (the names tell of the same film or episode).
    """

    kind: Literal["tracks", "title"]
    name: str
    files: tuple[Copy, ...]

    @property
    def room(self) -> int:
        """The bytes that all but the largest of the files take; hard links take none."""
        sizes = {item.inode: item.size for item in self.files}.values()
        return sum(sizes) - max(sizes)


class Violation(NamedTuple):
    """A file that is not as the policies want it, and what they would change."""

    media: MediaFile
    plan: Plan


def overview(library: Iterable[MediaFile]) -> Overview:
    """The counts of all facts."""
    total = Count()
    facts: dict[str, dict[str, Count]] = {name: defaultdict(Count) for name in FACTS}
    for media in library:
        total = total.plus(media)
        for name, value in set(_facts(media)):
            facts[name][value] = facts[name][value].plus(media)
    return Overview(total, {name: _sorted(values) for name, values in facts.items()})


def _sorted(values: dict[str, Count]) -> dict[str, Count]:
    return dict(sorted(values.items(), key=lambda item: (-item[1].bytes, item[0])))


def _facts(media: MediaFile) -> Iterator[tuple[str, str]]:
    yield "container", media.container
    video = media.of("video")
    yield "video", video[0].codec if video else "none"
    if video:
        yield "resolution", resolution_of(video[0].width, video[0].height) or "unknown"
        yield "hdr", _range(video[0])
    for track in media.of("audio"):
        yield "audio", track.codec
        yield "language", _language(track)
    for track in media.of("subtitle"):
        yield "subtitles", _language(track)


def _language(track: Track) -> str:
    """One name for each language, however it is written: Matroska's."""
    return alpha3(primary(track.language), "B")


def _range(track: Track) -> str:
    names = [track.dynamic_range] if track.dynamic_range else []
    names += ["Dolby Vision"] * track.dolby_vision
    return " + ".join(names) or "SDR"


def duplicates(library: Iterable[tuple[MediaFile, Stat]]) -> list[Duplicates]:
    """Groups of files that may be the same, those that would free most room first."""
    alike: dict[bytes, list[Copy]] = defaultdict(list)
    titled: dict[str, list[Copy]] = defaultdict(list)
    for media, (_, _, inode) in library:
        copy = Copy(media.path, media.size, media.duration, _video(media), inode)
        alike[_signature(media)].append(copy)
        if name := title(media.path):
            titled[name].append(copy)
    found = [
        Duplicates("tracks", os.path.basename(group[0].path), tuple(group))
        for group in alike.values()
        if _several(group)
    ]
    whole = {frozenset(item.files) for item in found}
    for name, group in titled.items():
        if _several(group) and frozenset(group) not in whole:
            found.append(Duplicates("title", name, tuple(group)))
    return sorted(found, key=lambda item: (-item.room, item.name))


def _several(group: list[Copy]) -> bool:
    return len({item.inode for item in group}) > 1


def _video(media: MediaFile) -> str:
    video = media.of("video")
    if not video:
        return "no video"
    return f"{video[0].codec} {resolution_of(video[0].width, video[0].height) or ''}".strip()


def _signature(media: MediaFile) -> bytes:
    tracks = [(t.type, t.codec, t.width, t.height, t.channels, t.language) for t in media.tracks]
    facts = (media.size, media.duration, tracks)
    return hashlib.blake2b(repr(facts).encode("utf-8", "replace"), digest_size=16).digest()


def check(
    choice: PolicyChoice,
    library: Iterable[tuple[MediaFile, Stat]],
    known: Mapping[bytes, Stat],
) -> Iterator[Violation | None]:
    """For each file what the policies would change, ``None`` if it matches.

    ``known`` are those that an earlier run found to match, as they were then.
    """
    for media, stat in library:
        if known.get(os.fsencode(media.path)) == stat:
            yield None
            continue
        plan = evaluate(choice.policies, media)
        yield Violation(media, plan) if plan.changes or plan.error else None


_EPISODE = re.compile(r"^(.*?)\bs(\d{1,3})\s*e(\d{1,4})((?:\s*-?\s*e?\d{1,4})*)\b", re.IGNORECASE)
_YEAR = re.compile(r"^(.+?)\W*\b((?:19|20)\d\d)\b")


def title(path: str) -> str | None:
    """The film with its year, or the series with season and episode, by the file's name; ``None``
    for a name that tells neither. The words are in lower case, without what separates them."""
    stem = re.sub(r"[._]+", " ", os.path.splitext(os.path.basename(path))[0])
    if found := _EPISODE.match(stem):
        show = _words(found[1]) or _words(_series(path))
        more = "".join(f"e{int(number):02}" for number in re.findall(r"\d+", found[4]))
        return f"{show} s{int(found[2]):02}e{int(found[3]):02}{more}" if show else None
    if found := _YEAR.match(stem):
        words = _words(found[1])
        return f"{words} ({found[2]})" if words else None
    return None


def _series(path: str) -> str:
    """The folder of the series, above those of its seasons."""
    folder = os.path.dirname(path)
    if re.fullmatch(r"(season|staffel|saison)?\W*s?\d+", os.path.basename(folder), re.IGNORECASE):
        folder = os.path.dirname(folder)
    return os.path.basename(folder)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
