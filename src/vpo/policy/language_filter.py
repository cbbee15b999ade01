"""The language filter of ``keep_audio`` and ``keep_subtitles``."""

from __future__ import annotations

from collections.abc import Sequence

from vpo.media.languages import UNDETERMINED, language_fits_any, same
from vpo.media.model import Track


def language_mismatch(
    track: Track, languages: Sequence[str], loose_regions: bool = False
) -> str | None:
    """Return why a track does not pass the filter; ``None`` if its language is listed.

    With ``loose_regions`` another region of a listed language passes, too.
    """
    if language_fits_any(track.language, tuple(languages)):
        return None
    if loose_regions and any(same(track.language, wanted) for wanted in languages):
        return None
    return f"language {track.language or UNDETERMINED} is not in {', '.join(languages)}"
