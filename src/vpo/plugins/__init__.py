"""What a plugin sees of vpo; nothing else here is meant for it.

A plugin is a module or an object that an entry point in the group ``vpo.plugins`` names. It works
when the configuration has a section ``[plugins.NAME]`` with the name of that entry point, and
answers the hooks below that it implements and marks with ``hookimpl``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pluggy

from vpo.errors import ConfigError, SourceError
from vpo.policy.desired_state import Value

if TYPE_CHECKING:
    from vpo.db.records import Status

__all__ = [
    "GROUP",
    "ConfigError",
    "Fields",
    "FileReport",
    "RunReport",
    "SourceError",
    "Value",
    "hookimpl",
    "vpo_after_file",
    "vpo_after_run",
    "vpo_changed",
    "vpo_metadata",
]

GROUP = "vpo.plugins"
Fields = Mapping[str, Value]
"""What is known of one file, by the field's name."""


class FileReport(NamedTuple):
    """What became of a file: ``path`` is where it is now, ``was`` where it had been if it has
    another name now. ``status`` and ``strategy`` are those of the JSON output, ``error`` is why it
    failed or was skipped; sizes in bytes, ``None`` if unknown."""

    path: str
    was: str | None
    status: Status
    strategy: str
    error: str | None
    size_before: int | None
    size_after: int | None
    seconds: float


class RunReport(NamedTuple):
    """What a run came to: how many files by status, ``saved`` bytes, ``failed`` files.

    ``stopped_early`` tells that not all files were worked on."""

    id: str
    policies: tuple[str, ...]
    counts: Mapping[str, int]
    seconds: float
    saved: int
    failed: tuple[FileReport, ...]
    stopped_early: bool


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


@_hookspec
def vpo_after_file(file: FileReport, settings: Mapping[str, object]) -> None:
    """A file is done and on record. Not called in a dry run, nor for files known to match."""


@_hookspec
def vpo_changed(folders: Sequence[str], settings: Mapping[str, object]) -> None:
    """Files were changed in these folders: each is named once, every five minutes of a run and at
    its end. ``folders`` are absolute paths; ``SourceError`` is a warning."""


@_hookspec
def vpo_after_run(run: RunReport, settings: Mapping[str, object]) -> None:
    """A run is done. What is raised is a warning; the run's result stays what it is."""
