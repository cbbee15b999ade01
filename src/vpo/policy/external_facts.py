"""What is known of a film or an episode beside its file: questions to ``Known.metadata``.

Pure: the answers of the metadata sources have been asked for before the policies are evaluated.
"""

from __future__ import annotations

from datetime import datetime, timezone

from vpo.media.languages import UNDETERMINED, primary
from vpo.media.model import MediaFile
from vpo.policy.desired_state import Known, Value


def field(known: Known, name: str, source: str | None = None) -> Value | None:
    """The value of a field, from that source or from the first one that knows it."""
    names = known.metadata if source is None else (source,)
    found = (known.metadata.get(item, {}).get(name) for item in names)
    return next((value for value in found if value is not None), None)


def original_language(media: MediaFile, known: Known) -> str | None:
    """The language that a work was made in: by the container's flags, else by a source."""
    for track in media.of("audio"):
        if "original" in track.dispositions and primary(track.language) != UNDETERMINED:
            return track.language
    language = field(known, "original_language")
    return str(language) if language is not None else None


def release_time(known: Known, source: str | None = None) -> int | None:
    """The release date's midnight in UTC, in nanoseconds since 1970."""
    date = field(known, "release_date", source)
    try:
        day = datetime.strptime(str(date), "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(day.timestamp()) * 10**9
