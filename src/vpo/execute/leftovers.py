"""Cleanup after a killed run: unfinished renames and header edits, then temporary files.

Whoever may write to a folder can put files with vpo's names there. So nothing is done that the
owner of such a file could not do, and nothing outside the folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator

from vpo.discover import LEFTOVER_PREFIX, is_leftover, leftovers_beside
from vpo.errors import FileError, LockedError, PublishError, SourceChangedError
from vpo.execute import undo_file
from vpo.execute.folder import Folder, is_same_file, is_trusted
from vpo.execute.follow_note import FOLLOW_EXTENSION, settle_followers
from vpo.execute.lock import FileLock
from vpo.execute.lock_file import LOCK_EXTENSION, remove_locked, try_lock
from vpo.execute.rename import NOT_TRUSTED, NOTE_EXTENSION, roll_back_rename
from vpo.execute.undo_file import UNDO_EXTENSION, SavedEdit
from vpo.execute.workspace import PREFIX_END, TEMPORARY_EXTENSION

_EXTENSIONS = (
    NOTE_EXTENSION,
    FOLLOW_EXTENSION,
    UNDO_EXTENSION,
    TEMPORARY_EXTENSION,
    LOCK_EXTENSION,
)
_OWN = re.compile(
    re.escape(LEFTOVER_PREFIX)
    + r"[0-9a-f]{32}(?:"
    + "|".join(map(re.escape, _EXTENSIONS))
    + rf"|{re.escape(TEMPORARY_EXTENSION + PREFIX_END)}.*)",
    re.DOTALL,
)
"""The names that vpo gives; no other file is removed."""
_ORDER = (NOTE_EXTENSION, FOLLOW_EXTENSION, UNDO_EXTENSION, TEMPORARY_EXTENSION)
"""A note may need a temporary file, and comes first; a tool's own files come last."""

Forget = Callable[[str], None]
"""Drops what is recorded about a film, before its content changes under the same size and time."""


def ignore_record(path: str) -> None:
    """Forget nothing: a ``Forget`` where there is no database."""


def clean_up_leftovers(leftovers: Iterable[str], forget: Forget) -> Iterator[str]:
    """Clean up leftover files of vpo; yield messages about what was or could not be done.

    A locked file belongs to a running vpo and is not touched.
    """
    folders: dict[str, list[str]] = {}
    for path in leftovers:
        folder, name = os.path.split(path)
        if _OWN.fullmatch(name):
            folders.setdefault(folder, []).append(name)
    for path, names in folders.items():
        try:
            with Folder(path) as opened:
                yield from _clean_up(opened, sorted(names, key=_rank), forget)
        except OSError as error:
            yield f"the leftovers in {path} cannot be cleaned up: {error.strerror}"


def clean_up_folders(folders: Iterable[str], forget: Forget) -> list[str]:
    """Clean up the leftovers in these folders; missing folders are ignored."""
    beside = (os.path.join(folder, LEFTOVER_PREFIX) for folder in folders)
    return list(clean_up_leftovers(leftovers_beside(beside), forget))


def _rank(name: str) -> tuple[int, str]:
    extension = os.path.splitext(name)[1]
    return _ORDER.index(extension) if extension in _ORDER else len(_ORDER), name


def _clean_up(folder: Folder, names: Iterable[str], forget: Forget) -> Iterator[str]:
    unsettled = False
    for name in names:
        path = folder.join(name)
        try:
            status = folder.status(name)
            if status is None or not stat.S_ISREG(status.st_mode):
                continue
            if name.endswith(NOTE_EXTENSION):
                yield from roll_back_rename(folder, name)
            elif name.endswith(FOLLOW_EXTENSION):
                yield from settle_followers(folder, name)
            elif name.endswith(UNDO_EXTENSION):
                yield from _roll_back(folder, name, forget)
            elif not unsettled and _is_orphan(folder, name) and _remove(folder, name):
                yield f"removed {path}, left by an interrupted run"
        except LockedError:
            continue
        except (OSError, FileError) as error:
            if isinstance(error, FileNotFoundError) and folder.status(name) is None:
                continue  # its run was alive, and has ended since
            # The result that a note speaks of may be all that there is of a film.
            unsettled = unsettled or name.endswith(NOTE_EXTENSION)
            reason = error.strerror if isinstance(error, OSError) else error
            yield f"{path}, left by an interrupted run, cannot be cleaned up: {reason}"


def _is_orphan(folder: Folder, name: str) -> bool:
    """Return whether no running vpo has the file: a tool's own file is not locked, but the one with
    whose name it begins is; that one goes first.
    """
    owner, end, _ = name.partition(TEMPORARY_EXTENSION + PREFIX_END)
    return not end or folder.status(owner + TEMPORARY_EXTENSION) is None


def _remove(folder: Folder, name: str) -> bool:
    fd = folder.open(name, os.O_RDWR)
    try:
        if not try_lock(fd):
            return False
        if name.endswith(LOCK_EXTENSION):
            remove_locked(folder.join(name), fd)
        else:
            folder.unlink(name)
        return True
    finally:
        os.close(fd)


def _roll_back(folder: Folder, name: str, forget: Forget) -> Iterator[str]:
    """Roll back a header edit, unless a run or tool still holds the lock on its film."""
    path, saved = folder.join(name), undo_file.load(folder, name)
    if saved is None:
        if _remove_incomplete(folder, name):
            yield f"removed {path}, left by an interrupted run"
        return
    film = _film(folder, saved)
    media = folder.join(film or saved.name)
    if film is None:
        raise PublishError(
            f"{media}, which an interrupted run was editing, is not there; move it back and run "
            "again, or remove this file if you have deleted it"
        )
    with FileLock(media) as lock:
        state = _rolled_back(folder, name, lock, saved, forget)
    if state is None:
        return
    if state == "other":
        yield f"removed {path}: {media} was replaced since"
    else:
        yield f"rolled back {media}, which an interrupted run was editing"


def _rolled_back(
    folder: Folder, name: str, lock: FileLock, saved: SavedEdit, forget: Forget
) -> str | None:
    """Roll back the edit of the locked film; return its state before, ``None`` if that was done."""
    fd = folder.open(os.path.basename(lock.path), os.O_RDWR)
    try:
        if not is_same_file(os.fstat(fd), lock.status):
            raise SourceChangedError("its folder was replaced; nothing was done")
        if not is_trusted(saved.status, lock.status):
            raise PublishError(NOT_TRUSTED)
        if folder.status(name) is None:
            return None
        state = saved.state(fd)
        if state == "other" and undo_file.header_regions(fd) is None:
            raise PublishError(
                f"{lock.path} was changed since, and cannot be read; check it with vpo inspect "
                "--health, and remove this file if it is whole"
            )
        if state != "other":
            forget(lock.path)
            saved.roll_back(fd)
        folder.unlink(name)
        folder.sync()
        return state
    finally:
        os.close(fd)


def _remove_incomplete(folder: Folder, name: str) -> bool:
    fd = folder.open(name, os.O_RDWR)
    try:
        # It may have been incomplete when it was first read, and be complete now.
        if not try_lock(fd) or undo_file.load(folder, name) is not None:
            return False
        folder.unlink(name)
        return True
    finally:
        os.close(fd)


def _film(folder: Folder, saved: SavedEdit) -> str | None:
    """Return the name of the film of an undo file, which may have been renamed since."""
    status = folder.status(saved.name)
    if status is not None:
        return saved.name
    sizes = sorted((saved.size, saved.length))
    for name in sorted(os.listdir(folder.fd)):
        found = folder.status(name)
        if found is None or not stat.S_ISREG(found.st_mode) or is_leftover(name):
            continue
        if not sizes[0] <= found.st_size <= sizes[1]:
            continue
        with contextlib.suppress(OSError):
            fd = folder.open(name, os.O_RDONLY)
            try:
                if saved.patches and saved.state(fd) != "other":
                    return name
            finally:
                os.close(fd)
    return None
