"""A note on disk that the sidecars of a film follow it to a new name, for a run that is killed."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError
from vpo.execute.folder import Folder, is_trusted
from vpo.execute.followers import Renames
from vpo.execute.lock_file import try_lock
from vpo.execute.rename import NOT_TRUSTED, name_in_note, rename_film, text_in_note

FOLLOW_EXTENSION = ".follow"


@contextlib.contextmanager
def noted_followers(film: str, new: str, renames: Renames) -> Iterator[None]:
    """Hold a synced note of which sidecars follow a film, until they have their names."""
    if not renames:
        yield
        return
    name = f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{FOLLOW_EXTENSION}"
    rows = [(os.path.basename(film), os.path.basename(new)), *renames]
    note = json.dumps([[text_in_note(part) for part in row] for row in rows])
    with Folder(os.path.dirname(film)) as folder:
        fd = folder.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            try_lock(fd)
            os.write(fd, note.encode("ascii"))
            os.fsync(fd)
            folder.sync()
            yield
        finally:
            with contextlib.suppress(OSError):
                folder.unlink(name)
            os.close(fd)


def settle_followers(folder: Folder, name: str) -> list[str]:
    """Have the sidecars in a note that no process holds follow their film; return messages.

    Nothing is replaced, and nothing is done where the film still has its old name. Raises
    ``PublishError`` or ``OSError`` if that is impossible now; the note then stays.
    """
    fd = folder.open(name, os.O_RDWR)
    try:
        if not try_lock(fd) or folder.status(name) is None:
            return []
        rows = _read(os.read(fd, 1 << 20))
        moved = bool(rows) and folder.status(rows[0][0]) is None and folder.status(rows[0][1])
        done = _follow(folder, rows[1:], os.fstat(fd)) if moved else []
        folder.unlink(name)
        folder.sync()
        return done
    finally:
        os.close(fd)


def _follow(folder: Folder, renames: Renames, note: os.stat_result) -> list[str]:
    done = []
    for old, new in renames:
        status = folder.status(old)
        if status is None or folder.status(new) is not None:
            continue
        if not is_trusted(note, status):
            raise PublishError(NOT_TRUSTED)
        rename_film(folder, old, new, status)
        done.append(f"renamed {folder.join(old)} to {new}, as its film was in an interrupted run")
    return done


def _read(content: bytes) -> Renames:
    """Return the names in a note; none if it is incomplete, so that nothing had begun."""
    try:
        rows: list[list[Any]] = json.loads(content)
        return [(name_in_note(old), name_in_note(new)) for old, new in rows]
    except (ValueError, TypeError):
        return []
