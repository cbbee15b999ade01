"""The settings in force as a list, for commands and pages; secrets are masked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vpo.config.builder import Settings
from vpo.config.specs import LIBRARIES, PLUGINS, field_of, library_keys, specs

_HIDDEN = "..."


class Setting(NamedTuple):
    """A key of a section, its value (or ``...`` if that is secret), and where it was set.

    ``number`` is that of the library, from 0, for a key of ``[[libraries]]``.
    """

    section: str
    key: str
    value: object
    source: str
    number: int | None = None


def list_settings(settings: Settings) -> Iterator[Setting]:
    """Yield every setting."""
    for section, keys in specs().items():
        for name, known in keys.items():
            value = getattr(getattr(settings.config, field_of(section)), name)
            shown = _HIDDEN if known.key.secret and value else value
            yield Setting(section, name, shown, settings.sources[f"{section}.{name}"])
    for number, library in enumerate(settings.config.libraries):
        for name in library_keys():
            value = getattr(library, name)
            yield Setting(f"[{LIBRARIES}]", name, value, settings.sources[LIBRARIES], number)
    for plugin, table in settings.config.plugins.items():
        section = f"{PLUGINS}.{plugin}"
        for name in table:  # only the plugin knows which of them are secret
            yield Setting(section, name, _HIDDEN, settings.sources[section])


def settings_json(settings: Settings) -> dict[str, object]:
    """Return the settings as documented for JSON."""
    return {
        "config": str(settings.config_path),
        "data": str(settings.data_dir),
        "workers": settings.workers,
        "cores": settings.cores,
        "settings": [
            {**item._asdict(), "value": _plain(item.value)} for item in list_settings(settings)
        ],
    }


def _plain(value: object) -> object:
    """Return a value that JSON can hold."""
    if isinstance(value, Mapping):
        return dict(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def as_toml(value: object) -> str:
    """Return a value as it is written in the configuration, ``unset`` without one."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        items = (f"{as_toml(key)} = {as_toml(item)}" for key, item in value.items())
        return "{ " + ", ".join(items) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return f'"{value}"'
