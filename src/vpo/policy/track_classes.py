"""Kinds of tracks, by flag, then by title: commentary, descriptive, forced, SDH, music and so on.

The one definition of them for all operations, conditions, and output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, cast, get_args

from vpo.media.languages import primary, rank
from vpo.media.model import Track
from vpo.policy.operation import PolicyConfig
from vpo.policy.title_words import TitlePatterns, title_kind

AudioKind = Literal["main", "commentary", "descriptive", "music", "sfx", "non_speech"]
SubtitleKind = Literal["full", "forced", "sdh", "signs", "commentary", "captions"]
VideoKind = Literal["main", "cover", "extra"]
Kind = Literal[
    "main",
    "cover",
    "extra",
    "commentary",
    "descriptive",
    "music",
    "sfx",
    "non_speech",
    "full",
    "forced",
    "sdh",
    "signs",
    "captions",
]
KINDS: dict[str, tuple[Kind, ...]] = {
    "video": get_args(VideoKind),
    "audio": get_args(AudioKind),
    "subtitle": get_args(SubtitleKind),
}
"""The kinds by the type of the tracks."""
OrderClass = Literal[
    "video",
    "audio_main",
    "audio_alternate",
    "audio_music",
    "audio_sfx",
    "audio_non_speech",
    "audio_descriptive",
    "audio_commentary",
    "subtitle_main",
    "subtitle_sdh",
    "subtitle_signs",
    "subtitle_forced",
    "subtitle_commentary",
    "attachment",
]

BEST_SUBTITLES: tuple[SubtitleKind, ...] = (
    "full",
    "sdh",
    "captions",
    "signs",
    "forced",
    "commentary",
)
"""The kinds of subtitles in the order in which they are preferred."""
BEST_AUDIO: tuple[AudioKind, ...] = (
    "main",
    "non_speech",
    "music",
    "sfx",
    "descriptive",
    "commentary",
)
"""The kinds of audio in the order in which they are preferred as the default."""

_BEST: tuple[Kind, ...] = (*BEST_AUDIO[:-1], *BEST_SUBTITLES)


class _Signs(NamedTuple):
    """How the kind of a track of one type is recognized: flags first, then words of its title.

    Commentary is that by either of the two, whatever the other flags.
    """

    flags: Mapping[str, Kind]
    titles: tuple[Kind, ...]
    otherwise: Kind


_SIGNS: Mapping[str, _Signs] = {
    "audio": _Signs(
        {
            "visual_impaired": "descriptive",
            "descriptions": "descriptive",
            "clean_effects": "sfx",
            "karaoke": "music",
        },
        ("commentary", "descriptive", "non_speech", "music", "sfx"),
        "main",
    ),
    "subtitle": _Signs(
        {"forced": "forced", "hearing_impaired": "sdh", "captions": "captions"},
        ("commentary", "signs", "forced", "sdh"),
        "full",
    ),
}
_NO_LINGUISTIC_CONTENT = "zxx"
_UNLISTED: dict[OrderClass, OrderClass] = {
    "audio_descriptive": "audio_commentary",
    "subtitle_sdh": "subtitle_main",
    "subtitle_signs": "subtitle_main",
}
"""Where tracks of a class go if ``track_order`` does not list it."""


class KindOfTrack(NamedTuple):
    """What a track is, and by what: a flag, words of its title, or nothing (``why`` is empty)."""

    name: Kind
    why: str


def audio_kind(track: Track, config: PolicyConfig) -> AudioKind:
    """Return what an audio track contains; if its title fits several kinds, the first one wins."""
    return cast("AudioKind", _kind(track, config).name)


def subtitle_kind(track: Track, config: PolicyConfig) -> SubtitleKind:
    """Return what a subtitle track contains."""
    return cast("SubtitleKind", _kind(track, config).name)


def kind_of(track: Track, config: PolicyConfig) -> KindOfTrack | None:
    """Return the kind of an audio or subtitle track, and why; ``None`` for others."""
    return _kind(track, config) if track.type in _SIGNS else None


def best_of(tracks: Sequence[Track], wanted: Sequence[str], config: PolicyConfig) -> Track | None:
    """Return the first track of the best kind, or the best variant of its language.

    The ``wanted`` languages say which region is best, and then those of the policy.
    """

    if not tracks:
        return None
    grades = [_grade(track, config) for track in tracks]
    best = min(grades)
    first = tracks[grades.index(best)]
    language = primary(first.language)
    alike = [
        track
        for track, grade in zip(tracks, grades, strict=True)
        if grade == best and primary(track.language) == language
    ]
    if len(alike) == 1:
        return first
    spoken = config.audio_languages if first.type == "audio" else config.subtitle_languages

    def distance(track: Track) -> list[tuple[int, int]]:
        ranks = (rank(track.language, names, track.title) for names in (wanted, spoken))
        return [found or (0, 0) for found in ranks]

    return min(alike, key=distance)


def _grade(track: Track, config: PolicyConfig) -> int:
    """Return how good the kind of a track is: 0 is best."""
    kind = kind_of(track, config)
    return _BEST.index(kind.name) if kind is not None else 0


def _kind(track: Track, config: PolicyConfig) -> KindOfTrack:
    facts = _Facts(track.type, track.codec, track.language, track.title, track.dispositions)
    return _kind_by(facts, config.title_patterns)


class _Facts(NamedTuple):
    """The facts of a track that say what it is: few, so that many tracks have the same."""

    type: str
    codec: str
    language: str | None
    title: str | None
    flags: frozenset[str]


@lru_cache(maxsize=4096)
def _kind_by(track: _Facts, patterns: TitlePatterns) -> KindOfTrack:
    signs = _SIGNS[track.type]
    said = cast("Kind | None", title_kind(track.title, signs.titles, patterns.by_kind))
    if "comment" in track.flags:
        return KindOfTrack("commentary", "flag comment")
    if said == "commentary":
        return KindOfTrack(said, "title")
    for flag, kind in signs.flags.items():
        if flag in track.flags:
            return KindOfTrack(kind, f"flag {flag}")
    if track.codec.startswith("eia_"):
        return KindOfTrack("captions", f"codec {track.codec}")
    if said is not None:
        return KindOfTrack(said, "title")
    if track.type == "audio" and primary(track.language) == _NO_LINGUISTIC_CONTENT:
        return KindOfTrack("non_speech", "language zxx")
    return KindOfTrack(signs.otherwise, "")


def order_class(
    track: Track, config: PolicyConfig, listed: tuple[OrderClass, ...] = ()
) -> OrderClass | None:
    """Return the class by which ``track_order`` sorts; ``None`` for data tracks.

    A class that is not listed counts as the one that players treat alike, where there is one.
    """
    if track.type == "video":
        return "video"
    name = next(_classes(track, config), None)
    return _UNLISTED.get(name, name) if name and name not in listed else name


def _classes(track: Track, config: PolicyConfig) -> Iterator[OrderClass]:
    if track.type == "audio":
        kind = audio_kind(track, config)
        if kind != "main":
            yield f"audio_{kind}"  # type: ignore[misc]
        preferred = rank(track.language, config.audio_languages) is not None
        yield "audio_main" if preferred else "audio_alternate"
    elif track.type == "subtitle":
        found = subtitle_kind(track, config)
        yield "subtitle_main" if found in ("full", "captions") else f"subtitle_{found}"  # type: ignore[misc]
