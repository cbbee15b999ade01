"""The subtitle files that a run has written beside a film: a list of them, and their removal.

The list is kept among the kept originals, for ``vpo undo``.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import NamedTuple

from vpo.execute.folder import Folder, is_result, is_trusted

SIDECARS_EXTENSION = ".sidecars"
"""That of the list of the subtitle files that were written beside a film."""
_MOST_LISTED = 1 << 20
"""Bytes; a longer list is none of vpo's."""


class WrittenSidecar(NamedTuple):
    """A subtitle file that a run has written: size in bytes, mtime in nanoseconds since 1970."""

    name: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, name: str, status: os.stat_result) -> WrittenSidecar:
        """Return the file of this name and status."""
        return cls(name, status.st_size, status.st_mtime_ns)


def remove_sidecars(kept: str, film: os.stat_result) -> None:
    """Remove the sidecars on a list, if they are as they were written, and the list."""
    place, name = os.path.split(kept)
    with contextlib.suppress(OSError), Folder(place) as kept_in:
        status = kept_in.status(name)
        if status is None or not is_trusted(status, film):
            return
        fd = kept_in.open(name, os.O_RDONLY)
        try:
            rows = _sidecars_on(os.read(fd, _MOST_LISTED))
        finally:
            os.close(fd)
        with Folder(os.path.dirname(place)) as folder:
            for one in rows:
                found = folder.status(one.name)
                if found is not None and is_result(found, (one.size, one.mtime_ns, 0)):
                    folder.unlink(one.name)
            folder.sync()
        kept_in.unlink(name)


def list_of(written: list[WrittenSidecar]) -> bytes:
    """Return the content of a list of these files."""
    rows = [[os.fsencode(one.name).hex(), one.size, one.mtime_ns] for one in written]
    return json.dumps(rows).encode("ascii")


def _sidecars_on(data: bytes) -> list[WrittenSidecar]:
    """Return what a list says; nothing for one that is no list."""
    try:
        rows = [
            WrittenSidecar(os.fsdecode(bytes.fromhex(name)), int(size), int(mtime))
            for name, size, mtime in json.loads(data)
        ]
    except (ValueError, TypeError):
        return []
    return [one for one in rows if os.sep not in one.name and one.name not in ("", ".", "..")]


def list_beside(kept: str) -> str:
    """Return the path of the list of sidecars that goes with a kept original."""
    place, name = os.path.split(kept)
    return os.path.join(place, name.partition(".")[0] + SIDECARS_EXTENSION)
