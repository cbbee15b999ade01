"""Kinds of tracks, by flag, then by title: commentary, descriptive, forced, SDH, music and so on.

The one definition of them for all operations, conditions, and output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from vpo.media.languages import primary, rank
from vpo.media.model import Track
from vpo.policy.operation import PolicyConfig

AudioKind = Literal["main", "commentary", "descriptive", "music", "sfx", "non_speech"]
SubtitleKind = Literal["full", "forced", "sdh", "signs", "commentary", "captions"]
Kind = AudioKind | SubtitleKind
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

_AUDIO_FLAGS: dict[str, AudioKind] = {
    "visual_impaired": "descriptive",
    "descriptions": "descriptive",
    "clean_effects": "sfx",
    "karaoke": "music",
}
_SUBTITLE_FLAGS: dict[str, SubtitleKind] = {
    "forced": "forced",
    "hearing_impaired": "sdh",
    "captions": "captions",
}
_AUDIO_TITLES: tuple[AudioKind, ...] = ("descriptive", "non_speech", "music", "sfx")
_SUBTITLE_TITLES: tuple[SubtitleKind, ...] = ("signs", "forced", "sdh")
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
    return _audio(track, config)[0]


def subtitle_kind(track: Track, config: PolicyConfig) -> SubtitleKind:
    """Return what a subtitle track contains."""
    return _subtitle(track, config)[0]


def kind_of(track: Track, config: PolicyConfig) -> KindOfTrack | None:
    """Return the kind of an audio or subtitle track, and why; ``None`` for others."""
    if track.type == "audio":
        return KindOfTrack(*_audio(track, config))
    return KindOfTrack(*_subtitle(track, config)) if track.type == "subtitle" else None


def is_commentary(track: Track, config: PolicyConfig) -> bool:
    """Return whether a track is commentary: by its flag, or by its title."""
    return "comment" in track.dispositions or config.title_says("commentary", track.title)


def _audio(track: Track, config: PolicyConfig) -> tuple[AudioKind, str]:
    if is_commentary(track, config):
        return "commentary", "flag comment" if "comment" in track.dispositions else "title"
    for flag, kind in _AUDIO_FLAGS.items():
        if flag in track.dispositions:
            return kind, f"flag {flag}"
    for kind in _AUDIO_TITLES if track.title else ():
        if config.title_says(kind, track.title):
            return kind, "title"
    if primary(track.language) == _NO_LINGUISTIC_CONTENT:
        return "non_speech", "language zxx"
    return "main", ""


def _subtitle(track: Track, config: PolicyConfig) -> tuple[SubtitleKind, str]:
    if is_commentary(track, config):
        return "commentary", "flag comment" if "comment" in track.dispositions else "title"
    for flag, kind in _SUBTITLE_FLAGS.items():
        if flag in track.dispositions:
            return kind, f"flag {flag}"
    if track.codec.startswith("eia_"):
        return "captions", f"codec {track.codec}"
    for kind in _SUBTITLE_TITLES if track.title else ():
        if config.title_says(kind, track.title):
            return kind, "title"
    return "full", ""


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
