"""Names and values of tags that ffmpeg spells anew: blanks, places, numbers of tracks and discs."""

from __future__ import annotations

import re

from vpo.media.languages import primary

_PLACE = re.compile(r"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")
_NUMBER_OF = re.compile(r"0*(\d+)(?:/0*(\d*))?")
_DIGITS = 4
"""The decimals of a degree that tell places apart: some 10 metres."""
_NUMBERED = frozenset({"track", "disc"})


def name_key(name: str) -> str:
    """Return what tells the names of tags apart, however ffmpeg spells them in Matroska.

    It writes underscores for blanks, and a language behind the name (``comment-de``) as three
    letters.
    """
    base, dash, language = name.replace(" ", "_").rpartition("-")
    return f"{base}-{primary(language)}" if dash else language


def same_value(name: str, one: str, other: str) -> bool:
    """Whether two spellings of a tag's value say the same, whatever blanks they have.

    ``location`` is a place in ISO 6709, of which the height is compared to a metre; a track is the
    ``1`` of an unknown number with or without ``/0``.
    """
    if name.partition("-")[0] == "location":
        places = _place(one), _place(other)
        if None not in places:
            return places[0] == places[1]
    if name in _NUMBERED:
        numbers = _number_of(one), _number_of(other)
        if None not in numbers:
            return numbers[0] == numbers[1]
    return one.split() == other.split()


def _place(text: str) -> tuple[float, ...] | None:
    found = _PLACE.match(text.strip())
    if found is None:
        return None
    latitude, longitude, height = found.groups()
    place = round(float(latitude), _DIGITS), round(float(longitude), _DIGITS)
    return (*place, round(float(height))) if height else place


def _number_of(text: str) -> tuple[int, int] | None:
    found = _NUMBER_OF.fullmatch(text.strip())
    return (int(found[1]), int(found[2] or 0)) if found else None
