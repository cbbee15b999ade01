"""Every configured plugin is asked once; an answer that cannot be had is a warning."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import pluggy

from vpo.errors import ConfigError, SourceError
from vpo.plugins import Fields
from vpo.plugins.loading import load_plugins

log = logging.getLogger(__name__)

FieldsByPath = dict[str, dict[str, dict[str, str | int | float | bool]]]
"""Fields by path and source."""


def query_plugins(
    settings: Mapping[str, Mapping[str, object]], paths: Sequence[str]
) -> tuple[FieldsByPath, list[str]]:
    """What the plugins with these settings (by name) know, and a warning for each that is silent.

    Raises ``ConfigError`` for a plugin that cannot be loaded or whose settings are wrong.
    """
    found: FieldsByPath = {}
    warnings = []
    for name, caller in load_plugins(settings, "vpo_metadata").items():
        try:
            answer = _answer(name, caller, paths, settings[name])
        except SourceError as error:
            warnings.append(f"{name}: {error} (what it knows of the files is unknown in this run)")
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
    except Exception as error:  # the border of what vpo is responsible for
        log.exception("the plugin %s failed", name)
        raise SourceError(f"the plugin failed: {type(error).__name__}: {error}") from error
    return _checked(answer, frozenset(paths))


def _checked(
    answer: object, paths: frozenset[str]
) -> dict[str, dict[str, str | int | float | bool]]:
    """The answer for the files that were asked for, without what is empty."""
    if not isinstance(answer, Mapping):
        raise SourceError(f"the plugin answered with {type(answer).__name__}, not with a mapping")
    known = {path: _fields(fields) for path, fields in answer.items() if path in paths}
    return {path: fields for path, fields in known.items() if fields}


def _fields(fields: Fields) -> dict[str, str | int | float | bool]:
    if not isinstance(fields, Mapping):
        raise SourceError("the plugin's answer for a file is not a mapping of fields")
    for name, value in fields.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float | None):
            raise SourceError(f"the plugin's field {name!r} is a {type(value).__name__}")
    return {name: value for name, value in fields.items() if value is not None}
