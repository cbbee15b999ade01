"""Older policies in the form of today: schema versions 11 and 12 to 13.

Works on plain data and keeps a record of what was moved, so that an error in the new form can be
shown in the user's text. Version 11 is treated as 12. What stands under an old key that has no
place in the new form is left there, to be reported as unknown when the policy is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from vpo.policy.yaml_source import Path

OLDEST, CURRENT = 11, 13

_CONFIG = {
    "audio_language_preference": "audio_languages",
    "subtitle_language_preference": "subtitle_languages",
}
_PHASE = {
    "audio_filter": "keep_audio",
    "subtitle_filter": "keep_subtitles",
    "attachment_filter": "filter_attachments",
}
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
    """The data in the form of today; ``moved`` maps new paths to where they came from.

    ``dropped`` are the old keys that have no new form, and need none; ``conflicts`` those whose new
    form is in the policy as well.
    """

    data: dict[str, Any]
    moved: dict[Path, Path] = field(default_factory=dict)
    dropped: list[Path] = field(default_factory=list)
    conflicts: list[tuple[Path, str]] = field(default_factory=list)

    def origin(self, path: Path) -> Path:
        """Where in the original data the thing at this path of the new data stands."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.moved:
                return (*self.moved[path[:length]], *path[length:])
        return path

    @property
    def old_keys(self) -> list[str]:
        """The old keys that were found, without repetition."""
        return list(dict.fromkeys(str(p[-1]) for p in (*self.moved.values(), *self.dropped)))

    def move(self, old: Path, new: Path) -> None:
        """Have what stands at one path stand at another; nothing if there is nothing."""
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

    def drop(self, path: Path) -> None:
        """Leave out what stands at a path; nothing if there is nothing."""
        source = self.mapping(path[:-1])
        if source is not None and path[-1] in source:
            del source[path[-1]]
            self.dropped.append(path)

    def mapping(self, path: Path) -> dict[Any, Any] | None:
        """The mapping at a path, or ``None`` if there is none."""
        found: Any = self.data
        for key in path:
            inside = isinstance(found, dict) and key in found
            if not inside and not (isinstance(found, list) and isinstance(key, int)):
                return None
            found = found[key]
        return found if isinstance(found, dict) else None


def migrate(data: dict[str, Any]) -> Migration:
    """Policy data of version 11, 12 or 13 as version 13; the argument is left as it is."""
    migration = Migration(deepcopy(data))
    for old, new in _CONFIG.items():
        migration.move(("config", old), ("config", new))
    for phase in _phases(migration.data):
        _phase(migration, phase)
    migration.data["schema_version"] = CURRENT
    return migration


def _phases(data: dict[str, Any]) -> Iterator[Path]:
    phases = data.get("phases")
    if isinstance(phases, list):
        yield from (("phases", n) for n, item in enumerate(phases) if isinstance(item, dict))


def _phase(migration: Migration, at: Path) -> None:
    phase = migration.mapping(at) or {}
    for old, new in _PHASE.items():
        migration.move((*at, old), (*at, new))
    if "conditional" in phase:
        _conditional(migration, at, phase)
    skip_when = phase.get("skip_when")
    if isinstance(skip_when, dict) and "mode" not in skip_when:
        # First: after the last key there may be comments on what follows.
        items = {"mode": "any", **skip_when}
        skip_when.clear()
        skip_when.update(items)
    _video(migration, (*at, "transcode", "video"))
    for old, new in _AUDIO.items():
        migration.move((*at, "transcode", "audio", old), (*at, "transcode", "audio", new))


def _conditional(migration: Migration, at: Path, phase: dict[Any, Any]) -> None:
    """``conditional: [...]`` is ``rules: {match: first, items: [...]}``."""
    old, new, items = (*at, "conditional"), (*at, "rules"), (*at, "rules", "items")
    migration.move(old, new)
    if migration.moved.get(new) == old:
        phase["rules"] = {"match": "first", "items": phase["rules"]}
        migration.moved[items] = old


def _video(migration: Migration, at: Path) -> None:
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


def _dissolve(migration: Migration, at: Path, section: str, names: dict[str, str]) -> None:
    """Have the keys of a section stand in the mapping that it is in."""
    whole = (migration.mapping(at) or {}).get(section)
    if whole == {}:
        migration.drop((*at, section))
        return
    for old, new in names.items():
        migration.move((*at, section, old), (*at, new))
    if whole == {}:
        del (migration.mapping(at) or {})[section]


def _quality_mode(migration: Migration, at: Path) -> None:
    """The mode goes; what it made the old form ignore goes with it, as it would count now."""
    mode = (migration.mapping(at) or {}).get("mode")
    ignored = {"crf": ("bitrate", "max_bitrate"), "bitrate": ("crf",)}
    for key in ("mode", *ignored.get(str(mode), ())):
        migration.drop((*at, key))


def _rename(mapping: dict[Any, Any], old: str, new: str) -> None:
    """Rename a key where it stands."""
    items = [(new if key == old else key, value) for key, value in mapping.items()]
    mapping.clear()
    mapping.update(items)


def _carry_comments(source: Any, old: object, target: Any, new: object) -> None:
    """Have a key's comments stand at its new place, if the data came with comments."""
    if hasattr(source, "ca") and hasattr(target, "ca") and old in source.ca.items:
        target.ca.items[new] = source.ca.items.pop(old)
