"""Facts about a file that the file does not contain: metadata from plugins, and its encode history.

They are collected before the policies are evaluated, so that evaluation does no I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from vpo.media.encode_spec import Loudness
from vpo.media.languages import UNDETERMINED, primary
from vpo.media.model import MediaFile
from vpo.media.subtitle_source import Sidecar
from vpo.text import suggestion

MetadataValue = str | int | float | bool


@dataclass(frozen=True)
class ExternalFacts:
    """Facts about a file besides its content.

    ``metadata`` are the fields that metadata plugins returned, by the plugin's name. ``encoded``:
    these policies have already encoded the file's video, so that what an encode cannot foresee,
    such as its bit rate, is no reason to encode it again. ``futile``: an encode was tried and would
    not have saved as much as the policies require. ``loudness`` is that of audio tracks which were
    measured, or brought to it, by stream index. ``now_ns`` is the time of the run, in nanoseconds
    since 1970 UTC, by which files have an age. ``sidecars`` are the subtitle files beside it;
    ``None`` if nobody has looked.
    """

    metadata: Mapping[str, Mapping[str, MetadataValue]] = field(default_factory=dict)
    encoded: bool = False
    futile: bool = False
    loudness: Mapping[int, Loudness] = field(default_factory=dict)
    now_ns: int | None = None
    sidecars: tuple[Sidecar, ...] | None = None


def metadata_field(
    external: ExternalFacts, name: str, plugin: str | None = None
) -> MetadataValue | None:
    """Return a metadata field from the named plugin, or from the first plugin that has it."""
    wanted, source = name.lower(), plugin and plugin.lower()
    found = (
        value
        for item, fields in external.metadata.items()
        if source in (None, item.lower())
        for key, value in fields.items()
        if key.lower() == wanted
    )
    return next(found, None)


_SHARED_FIELDS = """
    certification external_title genres imdb_id monitored original_language quality_profile
    release_date release_group runtime status tags title tmdb_id year
"""
_FIELDS = {
    "radarr": """
        cinema_release collection_name digital_release edition original_title physical_release
        rating_imdb rating_tmdb studio
    """,
    "sonarr": """
        air_date episode episode_number episode_title network rating season season_count
        season_number series_title series_type total_episode_count tvdb_id
    """,
}
KNOWN_FIELDS: Mapping[str, frozenset[str]] = {
    plugin: frozenset(f"{_SHARED_FIELDS} {own}".split()) for plugin, own in _FIELDS.items()
}
"""The metadata fields that the shipped plugins give, by plugin."""
_WITHOUT_METADATA = ("jellyfin", "plex", "notify")


def require_known_field(plugin: str | None, name: str) -> None:
    """Raise ``ValueError`` for a field that the named plugin, if vpo ships it, never gives."""
    source = (plugin or "").lower()
    if source in _WITHOUT_METADATA:
        raise ValueError(f"{plugin} gives no metadata; known: {', '.join(KNOWN_FIELDS)}")
    fields = KNOWN_FIELDS.get(source)
    if fields is not None and name.lower() not in fields:
        raise ValueError(f"{plugin} gives no field `{name}`{suggestion(name, sorted(fields))}")


def unknown_metadata(plugin: str | None, name: str, installed: Collection[str]) -> str | None:
    """Return why no source can give a field; ``installed`` are the configured further plugins."""
    further = {item.lower() for item in installed}
    if plugin is None:
        known = frozenset().union(*KNOWN_FIELDS.values())
        if further or name.lower() in known:
            return None
        return f"no metadata source gives the field `{name}`{suggestion(name, sorted(known))}"
    if plugin.lower() in KNOWN_FIELDS or plugin.lower() in further:
        return None
    sources = suggestion(plugin, [*KNOWN_FIELDS, *sorted(further)])
    return f"no metadata source `{plugin}` is configured{sources}"


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
