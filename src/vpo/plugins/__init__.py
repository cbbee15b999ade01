"""What a plugin sees of vpo; nothing else here is meant for it.

A plugin is a module or an object that an entry point in the group ``vpo.plugins`` names. It works
when the configuration has a section ``[plugins.NAME]`` with the name of that entry point, and
answers the hooks below that it implements and marks with ``hookimpl``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

from vpo.draft import Value
from vpo.errors import ConfigError, SourceError

__all__ = ["GROUP", "ConfigError", "Fields", "SourceError", "Value", "hookimpl", "vpo_metadata"]

GROUP = "vpo.plugins"
Fields = Mapping[str, Value]
"""What is known of one file, by the field's name."""

hookimpl = pluggy.HookimplMarker("vpo")
_hookspec = pluggy.HookspecMarker("vpo")


@_hookspec
def vpo_metadata(  # type: ignore[empty-body]
    paths: Sequence[str], settings: Mapping[str, object]
) -> Mapping[str, Fields]:
    """What is known of the films and episodes in these files, by path; a file may be missing.

    Called once a run, before any file is opened, and only if a policy looks at metadata. ``paths``
    are absolute, ``settings`` is the plugin's section of the configuration.

    Raises ``ConfigError`` if the settings are wrong, which ends the run before it begins, and
    ``SourceError`` if there is no answer now, which is a warning: the fields are then unknown.
    """
