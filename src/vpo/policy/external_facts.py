"""Facts about a file that the file does not contain: metadata from plugins, and its encode history.

They are collected before the policies are evaluated, so that evaluation does no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from vpo.media.languages import UNDETERMINED, primary
from vpo.media.model import MediaFile

MetadataValue = str | int | float | bool


@dataclass(frozen=True)
class ExternalFacts:
    """Facts about a file besides its content.

    ``metadata`` are the fields that metadata plugins returned, by the plugin's name. ``encoded``:
    these policies have already encoded the file's video, so that what an encode cannot foresee,
    such as its bit rate, is no reason to encode it again. ``futile``: an encode was tried and would
    not have saved as much as the policies require.
    """

    metadata: Mapping[str, Mapping[str, MetadataValue]] = field(default_factory=dict)
    encoded: bool = False
    futile: bool = False


def metadata_field(
    external: ExternalFacts, name: str, plugin: str | None = None
) -> MetadataValue | None:
    """Return a metadata field from the named plugin, or from the first plugin that has it."""
    plugins = external.metadata if plugin is None else (plugin,)
    found = (external.metadata.get(item, {}).get(name) for item in plugins)
    return next((value for value in found if value is not None), None)


def original_language(media: MediaFile, external: ExternalFacts) -> str | None:
    """Return the language a work was made in: from the container's flags, else from metadata."""
    for track in media.of("audio"):
        if "original" in track.dispositions and primary(track.language) != UNDETERMINED:
            return track.language
    language = metadata_field(external, "original_language")
    return str(language) if language is not None else None


def release_time(external: ExternalFacts, plugin: str | None = None) -> int | None:
    """Return midnight UTC of the release date, in nanoseconds since 1970."""
    date = metadata_field(external, "release_date", plugin)
    try:
        day = datetime.strptime(str(date), "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(day.timestamp()) * 10**9
