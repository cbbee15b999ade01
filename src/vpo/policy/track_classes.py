"""Classes of tracks, by title, flags and language: commentary, music, main audio and so on.

The one definition of commentary, music, sound effects and audio without speech for all operations.
"""

from __future__ import annotations

import re
from typing import Literal

from vpo.media.languages import primary, rank
from vpo.media.model import Track
from vpo.policy.operation import PolicyConfig

AudioKind = Literal["commentary", "music", "sfx", "non_speech", "speech"]
OrderClass = Literal[
    "video",
    "audio_main",
    "audio_alternate",
    "audio_music",
    "audio_sfx",
    "audio_non_speech",
    "audio_commentary",
    "subtitle_main",
    "subtitle_forced",
    "subtitle_commentary",
    "attachment",
]


def _words(*phrases: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the phrases as whole words, however they are spaced."""
    inner = "|".join(r"[\s_-]+".join(phrase.split()) for phrase in phrases)
    return re.compile(rf"(?<![^\W_])(?:{inner})(?![^\W_])", re.IGNORECASE)


_MUSIC = _words("music", "soundtrack", "score", "ost", "instrumental")
_SFX = _words("sfx", "effects", "sound effect")
_NON_SPEECH = _words(
    "no dialogue", "no dialog", "no speech", "non speech", "nonspeech", "without dialogue"
)
_NO_LINGUISTIC_CONTENT = "zxx"


def is_commentary(track: Track, config: PolicyConfig) -> bool:
    """Return whether a track is commentary: by its flag, or by a pattern in its title."""
    if "comment" in track.dispositions:
        return True
    return bool(track.title) and config.commentary.matches(track.title or "")


def audio_kind(track: Track, config: PolicyConfig) -> AudioKind:
    """Return what an audio track contains; if its title fits several kinds, the first one wins."""
    title = track.title or ""
    if is_commentary(track, config):
        return "commentary"
    if _MUSIC.search(title):
        return "music"
    if _SFX.search(title):
        return "sfx"
    if _NON_SPEECH.search(title) or primary(track.language) == _NO_LINGUISTIC_CONTENT:
        return "non_speech"
    return "speech"


def order_class(track: Track, config: PolicyConfig) -> OrderClass | None:
    """Return the class by which ``track_order`` sorts; ``None`` for data tracks."""
    if track.type == "audio":
        return _audio_class(track, config)
    if track.type == "subtitle":
        if is_commentary(track, config):
            return "subtitle_commentary"
        return "subtitle_forced" if track.forced else "subtitle_main"
    return "video" if track.type == "video" else None


def _audio_class(track: Track, config: PolicyConfig) -> OrderClass:
    kind = audio_kind(track, config)
    if kind == "speech":
        preferred = rank(track.language, config.audio_languages) is not None
        return "audio_main" if preferred else "audio_alternate"
    classes: dict[AudioKind, OrderClass] = {
        "commentary": "audio_commentary",
        "music": "audio_music",
        "sfx": "audio_sfx",
        "non_speech": "audio_non_speech",
    }
    return classes[kind]
