"""Kept originals, and restoring them.

They are in a hidden folder next to the media file: the original file of a rewrite (a hard link, so
that keeping it is free), the undo file of a header edit. The name has everything that is needed to
restore one without the database: the outcome's id; inode, size and modification time (in
nanoseconds) of the result that replaced it; and the extension of the original.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat as modes
from collections.abc import Iterator
from typing import NamedTuple

from vpo.db.records import Kept, OriginalKind, Stat
from vpo.discover import ORIGINALS_FOLDER
from vpo.errors import BusyError, FileError, PublishError, SourceChangedError, SpaceError
from vpo.execute import undo_file
from vpo.execute.copy import copy_file
from vpo.execute.folder import Folder, is_result, is_trusted, wants_closed
from vpo.execute.lock import FileLock
from vpo.execute.rename import NO_LINKS, Replacement, rename_film
from vpo.execute.space import free_bytes, keep_free_note
from vpo.execute.workspace import Workspace
from vpo.execute.written_sidecars import (
    SIDECARS_EXTENSION,
    WrittenSidecar,
    list_beside,
    list_of,
    remove_sidecars,
)
from vpo.text import format_size

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(rf"({_ID})\.(\d+)\.(\d+)\.(-?\d+)(\.[^.]*)?", re.DOTALL)


class StoredOriginal(NamedTuple):
    """A kept original as found on disk, at ``path``, kept by the outcome ``key``.

    ``stat`` is that of the result, ``extension`` that of the original.
    """

    path: str
    key: str
    stat: Stat
    extension: str

    @property
    def kind(self) -> OriginalKind:
        return "header" if undo_file.is_undo_file(self.path) else "file"

    def result(self, folder: str) -> str | None:
        """Return the path of the result in this folder, ``None`` if it is gone or changed.

        It is found by its inode; where these do not last, by size and time.
        """
        alike = []
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # it has gone since
                if modes.S_ISREG(status.st_mode) and is_result(status, self.stat):
                    if status.st_ino == self.stat[2]:
                        return entry.path
                    alike.append(entry.path)
        return alike[0] if len(alike) == 1 else None

    def original(self, result: str) -> str:
        """Return the path that the original had next to this result."""
        if self.extension == SIDECARS_EXTENSION:
            return result  # the film is as it was
        return f"{os.path.splitext(result)[0]}{self.extension}"


def list_originals(folder: str) -> list[StoredOriginal]:
    """Return the kept originals of the files in this folder."""
    place = os.path.join(folder, ORIGINALS_FOLDER)
    try:
        with Folder(place) as opened:
            names = sorted(os.listdir(opened.fd))
    except OSError:
        return []
    parts = ((name, _NAME.fullmatch(name)) for name in names)
    return [
        StoredOriginal(
            os.path.join(place, name),
            found[1],
            (int(found[3]), int(found[4]), int(found[2])),
            found[5] or "",
        )
        for name, found in parts
        if found
    ]


def find_original(folder: str, key: str) -> StoredOriginal | None:
    """Return the original that an outcome kept of a file in this folder."""
    return next((found for found in list_originals(folder) if found.key == key), None)


def keep_file(lock: FileLock, key: str, result: os.stat_result, keep_free: int = 0) -> Kept:
    """Keep the locked original under a second name, before the result replaces it.

    Where the file system has no hard links, it is copied, which needs as much space again, and
    ``keep_free`` bytes besides.
    """
    with _prepared(lock, "the original cannot be kept") as (folder, place):
        source, name = folder.require(lock.path, lock.status), _name(lock.path, key, result)
        try:
            folder.link(source, name, place)
        except OSError as error:
            if error.errno in NO_LINKS:
                return _keep_copy(lock, (folder, place), name, keep_free)
            raise PublishError(
                f"the original cannot be kept ({error.strerror}); "
                'set [originals] keep = "none" to keep none'
            ) from None
        # Before the original goes: a power cut must not leave neither name.
        place.sync()
        folder.sync()
        return Kept("file", place.join(name), lock.status.st_size)


def _keep_copy(lock: FileLock, folders: tuple[Folder, Folder], name: str, keep_free: int) -> Kept:
    """Keep a copy of the locked original, which gets its name when it is complete."""
    (folder, place), size = folders, lock.status.st_size
    if free_bytes(folder.path) - keep_free < size:
        raise SpaceError(
            f"not enough free space to keep the original: {format_size(size)} are needed in "
            f"{folder.path}{keep_free_note(keep_free)}, as it has no hard links; free some space, "
            'or set [originals] keep = "none"'
        )
    with Workspace(folder.path, lock.status.st_mode) as copy:
        copy_file(lock, copy)
        os.utime(copy.fd, ns=(lock.status.st_atime_ns, lock.status.st_mtime_ns))
        os.fsync(copy.fd)
        lock.check()
        copy.place.rename(copy.name, name, place)
        place.sync()
        folder.sync()
    return Kept("file", place.join(name), size)


def keep_header(saved: str, lock: FileLock, key: str, result: os.stat_result) -> Kept:
    """Keep the undo file of a completed header edit of the locked file."""
    with _prepared(lock, "the undo file cannot be kept") as (folder, place):
        name = _name(lock.path, key, result)
        status = folder.status(os.path.basename(saved))
        folder.rename(os.path.basename(saved), name, place)
        place.sync()
        folder.sync()
        return Kept("header", place.join(name), status.st_size if status else 0)


def keep_sidecars(
    lock: FileLock, key: str, written: list[WrittenSidecar], film: os.stat_result | None
) -> Kept:
    """Keep a list of the sidecars that were written, for ``restore``.

    ``film`` is the status of a film that was not changed itself; ``None`` where its own original is
    kept, which the list then goes with.
    """
    with _prepared(lock, "the list of its subtitle files cannot be kept") as (folder, place):
        name = f"{key}{SIDECARS_EXTENSION}"
        if film is not None:
            name = os.path.splitext(_name(lock.path, key, film))[0] + SIDECARS_EXTENSION
        data = list_of(written)
        fd = place.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.write(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        place.sync()
        folder.sync()
        return Kept("file", place.join(name), len(data))


def give_up(kept: Kept, lock: FileLock, target: str) -> None:
    """Delete an original that was kept for a result that did not replace it.

    It stays where it is not the only one: a Ctrl-C may arrive after the result has taken its place.
    Where the file system has removed both, it gets its name back.
    """
    if lock.holds_path:
        delete_original(kept.path)
    elif not os.path.lexists(lock.path) and not os.path.lexists(target):
        place, name = os.path.split(kept.path)
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError))
            folder = stack.enter_context(Folder(os.path.dirname(place)))
            kept_in = stack.enter_context(folder.inside(os.path.basename(place)))
            kept_in.link(name, os.path.basename(lock.path), folder)
            folder.sync()
            kept_in.unlink(name)


def delete_original(path: str) -> None:
    """Delete a kept original, and its folder if that is empty then.

    Tries twice; what stays nevertheless is found by a later run, and deleted when it expires.
    """
    place, name = os.path.split(path)
    if os.path.basename(place) != ORIGINALS_FOLDER or not _NAME.fullmatch(name):
        return
    for _ in range(2):
        with contextlib.suppress(OSError):
            with Folder(place) as folder:
                folder.unlink(name)
            break
    with contextlib.suppress(OSError):
        os.unlink(list_beside(path))
    with contextlib.suppress(OSError):
        os.rmdir(place)


def delete_unused(kept: StoredOriginal) -> bool:
    """Delete a kept original that is but another name of its film, as nothing has replaced that.

    Returns whether it was. A running vpo, which is about to replace the film, has it locked.
    """
    folder = os.path.dirname(os.path.dirname(kept.path))
    try:
        status = os.lstat(kept.path)
        film = _other_name(folder, status) if status.st_nlink > 1 else None
        if film is None:
            return False
        with FileLock(film) as lock:
            if not os.path.samestat(lock.status, os.lstat(kept.path)):
                return False
            delete_original(kept.path)
    except (OSError, FileError):
        return False
    return True


def _other_name(folder: str, status: os.stat_result) -> str | None:
    """Return the path that a file has in this folder."""
    with os.scandir(folder) as entries:
        same = (entry.path for entry in entries if entry.inode() == status.st_ino)
        return next((path for path in same if os.path.samestat(os.lstat(path), status)), None)


def restore(kind: OriginalKind, kept: str, original: str, result: str, stat: Stat) -> None:
    """Restore a kept original, byte for byte.

    ``original`` is the path it had, ``result`` that of vpo's result, and ``stat`` the result's
    (size, mtime_ns, inode). Raises ``FileError`` if the result has changed or the kept original is
    gone; then both are as before.
    """
    place, name = os.path.split(kept)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(FileLock(result))
        _require_result(lock, stat)
        try:
            folder = stack.enter_context(Folder(os.path.dirname(result)))
            kept_in = stack.enter_context(Folder(place))
            there = kept_in.status(name)
            if there is None:
                raise FileNotFoundError
            source = folder.require(result, lock.status)
            if not is_trusted(there, lock.status):
                raise PublishError(f"{kept} belongs to another user; it is not restored")
            new = os.path.basename(original)
            if name.endswith(SIDECARS_EXTENSION):
                remove_sidecars(kept, lock.status)
            elif kind == "header":
                _restore_header(kept_in, name, folder, lock, new)
            else:
                if wants_closed(lock.status):
                    lock.close_file()
                change = Replacement(folder, source, new, kept_in, name, there, lock.close_file)
                change.carry_out()
        except FileNotFoundError:
            raise FileError("its original is no longer kept") from None
        except FileExistsError:
            raise BusyError(f"{original} exists; move it away first") from None
        except OSError as error:
            raise PublishError(
                f"the original could not be restored: {error.strerror}; it is still kept"
            ) from None
        remove_sidecars(list_beside(kept), lock.status)
    delete_original(kept)


def _require_result(lock: FileLock, stat: Stat) -> None:
    """Raise ``SourceChangedError`` if the locked file is not the result any more."""
    if not is_result(lock.status, stat):
        lock.ask_again()
    if not is_result(lock.status, stat):
        raise SourceChangedError("the file has changed since; it is not restored")


def _restore_header(
    place: Folder, name: str, folder: Folder, lock: FileLock, original: str
) -> None:
    """Roll back the header edit, then the name; if vpo is killed, the next run rolls back the edit.

    Raises ``FileExistsError`` if the ``original`` name is taken.
    """
    saved = undo_file.new_name()
    source = folder.require(lock.path, lock.status)
    if original != source and folder.status(original) is not None:
        raise FileExistsError
    fd = folder.open(source, os.O_RDWR)
    try:
        place.rename(name, saved, folder)
        folder.sync()
        place.sync()  # or a power cut would leave it under both names
        try:
            restored = undo_file.roll_back(folder, saved, fd)
        except PublishError:
            folder.rename(saved, name, place)
            raise
        except OSError as error:
            raise PublishError(
                f"the original could not be restored: {error.strerror}; the next run does that "
                f"from {folder.join(saved)}"
            ) from None
        if not restored:
            folder.rename(saved, name, place)
            raise SourceChangedError("the file has changed since; it is not restored")
        # If it cannot be removed, the next run does that, as the file is the original.
        with contextlib.suppress(OSError):
            folder.unlink(saved)
        folder.sync()
        if original != source:
            rename_film(folder, source, original, os.fstat(fd))
    finally:
        os.close(fd)


def _name(source: str, key: str, result: os.stat_result) -> str:
    extension = os.path.splitext(source)[1]
    return f"{key}.{result.st_ino}.{result.st_size}.{result.st_mtime_ns}{extension}"


@contextlib.contextmanager
def _prepared(lock: FileLock, problem: str) -> Iterator[tuple[Folder, Folder]]:
    """Yield the folder of the locked file, and that of its kept originals, which is created."""
    try:
        with Folder(os.path.dirname(lock.path)) as folder:
            with contextlib.suppress(FileExistsError):
                os.mkdir(ORIGINALS_FOLDER, 0o700, dir_fd=folder.fd)
            with folder.inside(ORIGINALS_FOLDER) as place:
                owner = os.fstat(place.fd).st_uid
                if owner not in (os.geteuid(), lock.status.st_uid):
                    raise PublishError(f"{problem}: {place.path} belongs to another user")
                yield folder, place
    except OSError as error:
        raise PublishError(f"{problem}: {error.strerror}") from None
