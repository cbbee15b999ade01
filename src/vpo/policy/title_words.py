"""Words of titles that say what a track is, in the languages that releases use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from vpo.policy.title_pattern import LONGEST_TITLE, TitlePattern, pattern

KNOWN_WORDS = "known-words"
"""The entry of a list of patterns that stands for the words below."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "commentary": (
        "commentary", "commentaries", "comments?", "kommentare?", "kommentarer",
        "(?:audio|regie|film)kommentare?", "kommentarspår", "(?:audio)?commentaar",
        "commentaires?", "comentarios?", "comentários?", "commento", "commenti",
        "komentarz", "komentarze", "kommenttiraita", "kommentaarit?", "komentář",
        "комментарии", "комментарий", "コメンタリー", "评论", "評論",
        "코멘터리",
    ),
    "descriptive": (
        "audio descriptions?", "audio descriptive", "(?-i:AD)", "descriptive", "descriptive audio",
        "described", "description track", "descriptive video", "dvs", "visually impaired",
        "audiodeskription", "hörfilm(?:fassung)?", "audio ?descripción", "audiodescri[cç]ão",
        "audiodescription", "audiodescrizione", "audiodeskrypcja", "syntolkning", "synstolkning",
        "тифлокомментарий", "тифлокомментарии", "аудиодескрипция", "解説放送", "音声解説",
        "for the blind", "口述影像", "화면해설",
    ),
    "music": (
        "music", "isolated (?:music|score)", "score", "ost", "instrumental", "karaoke",
        "music only", "soundtrack only", "filmmusik", "musique seule", "colonna sonora isolata",
    ),
    "sfx": ("sfx", "sound effects?", "foley", r"(?<!visual[\s._-])(?<!special[\s._-])effects"),
    "non_speech": (
        "no dialogue", "no dialog", "no speech", "non speech", "nonspeech", "without dialogue",
        "m ?& ?e", "music (?:and|&) (?:sound )?effects", "ambient", "ambience", "atmos only",
    ),
    "sdh": (
        "sdh", "cc", "hoh", "hard of hearing", "hearing impaired", "closed captions?",
        "für hörgeschädigte", "hörgeschädigte", "gehörlose", "(?:sourds et )?malentendants", "sme",
        "para sordos", "sordos", "non udenti", "doven(?: en slechthorenden)?", "slechthorenden",
        "surdos", "niesłyszących", "hörselskadade", "hørselshemmede",
        "для глухих", "слабослышащих", "聴覚障害者",
    ),
    "signs": (
        "signs?", "songs?", "karaoke", "signs (?:and|&|/|\\+) songs", "s&s", "lyrics", "schilder",
        "надписи", "panneaux", "carteles", "letreros", "cartelli",
    ),
    "forced": (
        "forced", "foreign parts(?: only)?", "foreign dialogue(?: only)?", "foreign only",
        "forcés?", "forcées?", "forzados?", "forçadas?", "forçados?", "forzati", "erzwungen",
        "forciert", "zwangsuntertitel", "forzato", "forzata", "gedwongen", "強制", "强制",
        "wymuszone", "vynucené", "форсированные", "форсир",
    ),
}  # fmt: skip
_DENIED = re.compile(
    r"(?<!\w)(?:non?|not|without|ohne|sans|sin|senza|un)[\s_-]+(?!udenti)\w+", re.IGNORECASE
)
"""``Non-Forced`` and ``without commentary`` say what a track is not; ``non udenti``: the deaf."""
_MORE_THAN_SIGNS = re.compile(
    r"(?<![^\W_])(?:full|complete|dialog(?:ue)?s?)(?![^\W_])", re.IGNORECASE
)
"""``Full + Signs`` has the dialogue, too."""
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
"""Letters of languages that put no spaces between words, or endings behind them."""


Patterns = tuple[Annotated[str, AfterValidator(pattern)], ...]


class TitlePatterns:
    """The patterns by which titles say the kind of a track, by kind; hashed only once."""

    def __init__(self, by_kind: Mapping[str, Patterns]) -> None:
        self.by_kind = by_kind
        self._hash = hash(tuple(by_kind.items()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TitlePatterns) and self.by_kind == other.by_kind

    def __reduce__(self) -> tuple[type[TitlePatterns], tuple[Mapping[str, Patterns]]]:
        return TitlePatterns, (self.by_kind,)  # the hash of a text differs between processes


def title_kind(
    title: str | None, kinds: tuple[str, ...], patterns: Mapping[str, Patterns]
) -> str | None:
    """Return the first of the kinds that a title says; ``None`` if none."""
    if not title:
        return None
    return next((kind for kind in kinds if _says(title, kind, patterns[kind])), None)


def _says(title: str, kind: str, patterns: Patterns) -> bool:
    """Return whether a title says that a track is of a kind.

    The known words count as whole words, however they are spaced, unless they are denied; other
    patterns are searched for as they are, without regard to case.
    """
    title = title[:LONGEST_TITLE]
    stated = title if kind == "non_speech" else _DENIED.sub(" ", title)
    if kind == "signs" and _MORE_THAN_SIGNS.search(stated):
        stated = ""
    if KNOWN_WORDS in patterns and _known(kind).search(stated):
        return True
    return _own(tuple(item for item in patterns if item != KNOWN_WORDS)).matches(title)


@lru_cache
def _own(expressions: tuple[str, ...]) -> TitlePattern:
    return TitlePattern(*expressions)


@lru_cache
def _known(kind: str) -> re.Pattern[str]:
    bounded = [word for word in _WORDS[kind] if not _UNSPACED.search(word)]
    words = "|".join(word.replace(" ", r"[\s._-]+") for word in bounded)
    words = words.replace(r"[\s._-]+?", r"[\s._-]*")
    anywhere = "|".join(word for word in _WORDS[kind] if _UNSPACED.search(word))
    found = rf"(?<![^\W_])(?:{words})(?![^\W_])"
    return re.compile(f"{found}|{anywhere}" if anywhere else found, re.IGNORECASE)
