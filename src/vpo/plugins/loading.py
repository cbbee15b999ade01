"""The configured plugins, loaded and checked; what is wrong with one is a ``ConfigError``."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import pluggy

from vpo import plugins
from vpo.config.models import SHIPPED
from vpo.errors import ConfigError
from vpo.text import suggestion


def load_plugins(names: Iterable[str], hook: str) -> dict[str, pluggy.HookCaller]:
    """For each of the plugins that implements this hook its caller."""
    manager = pluggy.PluginManager("vpo")
    manager.add_hookspecs(plugins)
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
    # First of all: no other package can get the key of a server by taking its plugin's name.
    if name in SHIPPED:
        return import_module(f"{plugins.__name__}.{name}")
    entry = _entry_point(name)
    try:
        return entry.load()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise _wrong(name, f"cannot be loaded from {entry.value}: {problem}") from error


def _entry_point(name: str) -> EntryPoint:
    installed = entry_points(group=plugins.GROUP)
    found = {entry.value: entry for entry in installed if entry.name == name}
    if not found:
        names = sorted({*SHIPPED, *(entry.name for entry in installed)})
        raise _wrong(name, f"is not installed{suggestion(name, names)}")
    if len(found) > 1:
        raise _wrong(
            name, f"is in several packages: {', '.join(sorted(found))}; remove all but one"
        )
    return next(iter(found.values()))


def _register(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise _wrong(name, f"does not fit this vpo: {error}") from error
    if not manager.get_hookcallers(plugin):
        raise _wrong(name, "does nothing: it has no hook of vpo marked with hookimpl")


def _wrong(name: str, problem: str) -> ConfigError:
    return ConfigError(f"[plugins.{name}]: the plugin {problem}")
