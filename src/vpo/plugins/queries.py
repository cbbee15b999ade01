"""Queries the metadata plugins once a run; a plugin that does not respond is a warning."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import pluggy

from vpo.errors import ConfigError, SourceError
from vpo.plugins.interface import Fields
from vpo.plugins.loading import load_plugins

log = logging.getLogger(__name__)

FieldsByPath = dict[str, dict[str, dict[str, str | int | float | bool]]]
"""The fields of each file, by path and plugin."""


def query_plugins(
    settings: Mapping[str, Mapping[str, object]], paths: Sequence[str]
) -> tuple[FieldsByPath, list[str]]:
    """Return the metadata from the plugins with these settings (by name), and warnings.

    Raises ``ConfigError`` for a plugin that cannot be loaded or whose settings are wrong.
    """
    found: FieldsByPath = {}
    warnings = []
    for name, caller in load_plugins(settings, "vpo_metadata").items():
        try:
            answer = _answer(name, caller, paths, settings[name])
        except SourceError as error:
            warnings.append(f"{name}: {error} (its metadata is unknown in this run)")
            continue
        for path, fields in answer.items():
            found.setdefault(path, {})[name] = fields
    return found, warnings


def _answer(
    name: str, caller: pluggy.HookCaller, paths: Sequence[str], settings: Mapping[str, object]
) -> dict[str, dict[str, str | int | float | bool]]:
    try:
        (answer,) = caller(paths=tuple(paths), settings=dict(settings)) or ({},)
    except ConfigError as error:
        raise ConfigError(f"[plugins.{name}]: {error}") from error
    except SourceError:
        raise
    except Exception as error:  # a plugin may raise anything
        log.exception("the plugin %s failed", name)
        raise SourceError(f"the plugin failed: {type(error).__name__}: {error}") from error
    return _checked(answer, frozenset(paths))


def _checked(
    answer: object, paths: frozenset[str]
) -> dict[str, dict[str, str | int | float | bool]]:
    """Return the metadata of the requested files, without empty values."""
    if not isinstance(answer, Mapping):
        raise SourceError(f"the plugin returned {type(answer).__name__}, not a mapping")
    known = {path: _fields(fields) for path, fields in answer.items() if path in paths}
    return {path: fields for path, fields in known.items() if fields}


def _fields(fields: Fields) -> dict[str, str | int | float | bool]:
    if not isinstance(fields, Mapping):
        raise SourceError("the plugin's metadata of a file is not a mapping")
    for name, value in fields.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float | None):
            raise SourceError(f"the plugin's field {name!r} is a {type(value).__name__}")
    return {name: value for name, value in fields.items() if value is not None}
