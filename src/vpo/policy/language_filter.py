"""The language filter of ``keep_audio`` and ``keep_subtitles``."""

from __future__ import annotations

from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import Track


def language_mismatch(track: Track, languages: tuple[str, ...]) -> str | None:
    """Return why a track does not pass the filter; ``None`` if its language is listed."""
    if rank(track.language, languages) is not None:
        return None
    return f"language {track.language or UNDETERMINED} is not in {', '.join(languages)}"
