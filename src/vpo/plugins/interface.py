"""The hooks of plugins and the types they use, published as ``vpo.plugins``.

A plugin is a module or an object named by an entry point in the group ``vpo.plugins``. It is
enabled by a section ``[plugins.NAME]`` in the configuration with the name of that entry point, and
implements one or more of the hooks below, marked with ``hookimpl``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pluggy

from vpo.errors import ConfigError as ConfigError
from vpo.errors import SourceError as SourceError
from vpo.policy.external_facts import MetadataValue

if TYPE_CHECKING:
    from vpo.db.records import Status

GROUP = "vpo.plugins"
Value = MetadataValue
Fields = Mapping[str, Value]
"""The metadata of one file, by field name."""


class FileReport(NamedTuple):
    """The result of one file.

    ``path`` is where it is now, ``was`` its former path if it was renamed. ``status`` and
    ``strategy`` are those of the JSON output, ``error`` is why it failed or was skipped; sizes are
    in bytes, ``None`` if unknown. ``named_by`` is the metadata plugin whose server the policies
    want to name the file.
    """

    path: str
    was: str | None
    status: Status
    strategy: str
    error: str | None
    size_before: int | None
    size_after: int | None
    seconds: float
    named_by: str | None = None


class RunReport(NamedTuple):
    """The result of a run: the number of files by status, ``saved`` bytes, ``failed`` files.

    ``stopped_early`` is true if not all files were processed.
    """

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
    """Return the metadata of these files by path; files may be missing.

    Called once a run, before any file is opened, and only if a policy uses metadata. ``paths`` are
    absolute, ``settings`` is the plugin's section of the configuration.

    Raises ``ConfigError`` if the settings are wrong, which ends the run before it begins, and
    ``SourceError`` if the source does not respond, which is a warning: the fields are then unknown.
    """


@_hookspec
def vpo_after_file(file: FileReport, settings: Mapping[str, object]) -> None:
    """Called when a file is done and recorded; not in a dry run, nor for files known to comply."""


@_hookspec
def vpo_changed(folders: Sequence[str], settings: Mapping[str, object]) -> None:
    """Called with the folders in which files were changed, every five minutes and at the end.

    ``folders`` are absolute paths, each listed once; ``SourceError`` is a warning.
    """


@_hookspec
def vpo_rename(folders: Sequence[str], settings: Mapping[str, object]) -> None:
    """Called after ``vpo_changed``, to have files that were changed renamed in these folders.

    Only of the plugin in a file's ``named_by``; ``SourceError`` is a warning.
    """


@_hookspec
def vpo_after_run(run: RunReport, settings: Mapping[str, object]) -> None:
    """Called when a run is done. An exception is a warning and does not change the result."""
