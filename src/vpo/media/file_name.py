"""Names of files: what one says of a film, and what every file system can have as one."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import NamedTuple

_MOST_BYTES = 255
"""The longest name of most file systems, in bytes (NAME_MAX)."""
_YEAR = r"(?:19|20)[0-9]{2}"
_YEAR_IN_BRACKETS = re.compile(rf"[(\[]({_YEAR})[)\]]")
_YEAR_ALONE = re.compile(rf"(?<![0-9A-Za-z])({_YEAR})(?![0-9A-Za-z])")
_EPISODE = re.compile(
    r"(?<![0-9A-Za-z])S[0-9]{1,4}(?:-?E[0-9]{1,4})+(?![0-9A-Za-z])", re.IGNORECASE
)
_AROUND = " ._-([{"
_REPLACED = {"/": "-", "\\": "-", ":": " -", "|": "-", '"': "'"}
"""Characters that Windows, SMB and exFAT do not have in names, with what stands for them."""
_LEFT_OUT = re.compile(r"[<>?*\x00-\x1f\x7f]")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
"""Names that Windows has for devices, with any extension."""


class FilmName(NamedTuple):
    """What the name of a file says of its film; ``episode`` as in ``S01E02``."""

    title: str | None = None
    year: str | None = None
    episode: str | None = None


def film_name(stem: str) -> FilmName:
    """Return what a file name without extension says; only what is certain."""
    episode = _EPISODE.search(stem)
    year = _YEAR_IN_BRACKETS.search(stem)
    if year is None:
        year = next((m for m in reversed([*_YEAR_ALONE.finditer(stem)]) if m.start()), None)
    ends = [found.start() for found in (year, episode) if found is not None]
    title = _spaced(stem[: min(ends)]) if ends else None
    return FilmName(
        title or None, year[1] if year else None, episode[0].upper() if episode else None
    )


def _spaced(text: str) -> str:
    """Return words that dots or underscores part with spaces in between."""
    text = text.strip(_AROUND)
    return text if " " in text else re.sub(r"[._]+", " ", text).strip(_AROUND)


def safe_stem(text: str) -> str:
    """Return a name without extension that all file systems can have; empty if nothing is left."""
    text = unicodedata.normalize("NFC", text)
    for old, new in _REPLACED.items():
        text = text.replace(old, new)
    text = " ".join(_LEFT_OUT.sub("", text).split())
    text = text.lstrip(". ").rstrip(". ")
    return f"{text}_" if _DEVICES.fullmatch(text) else text


def is_too_long(name: str) -> bool:
    """Return whether a name has more bytes than a file system takes."""
    return len(os.fsencode(name)) > _MOST_BYTES


def is_utf8(name: str) -> bool:
    """Return whether the bytes of a name are UTF-8."""
    return not any("\udc80" <= char <= "\udcff" for char in name)
