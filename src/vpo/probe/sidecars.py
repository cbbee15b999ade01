"""The subtitle files beside a film."""

from __future__ import annotations

import os

from vpo.media.sidecar_names import SidecarName, sidecar_names


def sidecars_of(film: str) -> list[SidecarName]:
    """Return the subtitle files that belong to a film, in its folder, by their names.

    Links and files that vpo does not read are among them: they follow a film that is renamed, each
    to ``SidecarName.beside`` the new name, and so does the second file of a pair (``further``).
    Empty for a folder that cannot be read.
    """
    try:
        names = os.listdir(os.path.dirname(film) or ".")
    except OSError:
        return []
    return sidecar_names(film, names)
