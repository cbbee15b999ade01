"""The metadata of a run's files from plugins, fetched once and only if a policy uses it.

Plugins and networking are imported only if a plugin is configured and a policy uses metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from vpo.config.models import Config
from vpo.config.services import SHIPPED

if TYPE_CHECKING:
    from vpo.plugins.queries import FieldsByPath
    from vpo.policy.external_facts import MetadataValue
    from vpo.policy.policy_files import PolicyFiles

_SEPARATOR = "+"
_ALWAYS = frozenset({"original_language", "release_date"})
"""Fields that policies use without naming them."""
_METADATA_PLUGINS = ("radarr", "sonarr")
"""The shipped plugins that provide metadata."""


class Metadata(NamedTuple):
    """The metadata of each path, by plugin and field, and warnings of plugins without a response.

    ``beside`` is the state of each path's sidecars, where policies depend on them. Whether a file
    complies depends on both, so they are part of the cache key.
    """

    fields: Mapping[str, Mapping[str, Mapping[str, MetadataValue]]] = {}
    warnings: tuple[str, ...] = ()
    beside: Mapping[str, str] = {}

    def varies(self, path: str) -> bool:
        """Return whether more than the policies decides about the file."""
        return path in self.fields or bool(self.beside.get(path))

    def of(self, path: str) -> Mapping[str, Mapping[str, MetadataValue]]:
        """Return the metadata of one file."""
        return self.fields.get(path, {})

    def cache_key(self, path: str, fingerprint: str, beside: str | None = None) -> str:
        """Return the cache key of a file's compliance with the policies and its metadata.

        ``beside`` is the state of its sidecars, if that is another one now.
        """
        state = self.beside.get(path, "") if beside is None else beside
        if path not in self.fields and not state:
            return fingerprint
        text = json.dumps(self.fields.get(path, {}), sort_keys=True) + state
        return f"{fingerprint}{_SEPARATOR}{hashlib.sha256(text.encode()).hexdigest()}"


def cache_key_range(fingerprint: str) -> tuple[str, str]:
    """Return the bounds of the cache keys of these policies with metadata, the end excluded."""
    return fingerprint + _SEPARATOR, fingerprint + chr(ord(_SEPARATOR) + 1)


def fetch_metadata(config: Config, policies: PolicyFiles, paths: Sequence[str]) -> Metadata:
    """Return the metadata of these files; none if no policy uses it.

    Raises ``ConfigError`` for a plugin that cannot be loaded or whose settings are wrong.
    """
    settings = _settings(config)
    if not settings or not paths or not policies.uses_metadata:
        return Metadata()
    from vpo.plugins.queries import query_plugins  # imported late: see above

    fields, warnings = query_plugins(settings, paths)
    wanted = {name.lower() for item in policies.policies for _, name in item.metadata_names()}
    return Metadata(_only(fields, wanted | _ALWAYS), tuple(warnings))


def _only(fields: FieldsByPath, wanted: Set[str]) -> FieldsByPath:
    """Return these fields: a rating that changes must not cost a policy that does not name it."""
    kept = {
        path: {
            plugin: {name: value for name, value in known.items() if name.lower() in wanted}
            for plugin, known in plugins.items()
        }
        for path, plugins in fields.items()
    }
    return {path: plugins for path, plugins in kept.items() if any(plugins.values())}


def event_plugins(config: Config, policies: PolicyFiles) -> dict[str, Mapping[str, Any]]:
    """Return the settings of the plugins with event hooks, by name.

    A server that is to rename files is told of them although it is not to rescan.
    """
    servers = (getattr(config, name) for name in _METADATA_PLUGINS)
    told = {
        name: server.url and (server.rescan or policies.uses_metadata)
        for name, server in zip(_METADATA_PLUGINS, servers, strict=True)
    }
    enabled = {
        **told,
        "jellyfin": config.jellyfin.url,
        "plex": config.plex.url,
        "notify": config.notify.urls,
    }
    shipped = {name: asdict(getattr(config, name)) for name in SHIPPED if enabled[name]}
    return {**shipped, **config.plugins}


def _settings(config: Config) -> dict[str, Mapping[str, Any]]:
    """Return the settings of the metadata plugins, by name, in order of precedence."""
    servers = {name: getattr(config, name) for name in _METADATA_PLUGINS}
    shipped = {name: asdict(server) for name, server in servers.items() if server.url}
    return {**shipped, **config.plugins}
