"""What metadata sources know of a run's files. They are asked once, and only if it matters.

Neither the network nor what loads plugins is imported unless a source is configured and a policy
looks at metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from vpo.config.models import SHIPPED, Config

if TYPE_CHECKING:
    from vpo.policy.choice import PolicyChoice
    from vpo.policy.desired_state import Value

_ANSWER = "+"
_KNOWING = ("radarr", "sonarr")
"""Those of the shipped plugins that know something of files."""


class Metadata(NamedTuple):
    """What is known of each path, by source and field; ``warnings`` say which sources are silent.

    An answer is part of what a verdict on a file rests on: of the same policies with another answer
    nothing is known yet.
    """

    fields: Mapping[str, Mapping[str, Mapping[str, Value]]] = {}
    warnings: tuple[str, ...] = ()

    def of(self, path: str) -> Mapping[str, Mapping[str, Value]]:
        """What is known of one file."""
        return self.fields.get(path, {})

    def cache_key(self, path: str, fingerprint: str) -> str:
        """Under which mark the verdict on a file is on record: the policies', and its answer's."""
        if path not in self.fields:
            return fingerprint
        answer = json.dumps(self.fields[path], sort_keys=True)
        return f"{fingerprint}{_ANSWER}{hashlib.sha256(answer.encode()).hexdigest()}"


def cache_key_range(fingerprint: str) -> tuple[str, str]:
    """The bounds of the marks of these policies with any answer, the second one excluded."""
    return fingerprint + _ANSWER, fingerprint + chr(ord(_ANSWER) + 1)


def fetch_metadata(config: Config, policies: PolicyChoice, paths: Sequence[str]) -> Metadata:
    """The answers for these files; none if no policy looks at them.

    Raises ``ConfigError`` for a plugin that cannot be loaded or whose settings are wrong.
    """
    settings = _settings(config)
    if not settings or not paths or not policies.use_metadata:
        return Metadata()
    from vpo.plugins.queries import query_plugins  # late: see above

    fields, warnings = query_plugins(settings, paths)
    return Metadata(fields, tuple(warnings))


def event_plugins(config: Config) -> dict[str, Mapping[str, Any]]:
    """The settings of each plugin that is to be told what happens, by name."""
    listening = {
        "radarr": config.radarr.url and config.radarr.rescan,
        "sonarr": config.sonarr.url and config.sonarr.rescan,
        "jellyfin": config.jellyfin.url,
        "plex": config.plex.url,
        "notify": config.notify.urls,
    }
    shipped = {name: asdict(getattr(config, name)) for name in SHIPPED if listening[name]}
    return {**shipped, **config.plugins}


def _settings(config: Config) -> dict[str, Mapping[str, Any]]:
    """Of each configured plugin, by name, in the order in which they are believed."""
    servers = {name: getattr(config, name) for name in _KNOWING}
    shipped = {name: asdict(server) for name, server in servers.items() if server.url}
    return {**shipped, **config.plugins}
