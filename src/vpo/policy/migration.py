"""Migration of policies from schema versions 11 and 12 to 13.

Works on plain data and records what was moved, so that an error in the migrated data can be shown
in the user's text. Version 11 is treated as 12. An old key without an equivalent stays where it is,
to be reported as unknown when the policy is validated.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from vpo.policy.yaml_source import KeyPath

OLDEST_VERSION, CURRENT_VERSION = 11, 13

_CONFIG = {
    "audio_language_preference": "audio_languages",
    "subtitle_language_preference": "subtitle_languages",
}
_PHASE = {
    "audio_filter": "keep_audio",
    "subtitle_filter": "keep_subtitles",
    "attachment_filter": "filter_attachments",
}
OLD_PHASE_KEYS = (*_PHASE, "conditional")
"""The keys of a phase that older versions called otherwise."""
_QUALITY = {
    "crf": "crf",
    "preset": "preset",
    "tune": "tune",
    "two_pass": "two_pass",
    "min_bitrate": "min_bitrate",
    "max_bitrate": "max_bitrate",
    "bitrate": "target_bitrate",
}
_SCALING = {
    "max_resolution": "max_resolution",
    "max_width": "max_width",
    "max_height": "max_height",
    "upscale": "upscale",
    "algorithm": "scale_algorithm",
}
_HARDWARE = {"enabled": "hw", "fallback_to_cpu": "hw_fallback"}
_AUDIO = {"preserve_codecs": "preserve", "transcode_to": "to", "transcode_bitrate": "bitrate"}


@dataclass
class Migration:
    """The migrated data; ``moved`` maps new paths to old ones.

    ``dropped`` are the old keys that are no longer needed; ``conflicts`` those whose new name is in
    the policy as well.
    """

    data: dict[str, Any]
    moved: dict[KeyPath, KeyPath] = field(default_factory=dict)
    dropped: list[KeyPath] = field(default_factory=list)
    conflicts: list[tuple[KeyPath, str]] = field(default_factory=list)

    def origin(self, path: KeyPath) -> KeyPath:
        """Return the path in the original data of what is at this path of the migrated data."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.moved:
                return (*self.moved[path[:length]], *path[length:])
        return path

    @property
    def old_keys(self) -> list[str]:
        """The old keys that were found, each once."""
        return list(dict.fromkeys(str(p[-1]) for p in (*self.moved.values(), *self.dropped)))

    def move(self, old: KeyPath, new: KeyPath) -> None:
        """Move what is at one path to another, if there is anything."""
        source = self.mapping(old[:-1])
        if source is None or old[-1] not in source:
            return
        target: Any = self.data
        for key in new[:-1]:
            target = target[key] if isinstance(key, int) else target.setdefault(key, {})
        if new[-1] in target:
            self.conflicts.append((old, str(new[-1])))
            return
        value = source[old[-1]]
        if source is target:
            _rename(source, str(old[-1]), str(new[-1]))
        else:
            del source[old[-1]]
            target[new[-1]] = value
        _carry_comments(source, old[-1], target, new[-1])
        self.moved[new] = old

    def drop(self, path: KeyPath) -> None:
        """Delete what is at a path, if there is anything."""
        source = self.mapping(path[:-1])
        if source is not None and path[-1] in source:
            del source[path[-1]]
            self.dropped.append(path)

    def mapping(self, path: KeyPath) -> dict[Any, Any] | None:
        """Return the mapping at a path, or ``None`` if there is none."""
        found: Any = self.data
        for key in path:
            inside = isinstance(found, dict) and key in found
            if not inside and not (isinstance(found, list) and isinstance(key, int)):
                return None
            found = found[key]
        return found if isinstance(found, dict) else None


def migrate_data(data: dict[str, Any]) -> Migration:
    """Migrate policy data of version 11, 12 or 13 to 13; the argument is not changed."""
    migration = Migration(deepcopy(data))
    for old, new in _CONFIG.items():
        migration.move(("config", old), ("config", new))
    for phase in _phases(migration.data):
        _phase(migration, phase)
    migration.data["schema_version"] = CURRENT_VERSION
    return migration


def _phases(data: dict[str, Any]) -> Iterator[KeyPath]:
    phases = data.get("phases")
    if isinstance(phases, list):
        yield from (("phases", n) for n, item in enumerate(phases) if isinstance(item, dict))


def _phase(migration: Migration, at: KeyPath) -> None:
    phase = migration.mapping(at) or {}
    for old, new in _PHASE.items():
        migration.move((*at, old), (*at, new))
    if "conditional" in phase:
        _conditional(migration, at, phase)
    skip_when = phase.get("skip_when")
    if isinstance(skip_when, dict) and "mode" not in skip_when:
        # As the first key: comments after the last key belong to what follows.
        items = {"mode": "any", **skip_when}
        skip_when.clear()
        skip_when.update(items)
    _video(migration, (*at, "transcode", "video"))
    for old, new in _AUDIO.items():
        migration.move((*at, "transcode", "audio", old), (*at, "transcode", "audio", new))


def _conditional(migration: Migration, at: KeyPath, phase: dict[Any, Any]) -> None:
    """Turn ``conditional: [...]`` into ``rules: {match: first, items: [...]}``."""
    old, new, items = (*at, "conditional"), (*at, "rules"), (*at, "rules", "items")
    migration.move(old, new)
    if migration.moved.get(new) == old:
        phase["rules"] = {"match": "first", "items": phase["rules"]}
        migration.moved[items] = old


def _video(migration: Migration, at: KeyPath) -> None:
    video = migration.mapping(at)
    if video is None:
        return
    _quality_mode(migration, (*at, "quality"))
    hardware = video.get("hardware_acceleration")
    if isinstance(hardware, dict) and isinstance(hardware.get("enabled"), bool):
        hardware["enabled"] = "auto" if hardware["enabled"] else "none"
    old_form = {"target_codec", "quality", "scaling", "hardware_acceleration"} & video.keys()
    migration.move((*at, "target_codec"), (*at, "to"))
    sections = {"quality": _QUALITY, "scaling": _SCALING, "hardware_acceleration": _HARDWARE}
    for section, names in sections.items():
        _dissolve(migration, at, section, names)
    if old_form:
        video.setdefault("hw", "none")


def _dissolve(migration: Migration, at: KeyPath, section: str, names: dict[str, str]) -> None:
    """Move the keys of a section into the mapping around it."""
    whole = (migration.mapping(at) or {}).get(section)
    if whole == {}:
        migration.drop((*at, section))
        return
    for old, new in names.items():
        migration.move((*at, section, old), (*at, new))
    if whole == {}:
        del (migration.mapping(at) or {})[section]


def _quality_mode(migration: Migration, at: KeyPath) -> None:
    """Drop the mode, and with it the keys that it made older versions ignore."""
    mode = (migration.mapping(at) or {}).get("mode")
    ignored = {"crf": ("bitrate", "max_bitrate"), "bitrate": ("crf",)}
    for key in ("mode", *ignored.get(str(mode), ())):
        migration.drop((*at, key))


def _rename(mapping: dict[Any, Any], old: str, new: str) -> None:
    """Rename a key without moving it."""
    items = [(new if key == old else key, value) for key, value in mapping.items()]
    mapping.clear()
    mapping.update(items)


def _carry_comments(source: Any, old: object, target: Any, new: object) -> None:
    """Move a key's comments along with it, if the data has comments."""
    if hasattr(source, "ca") and hasattr(target, "ca") and old in source.ca.items:
        target.ca.items[new] = source.ca.items.pop(old)
