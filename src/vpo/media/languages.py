"""Comparison of language tags: by language, not as strings.

``eng`` is ``en``, ``ger`` is ``deu`` is ``de``, ``pt-BR`` is Portuguese. A track without a language
is ``und``. A tag that is not a language equals only itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

UNDETERMINED = "und"
_MACRO = {"nb": "no", "nn": "no"}
"""CLDR separates the written forms of Norwegian; ``nor`` matches both."""


_COMMON = {
    "ara": "ar", "chi": "zh", "cze": "cs", "dan": "da", "dut": "nl", "eng": "en", "fin": "fi",
    "fre": "fr", "ger": "de", "gre": "el", "heb": "he", "hin": "hi", "hun": "hu", "ita": "it",
    "jpn": "ja", "kor": "ko", "nor": "no", "pol": "pl", "por": "pt", "rum": "ro", "rus": "ru",
    "spa": "es", "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi",
}  # fmt: skip
"""The most common tags, to avoid langcodes, which takes 50 ms to load."""
_SHORT = frozenset(_COMMON.values())


@lru_cache(maxsize=4096)
def primary(tag: str | None) -> str:
    """Return the shortest code of a tag's language: ``de`` for ``ger``, ``pt`` for ``pt-BR``.

    Members of a macrolanguage count as that language (``cmn`` is ``zh``, ``nob`` is ``no``), which
    is how audio is tagged. ``und`` for no tag; the tag itself, in lower case, if it is not BCP 47.
    """
    text = (tag or "").strip().lower()
    if text in ("", UNDETERMINED):
        return UNDETERMINED
    if text in _COMMON or text in _SHORT:
        return _COMMON.get(text, text)
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    try:
        standard = langcodes.standardize_tag(text.replace("_", "-"), macro=True)
    except LanguageTagError:
        return text
    language = standard.split("-")[0].lower()
    return _MACRO.get(language, language) if language not in ("", "x") else text


def same(one: str | None, other: str | None) -> bool:
    """Return whether two tags name the same language."""
    return primary(one) == primary(other)


def rank(tag: str | None, preference: tuple[str, ...]) -> int | None:
    """Return the position of the tag's language in a list; ``None`` if it is not there."""
    language = primary(tag)
    return next((n for n, item in enumerate(preference) if primary(item) == language), None)


def alpha3(tag: str | None, variant: Literal["B", "T"] = "T") -> str:
    """Return the three-letter code of MP4 and ffmpeg: ``por`` for ``pt-BR``, ``und`` for none.

    A tag of three letters is returned unchanged. For others, ``de`` is ``deu`` in MP4
    (ISO 639-2/T) and ``ger`` in Matroska (``B``, the bibliographic codes).
    """
    text = (tag or UNDETERMINED).strip()
    if len(text) == 3:
        return text
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    try:
        return langcodes.Language.get(text).to_alpha3(variant)
    except (LookupError, LanguageTagError):
        return UNDETERMINED


def is_language(tag: str) -> bool:
    """Return whether a tag is a BCP 47 tag of a language, or an ISO 639 code."""
    text = tag.strip()
    if text in _COMMON or text in _SHORT or text == UNDETERMINED:
        return True
    import langcodes

    return langcodes.tag_is_valid(text.replace("_", "-"))
