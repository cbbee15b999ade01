"""Comparison of language tags: by language, then by script and region, not as strings.

``eng`` is ``en``, ``ger`` is ``deu`` is ``de``. Who asks for ``pt-BR`` prefers it to ``pt``, and
that to ``pt-PT``. A track without a language is ``und``. A tag that is not a language equals only
itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from vpo.text import suggestion

UNDETERMINED = "und"
ANY = "any"
"""Stands for every language in policies."""
ORIGINAL = "original"
"""Stands for the language that a work was made in, in policies."""

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

_WRONG_NAMES = {
    "all": ANY, "*": ANY, "arabic": "ara", "chinese": "chi", "cn": "chi", "cz": "cze",
    "czech": "cze", "danish": "dan", "deutsch": "ger", "dk": "dan", "dutch": "dut",
    "english": "eng", "español": "spa", "finnish": "fin", "français": "fre", "french": "fre",
    "german": "ger", "gr": "gre", "greek": "gre", "hebrew": "heb", "hindi": "hin",
    "hungarian": "hun", "italian": "ita", "italiano": "ita", "japanese": "jpn", "jap": "jpn",
    "jp": "jpn", "korean": "kor", "mandarin": "cmn", "norwegian": "nor", "polish": "pol",
    "portuguese": "por", "romanian": "rum", "russian": "rus", "spanish": "spa", "swedish": "swe",
    "thai": "tha", "turkish": "tur", "ua": "ukr", "uk-ua": "ukr", "ukrainian": "ukr",
    "undefined": UNDETERMINED, "undetermined": UNDETERMINED, "unknown": UNDETERMINED,
    "us": "eng", "vietnamese": "vie",
}  # fmt: skip
"""What people write where a code is wanted, and the code."""

_ENGLISH_NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian",
    "bg": "Bulgarian", "bn": "Bengali", "bo": "Tibetan", "bs": "Bosnian", "ca": "Catalan",
    "cy": "Welsh", "eo": "Esperanto", "ga": "Irish", "gd": "Scottish Gaelic", "gu": "Gujarati",
    "hy": "Armenian", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer", "kn": "Kannada",
    "ku": "Kurdish", "ky": "Kyrgyz", "lb": "Luxembourgish", "lo": "Lao", "mi": "Māori",
    "mis": "Other language", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian",
    "mr": "Marathi", "mt": "Maltese", "mul": "Multiple languages", "my": "Burmese",
    "ne": "Nepali", "pa": "Punjabi", "ps": "Pashto", "si": "Sinhala", "so": "Somali",
    "sq": "Albanian", "sw": "Swahili", "uz": "Uzbek", "yi": "Yiddish", "zu": "Zulu",
    "zxx": "No linguistic content", "cs": "Czech", "da": "Danish",
    "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian",
    "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fil": "Filipino", "fr": "French",
    "gl": "Galician",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian",
    "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ko": "Korean", "la": "Latin",
    "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "yue": "Cantonese", "zh": "Chinese",
}  # fmt: skip
"""Names for titles. The data package of langcodes has all of them, in 24 MB."""
_VARIANT_NAMES = {
    "BR": "Brazil", "PT": "Portugal", "419": "Latin America", "ES": "Spain", "MX": "Mexico",
    "CA": "Canada", "FR": "France", "GB": "UK", "US": "US", "HK": "Hong Kong", "TW": "Taiwan",
    "CN": "China", "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BE": "Belgium",
    "CH": "Switzerland", "CL": "Chile", "CO": "Colombia", "DE": "Germany", "IE": "Ireland",
    "IN": "India", "NL": "Netherlands", "NZ": "New Zealand", "PE": "Peru", "RS": "Serbia",
    "SG": "Singapore", "VE": "Venezuela", "ZA": "South Africa",
    "Arab": "Arabic", "Cyrl": "Cyrillic", "Deva": "Devanagari", "Grek": "Greek",
    "Guru": "Gurmukhi", "Hans": "Simplified", "Hant": "Traditional", "Hebr": "Hebrew",
    "Latn": "Latin",
}  # fmt: skip

_REGION_IN_TITLE: dict[str, dict[str, tuple[str, ...]]] = {
    "pt": {"BR": ("brazil", "brazilian", "brasil", "brasileiro", "brasileira"),
           "PT": ("portugal", "european", "iberian")},
    "es": {"419": ("latin america", "latin american", "latino", "latinoamericano", "latam"),
           "ES": ("castilian", "castellano", "spain", "españa", "european")},
    "zh": {"Hant": ("traditional", "繁體", "繁体", "繁中"),
           "Hans": ("simplified", "简体", "簡體", "简中")},
    "fr": {"CA": ("vfq", "québec", "quebec", "québécois", "canada", "canadian", "canadien"),
           "FR": ("vff", "truefrench", "france", "parisian")},
    "en": {"GB": ("british", "uk"), "US": ("american", "us")},
}  # fmt: skip
"""Words of titles that say which variant of a language a track is in."""

_SPANISH_OUTSIDE_LATIN_AMERICA = frozenset({"ES", "GQ", "PH", "EA", "IC", "150"})


class Variant(NamedTuple):
    """A tag in parts: the shortest code of its language, its script and its region, if stated."""

    language: str
    script: str | None = None
    region: str | None = None


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


@lru_cache(maxsize=4096)
def variant(tag: str | None) -> Variant:
    """Return a tag in parts; a region implies its script (``zh-TW`` is written in ``Hant``)."""
    language = primary(tag)
    text = (tag or "").replace("_", "-")
    if "-" not in text:
        return Variant(language)
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    try:
        stated = langcodes.Language.get(text)
    except LanguageTagError:
        return Variant(language)
    script = stated.script or (stated.maximize().script if stated.territory else None)
    return Variant(language, script, stated.territory)


def english_name(tag: str | None) -> str:
    """Return the English name of a language, with its region or script: ``Portuguese (Brazil)``.

    Empty for no language; the tag itself for one without a name here.
    """
    language = primary(tag)
    if language == UNDETERMINED:
        return ""
    name = _ENGLISH_NAMES.get(language)
    if name is None:
        return (tag or "").strip()
    have = variant(tag)
    # A region implies a script, which need not be said.
    script = have.script if have.script and have.script.lower() in (tag or "").lower() else None
    further = [_VARIANT_NAMES.get(part, part) for part in (script, have.region) if part]
    return f"{name} ({', '.join(further)})" if further else name


def same(one: str | None, other: str | None) -> bool:
    """Return whether two tags name the same language, of whatever region."""
    return primary(one) == primary(other)


def language_fits(tag: str | None, wanted: str) -> bool:
    """Return whether a track with this tag is one of a wanted language.

    A wanted region or script excludes another one, but not a tag that states none: ``pt-BR`` is
    fitted by ``pt``, not by ``pt-PT``.
    """
    return wanted == ANY or (same(tag, wanted) and _distance(variant(tag), variant(wanted)) < 2)


@lru_cache(maxsize=4096)
def language_fits_any(tag: str | None, wanted: tuple[str, ...]) -> bool:
    """Return whether a track with this tag is one of several wanted languages."""
    return any(language_fits(tag, one) for one in wanted)


class Rank(NamedTuple):
    """How well a tag fits a list: the position of its language, and 0 to 2 for its variant.

    0: all that the list states agrees; 1: the tag states less; 2: it is another variant.
    """

    position: int
    distance: int


def rank(tag: str | None, preference: Sequence[str], title: str | None = None) -> Rank | None:
    """Return how well a tag fits a list of languages, best first; ``None`` if it does not.

    A variant that is in the list itself counts as that. Where the tag has no region, words of the
    title may say which it is (``Brazilian``).
    """
    language = primary(tag)
    found = [
        (position, wanted)
        for position, wanted in enumerate(preference)
        if wanted == ANY or primary(wanted) == language
    ]
    if not found:
        return None
    if not any("-" in wanted for _, wanted in found):
        return Rank(found[0][0], 0)
    have = _with_title(variant(tag), title)
    ranks = [
        Rank(position, 0 if wanted == ANY else _distance(have, variant(wanted)))
        for position, wanted in found
    ]
    return next((item for item in ranks if item.distance == 0), ranks[0])


def _distance(have: Variant, wanted: Variant) -> int:
    return max(
        _part_distance(have.script, wanted.script if have.script or not wanted.region else None),
        0 if _in_region(have, wanted) else _part_distance(have.region, wanted.region),
    )


def _part_distance(have: str | None, wanted: str | None) -> int:
    if wanted is None or have == wanted:
        return 0
    return 1 if have is None else 2


def _in_region(have: Variant, wanted: Variant) -> bool:
    """Return whether a region is in a wanted group: ``es-MX`` in ``es-419``, Latin America."""
    group = (wanted.language, wanted.region) == ("es", "419")
    return bool(group and have.region and have.region not in _SPANISH_OUTSIDE_LATIN_AMERICA)


def _with_title(have: Variant, title: str | None) -> Variant:
    """Return the variant with what the title says of region or script, where the tag is silent."""
    if not title or have.region or have.script:
        return have
    words = " ".join(re.findall(r"\w+", title.lower()))
    for part, names in _REGION_IN_TITLE.get(have.language, {}).items():
        if any(re.search(rf"(?<!\w){name}(?!\w)", words) for name in names):
            return have._replace(script=part) if len(part) == 4 else have._replace(region=part)
    return have


def replaced_original(languages: Sequence[str], original: str | None) -> tuple[str, ...]:
    """Return the languages with the original one in place of its name, or without it."""
    found = (original if item == ORIGINAL else item for item in languages)
    return tuple(dict.fromkeys(item for item in found if item))


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


def bcp47(tag: str) -> str:
    """Return the canonical BCP 47 tag: ``de`` for ``ger``, ``pt-BR`` for ``pt-br``."""
    text = tag.strip().replace("_", "-")
    if text == UNDETERMINED or text in _SHORT:
        return text
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    try:
        return langcodes.standardize_tag(text)
    except LanguageTagError:
        return text


_QUICKTIME = (
    "eng fra ger ita dut spa dan por nor heb jpn ara fin gre ice mlt tur chi urd hin tha kor lit"
    " pol hun est lav rus alb ron ces slk slv yid mac bul ukr bel uzb kaz aze arm geo kir tgk tuk"
    " mon pus kur kas snd tib nep san mar ben asm guj ori mal kan tam tel bur khm lao vie ind tgl"
    " may amh tir orm som swa run mlg epo"
)


def quicktime(tag: str | None) -> str | None:
    """Return the name by which ffmpeg writes a language into QuickTime; ``None``: it has none.

    QuickTime numbers languages; ffmpeg's names of the numbers are of both variants of ISO 639-2.
    """
    if same(tag, UNDETERMINED):
        return UNDETERMINED
    return next((name for name in _QUICKTIME.split() if same(tag, name)), None)


def is_language(tag: str) -> bool:
    """Return whether a tag is a BCP 47 tag of a language, or an ISO 639 code."""
    text = tag.strip()
    if text in _COMMON or text in _SHORT or text == UNDETERMINED:
        return True
    import langcodes

    return langcodes.tag_is_valid(text.replace("_", "-"))


def of_name(name: str) -> str | None:
    """Return the code of a language that is called by its full name; ``None`` if it is none."""
    code = _WRONG_NAMES.get(name.lower()) if len(name) > 3 else None
    return None if code in (ANY, UNDETERMINED) else code


def checked(tag: str, words: Sequence[str] = ()) -> str:
    """Return what a person wrote as a language; ``ValueError`` with the nearest code if it is none.

    ``words`` are what the person could also have meant.
    ``all`` is the code of a small language, Allar, and never meant as that.
    """
    text = tag.strip()
    known = _WRONG_NAMES.get(text.lower())
    if known is None and text and is_language(text):
        return text
    if not text:
        raise ValueError("a language is empty; `und` is the one of tracks without a language")
    near = f"; did you mean `{known}`?" if known else suggestion(text.lower(), (*_COMMON, *words))
    raise ValueError(f"`{text}` is not a language{near or '; use a code such as `eng` or `pt-BR`'}")
