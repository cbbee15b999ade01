"""The language filter of ``keep_audio`` and ``keep_subtitles``."""

from __future__ import annotations

from collections.abc import Sequence

from vpo.media.languages import ANY, UNDETERMINED, language_fits, same
from vpo.media.model import Track


def language_mismatch(
    track: Track, languages: Sequence[str], loose_regions: bool = False
) -> str | None:
    """Return why a track does not pass the filter; ``None`` if its language is listed.

    With ``loose_regions`` another region of a listed language passes, too.
    """
    matches = _same if loose_regions else language_fits
    if any(matches(track.language, wanted) for wanted in languages):
        return None
    return f"language {track.language or UNDETERMINED} is not in {', '.join(languages)}"


def _same(tag: str | None, wanted: str) -> bool:
    return wanted == ANY or same(tag, wanted)
