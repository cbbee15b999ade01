"""Names of subtitle files beside a film, as Jellyfin and Plex read and expect them.

``Film.en.forced.srt`` belongs to ``Film.mkv``: language and flags stand between the film's own name
and the extension (https://jellyfin.org/docs/general/server/media/external-files/,
https://support.plex.tv/articles/200471133-adding-local-subtitles-to-your-media/).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vpo.media.containers import CONTAINERS
from vpo.media.file_name import is_too_long
from vpo.media.languages import UNDETERMINED, is_language, of_name, primary, variant

_CODECS = {
    ".srt": "subrip",
    ".ass": "ass",
    ".ssa": "ass",
    ".vtt": "webvtt",
    ".sup": "hdmv_pgs_subtitle",
    ".idx": "dvd_subtitle",
}
"""The codecs of sidecars by their extension; the packets of a ``.sub`` belong to an ``.idx``."""
_PAIRED = {".idx": ".sub"}
_OTHERS = frozenset({".sub", ".smi", ".usf", ".ttml", ".mks"})
"""Sidecars that vpo does not read; they belong to a film all the same."""
EXTENSIONS: Mapping[str, str] = {
    "subrip": ".srt",
    "mov_text": ".srt",
    "text": ".srt",
    "ass": ".ass",
    "webvtt": ".vtt",
    "hdmv_pgs_subtitle": ".sup",
    "dvd_subtitle": ".idx",
}
"""The extensions of sidecars by the codec of the track that they hold."""
_FLAG_WORDS = {
    "default": "default",
    "forced": "forced",
    "foreign": "forced",
    "sdh": "hearing_impaired",
    "cc": "hearing_impaired",
    "hi": "hearing_impaired",
    "commentary": "comment",
}
_WRITTEN = (
    ("default", "default"),
    ("hearing_impaired", "sdh"),
    ("comment", "commentary"),
    ("forced", "forced"),
)
"""The flags that a name states, in the order in which they are written."""
_VIDEO_EXTENSIONS = frozenset(ext for kind in CONTAINERS.values() for ext in kind.extensions)


@dataclass(frozen=True, slots=True)
class SidecarName:
    """A subtitle file beside a film, and what its name says.

    ``codec`` is ffmpeg's name, ``None`` for a file that vpo does not read. ``title`` are words that
    are neither language nor flag. ``rest`` is what follows the film's own name (``.en.srt``).
    ``further`` is the second file of a pair (``.sub``).
    """

    name: str
    rest: str
    codec: str | None
    language: str | None = None
    flags: frozenset[str] = frozenset()
    title: str | None = None
    further: str | None = None

    def beside(self, film: str) -> str:
        """Return the name that the sidecar has beside a film of this name."""
        return os.path.splitext(film)[0] + self.rest


def sidecar_names(film: str, names: Iterable[str]) -> list[SidecarName]:
    """Return the sidecars of a film among the names of its folder, sorted by name.

    A name that begins with those of two films belongs to the longer one: ``Film.2.en.srt`` to
    ``Film.2.mkv``.
    """
    there = set(names)
    base = os.path.splitext(os.path.basename(film))[0]
    longer = [
        stem + "."
        for stem, extension in map(os.path.splitext, there)
        if stem.startswith(base + ".") and extension.lower() in _VIDEO_EXTENSIONS
    ]
    found = []
    for name in sorted(there):
        extension = os.path.splitext(name)[1].lower()
        if extension not in _CODECS and extension not in _OTHERS:
            continue
        if not name.startswith(base + ".") or name.startswith(tuple(longer)):
            continue
        found.append(_parsed(name, base, extension, there))
    paired = {item.further for item in found}
    return [item for item in found if item.name not in paired]


def _parsed(name: str, base: str, extension: str, there: set[str]) -> SidecarName:
    rest = name[len(base) :]
    words = [word for word in rest[: -len(extension)].split(".") if word]
    language = _language_word(words)
    flags, title = set(), []
    for number, word in enumerate(words):
        if number == language or word.isdigit():
            continue
        flag = _FLAG_WORDS.get(word.lower())
        if flag is None:
            title.append(word)
        else:
            flags.add(flag)
    codec, further = _CODECS.get(extension), None
    if extension in _PAIRED:
        stem = name[: -len(extension)]
        ends = (_PAIRED[extension], _PAIRED[extension].upper())
        further = next((stem + end for end in ends if stem + end in there), None)
        codec = codec if further is not None else None
    tag = None if language is None else _language(words[language])
    return SidecarName(name, rest, codec, tag, frozenset(flags), " ".join(title) or None, further)


def _language_word(words: list[str]) -> int | None:
    """Return the position of the language; ``hi`` is Hindi only where nothing else is one."""
    found = [n for n, word in enumerate(words) if _language(word)]
    others = [n for n in found if words[n].lower() not in _FLAG_WORDS]
    return next(iter(others or found), None)


def _language(word: str) -> str | None:
    """Return the tag of a word that is a language, by its code or its full name."""
    tag = word.replace("_", "-")
    coded = 2 <= len(tag.partition("-")[0]) <= 3 and word.lower() not in ("cc", "sdh")
    if coded and tag.isascii() and is_language(tag) and primary(tag) != UNDETERMINED:
        return tag
    return of_name(word)


def sidecar_name(
    film: str, codec: str, language: str | None, flags: frozenset[str], number: int = 1
) -> str:
    """Return the name of a sidecar with a track of this codec; ``KeyError`` for other codecs.

    ``number`` tells tracks of the same language and flags apart, from 2 on. Raises ``ValueError``
    for a name that file systems do not take.
    """
    words = [os.path.splitext(os.path.basename(film))[0]]
    if number > 1:
        words.append(str(number))
    if (tag := _short(language)) is not None:
        words.append(tag)
    words += [word for flag, word in _WRITTEN if flag in flags]
    name = ".".join(words) + EXTENSIONS[codec]
    if is_too_long(name):
        raise ValueError(f"the name {name} is too long for a file")
    return name


def second_name(name: str) -> str | None:
    """Return the name of the second file of a pair, ``None`` for a sidecar of one file."""
    stem, extension = os.path.splitext(name)
    return stem + _PAIRED[extension] if extension in _PAIRED else None


def _short(language: str | None) -> str | None:
    """Return the tag as servers read it: ``en``, ``pt-BR``; ``None`` for what is no language."""
    if language is None or not is_language(language) or primary(language) == UNDETERMINED:
        return None
    have = variant(language)
    stated = "-" in language or "_" in language
    script = have.script if stated and not have.region else None
    return "-".join(part for part in (have.language, script, have.region) if part)
