"""Finds files of the library that are probably duplicates."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from vpo.db.records import Stat
from vpo.media.model import MediaFile
from vpo.media.units import resolution_of


class Copy(NamedTuple):
    """One of several duplicates; hard links of one file have the same ``inode``."""

    path: str
    size: int
    seconds: float | None
    video: str
    inode: int


class Duplicates(NamedTuple):
    """A group of probable duplicates.

    ``kind`` is ``tracks`` (same size, duration and tracks; the content is not compared) or
    ``title`` (the names have the same film and year, or the same episode).
    """

    kind: Literal["tracks", "title"]
    name: str
    files: tuple[Copy, ...]

    @property
    def wasted(self) -> int:
        """The size of all files but the largest, in bytes; hard links count once."""
        sizes = {item.inode: item.size for item in self.files}.values()
        return sum(sizes) - max(sizes)


def find_duplicates(library: Iterable[tuple[MediaFile, Stat]]) -> list[Duplicates]:
    """Return groups of probable duplicates, those that waste most space first."""
    alike: dict[bytes, list[Copy]] = defaultdict(list)
    titled: dict[str, list[Copy]] = defaultdict(list)
    for media, (_, _, inode) in library:
        copy = Copy(media.path, media.size, media.duration, _video(media), inode)
        alike[_signature(media)].append(copy)
        if name := title_of(media.path):
            titled[name].append(copy)
    found = [
        Duplicates("tracks", os.path.basename(group[0].path), tuple(group))
        for group in alike.values()
        if _several_files(group)
    ]
    whole = {frozenset(item.files) for item in found}
    for name, group in titled.items():
        if _several_files(group) and frozenset(group) not in whole:
            found.append(Duplicates("title", name, tuple(group)))
    return sorted(found, key=lambda item: (-item.wasted, item.name))


def _several_files(group: list[Copy]) -> bool:
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


_EPISODE = re.compile(r"^(.*?)\bs(\d{1,3})\s*e(\d{1,4})((?:\s*-?\s*e?\d{1,4})*)\b", re.IGNORECASE)
_YEAR = re.compile(r"^(.+?)\W*\b((?:19|20)\d\d)\b")
_SEASON_FOLDER = re.compile(r"(season|staffel|saison)?\W*s?\d+", re.IGNORECASE)


def title_of(path: str) -> str | None:
    """Return film and year, or series, season and episode, of a file name; ``None`` without them.

    The words are in lower case, separated by spaces.
    """
    stem = re.sub(r"[._]+", " ", os.path.splitext(os.path.basename(path))[0])
    if found := _EPISODE.match(stem):
        show = _normalised(found[1]) or _normalised(_series_folder(path))
        more = "".join(f"e{int(number):02}" for number in re.findall(r"\d+", found[4]))
        return f"{show} s{int(found[2]):02}e{int(found[3]):02}{more}" if show else None
    if found := _YEAR.match(stem):
        film = _normalised(found[1])
        return f"{film} ({found[2]})" if film else None
    return None


def _series_folder(path: str) -> str:
    """Return the name of the series' folder, above those of its seasons."""
    folder = os.path.dirname(path)
    if _SEASON_FOLDER.fullmatch(os.path.basename(folder)):
        folder = os.path.dirname(folder)
    return os.path.basename(folder)


def _normalised(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
