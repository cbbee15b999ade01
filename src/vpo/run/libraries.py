"""The libraries of the configuration as runs see them: their policies and requests."""

from __future__ import annotations

import os

from vpo.config.builder import Settings
from vpo.config.models import ConfiguredLibrary
from vpo.policy.policy_files import PolicyFiles, is_file_name, policy_named
from vpo.run.request import Request


def policy_of(settings: Settings, library: ConfiguredLibrary) -> str:
    """Return the path of a library's policy."""
    base, text = os.fspath(settings.config_path.parent), os.path.expanduser(library.policy)
    if is_file_name(text):
        return os.path.join(base, text)
    return policy_named(text, os.path.join(base, "policies"))


def library_request(settings: Settings, library: ConfiguredLibrary) -> Request:
    """Return the request for a run over the folders of a library."""
    return Request(
        paths=tuple(os.path.realpath(folder) for folder in library.folders),
        policies=PolicyFiles((policy_of(settings, library),)),
        recursive=True,
        on_error=library.on_error,
        library=library.name,
    )


def library_with(settings: Settings, path: str) -> ConfiguredLibrary | None:
    """Return the library in whose folders a path is; of several, that of the innermost folder."""
    found: tuple[int, ConfiguredLibrary] | None = None
    for library in settings.config.libraries:
        for folder in map(os.path.realpath, library.folders):
            inside = path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
            if inside and (found is None or len(folder) > found[0]):
                found = len(folder), library
    return found[1] if found else None
