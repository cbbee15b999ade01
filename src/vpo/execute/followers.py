"""The subtitle files beside a film follow it to another name."""

from __future__ import annotations

import os
from collections.abc import Iterator

from vpo.execute.folder import Folder
from vpo.execute.rename import rename_film
from vpo.probe.sidecars import sidecars_of

Renames = list[tuple[str, str]]
"""Names of sidecars in the folder of their film, each with the new one."""


def followers(film: str, new: str) -> Renames:
    """Return the sidecars of a film with their names beside one of another name.

    To be called while the film has its old name: then it is certain whose they are.
    """
    before, after = (os.path.splitext(os.path.basename(path))[0] for path in (film, new))
    if before == after:
        return []
    found = [(item.name, item.beside(os.path.basename(new))) for item in sidecars_of(film)]
    pairs = [item.further for item in sidecars_of(film) if item.further is not None]
    return found + [(name, after + name[len(before) :]) for name in pairs]


def rename_followers(film: str, renames: Renames) -> Iterator[str]:
    """Rename the sidecars of a film; yield a warning about each that cannot be.

    None replaces another file. The film has its new name already, so that no error is raised.
    """
    if not renames:
        return
    try:
        folder = Folder(os.path.dirname(film))
    except OSError as error:
        yield f"its sidecars keep their names: {error.strerror}"
        return
    with folder:
        for old, new in renames:
            try:
                status = folder.status(old)
                if status is not None:
                    rename_film(folder, old, new, status)
            except OSError as error:
                yield f"{folder.join(old)} could not be renamed to {new}: {error.strerror}"
