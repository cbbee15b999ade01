"""Adding to the queue: which files paths stand for, and whose library they belong to."""

from __future__ import annotations

import os
from collections.abc import Sequence

from vpo.config.builder import Settings
from vpo.config.libraries import settings_of
from vpo.db.queue import NewItem, Source
from vpo.discover import Search, discover
from vpo.errors import UsageError
from vpo.run.libraries import library_with

FRONT = 1000
"""What is added to the priority of a library for files that a person wants first."""


def new_items(
    settings: Settings, paths: Sequence[str], source: Source, raised: int = 0
) -> list[NewItem]:
    """Return the videos at and below these paths, with the priority of their library.

    ``raised`` is added to the priority. Raises ``UsageError`` for a path that is not there, is not
    in a library, or that the user's patterns exclude.
    """
    found: dict[str, NewItem] = {}
    for path in paths:
        for item in _items(settings, path, source, raised):
            found[item.path] = item
    return list(found.values())


def _items(settings: Settings, path: str, source: Source, raised: int) -> list[NewItem]:
    if "\0" in path:
        raise UsageError("the path has a null character, which no file name can have")
    real = os.path.realpath(path)
    library = library_with(settings, real)
    if library is None:
        raise UsageError(
            f"{path} is in the folder of no library; add the folder to one in"
            f" {settings.config_path}, or use `vpo process`"
        )
    files = settings_of(settings, library).config.files
    roots = [os.path.realpath(folder) for folder in library.folders]
    search = Search(files.extensions, True, files.exclude or (), roots)
    result = discover([real], search)
    for name, problem in result.problems:
        raise UsageError(f"{name}: {problem}")
    for name, reason in result.refused:
        raise UsageError(f"{name}: {reason}")
    priority = library.priority + raised
    return [NewItem(item.path, library.name, source, priority) for item in result.candidates]
