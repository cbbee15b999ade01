"""The libraries that a command is for, or the paths that are given instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vpo.cli.paths import refuse_missing
from vpo.config.builder import Settings
from vpo.config.libraries import choose_libraries, open_first, settings_of
from vpo.config.models import ConfiguredLibrary
from vpo.errors import UsageError
from vpo.run.libraries import policy_of


class Target(NamedTuple):
    """Paths that are processed together, with the settings and policies for them.

    ``library`` is ``None`` for paths of the command line.
    """

    settings: Settings
    paths: tuple[str, ...]
    policies: tuple[str, ...]
    library: ConfiguredLibrary | None = None

    @property
    def name(self) -> str | None:
        return self.library.name if self.library else None


def targets(
    settings: Settings, paths: Sequence[str], names: Sequence[str], policies: Sequence[str] | None
) -> list[Target]:
    """Return the paths with the given policies, or the libraries if there are no paths.

    Policies that are given replace those of the libraries; ``None``: none are needed. Raises
    ``UsageError``.
    """
    if paths and names:
        raise UsageError("--library cannot be used with paths; give one of them")
    if paths and policies is not None and not policies:
        raise UsageError("Missing option '-p' / '--policy': paths need a policy")
    if paths:
        return [Target(settings, tuple(paths), tuple(policies or ()))]
    found = []
    for library in choose_libraries(settings, names):
        chosen = () if policies is None else tuple(policies) or (policy_of(settings, library),)
        found.append(Target(settings_of(settings, library), library.folders, chosen, library))
    return found


def in_turn(found: Sequence[Target], settings: Settings) -> Iterator[Target]:
    """Yield the targets; a library whose hours have not come yet waits for the others."""
    libraries = [target.library for target in found if target.library is not None]
    if not libraries:
        yield from found
        return
    by_name = {target.name: target for target in found}
    for library in open_first(libraries, settings):
        yield by_name[library.name]


def refuse_missing_targets(found: Sequence[Target]) -> None:
    """Raise ``UsageError`` if no path exists; one library whose disk is missing fails by itself."""
    refuse_missing([path for target in found for path in target.paths])
