"""Loads and checks the configured plugins; raises ``ConfigError``."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import pluggy

from vpo.config.services import SHIPPED
from vpo.errors import ConfigError
from vpo.plugins import interface
from vpo.text import suggestion


def load_plugins(names: Iterable[str], hook: str) -> dict[str, pluggy.HookCaller]:
    """Return the callers of this hook, by name, for the plugins that implement it."""
    manager = pluggy.PluginManager("vpo")
    manager.add_hookspecs(interface)
    loaded = {name: _object(name) for name in names}
    for name, plugin in loaded.items():
        _register(manager, plugin, name)
    everyone = list(loaded.values())
    return {
        name: manager.subset_hook_caller(hook, [other for other in everyone if other is not plugin])
        for name, plugin in loaded.items()
        if hook in {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    }


def _object(name: str) -> object:
    # First, so that no other package can get an API key by using the name of a shipped plugin.
    if name in SHIPPED:
        return import_module(f"vpo.plugins.{name}")
    entry = _entry_point(name)
    try:
        return entry.load()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise _wrong(name, f"cannot be loaded from {entry.value}: {problem}") from error


def _entry_point(name: str) -> EntryPoint:
    installed = entry_points(group=interface.GROUP)
    found = {entry.value: entry for entry in installed if entry.name == name}
    if not found:
        names = sorted({*SHIPPED, *(entry.name for entry in installed)})
        raise _wrong(name, f"is not installed{suggestion(name, names)}")
    if len(found) > 1:
        raise _wrong(
            name, f"is provided by several packages: {', '.join(sorted(found))}; remove all but one"
        )
    return next(iter(found.values()))


def _register(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise _wrong(name, f"is not compatible with this vpo: {error}") from error
    if not manager.get_hookcallers(plugin):
        raise _wrong(name, "implements no hook of vpo; mark its hooks with hookimpl")


def _wrong(name: str, problem: str) -> ConfigError:
    return ConfigError(f"[plugins.{name}]: the plugin {problem}")
