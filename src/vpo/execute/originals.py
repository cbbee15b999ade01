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
from dataclasses import dataclass
from typing import Literal, NamedTuple

from vpo.discover import ORIGINALS_FOLDER
from vpo.errors import BusyError, FileError, PublishError, SourceChangedError
from vpo.execute import undo_file
from vpo.execute.lock import FileLock
from vpo.execute.publish import sync_folder
from vpo.execute.rename import claim_name, rename_note

OriginalKind = Literal["file", "header"]

_NAME = re.compile(r"([^.]+)\.(\d+)\.(\d+)\.(-?\d+)(\.[^.]*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Kept:
    """An original that a run has kept: ``size`` bytes at ``path``."""

    kind: OriginalKind
    path: str
    size: int


class StoredOriginal(NamedTuple):
    """A kept original as found on disk, at ``path``, kept by the outcome ``key``.

    ``stat`` is (size, mtime_ns, inode) of the result, ``extension`` that of the original.
    """

    path: str
    key: str
    stat: tuple[int, int, int]
    extension: str

    @property
    def kind(self) -> OriginalKind:
        return "header" if undo_file.is_undo_file(self.path) else "file"

    def result(self, folder: str) -> str | None:
        """Return the path of the result in this folder, ``None`` if it is gone or changed."""
        with os.scandir(folder) as entries:
            paths = [entry.path for entry in entries if entry.inode() == self.stat[2]]
        for path in paths:
            status = os.lstat(path)
            if (status.st_size, status.st_mtime_ns, status.st_ino) == self.stat:
                return path
        return None

    def original(self, result: str) -> str:
        """Return the path that the original had next to this result."""
        return f"{os.path.splitext(result)[0]}{self.extension}"


def list_originals(folder: str) -> list[StoredOriginal]:
    """Return the kept originals of the files in this folder."""
    place = os.path.join(folder, ORIGINALS_FOLDER)
    try:
        names = sorted(os.listdir(place))
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


def keep_file(source: str, key: str, result: os.stat_result) -> Kept:
    """Keep the original under a second name, before the result replaces it."""
    path = _prepared(source, key, result)
    try:
        os.link(source, path)
    except OSError as error:
        raise PublishError(
            f"the original cannot be kept ({error.strerror}); "
            'set [originals] keep = "none" to keep none'
        ) from None
    return Kept("file", path, os.stat(path).st_size)


def keep_header(saved: str, key: str, media: str, result: os.stat_result) -> Kept:
    """Keep the undo file of a completed header edit."""
    path = _prepared(media, key, result)
    os.rename(saved, path)
    return Kept("header", path, os.stat(path).st_size)


def delete_original(path: str) -> None:
    """Delete a kept original, and its folder if that is empty then."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(path))


def restore(
    kind: OriginalKind, kept: str, original: str, result: str, stat: tuple[int, int, int]
) -> None:
    """Restore a kept original, byte for byte.

    ``original`` is the path it had, ``result`` that of vpo's result, and ``stat`` the result's
    (size, mtime_ns, inode). Raises ``FileError`` if the result has changed or the kept original is
    gone.
    """
    if not os.path.exists(kept):
        raise FileError("its original is no longer kept")
    with FileLock(result) as lock:
        now = lock.status
        if (now.st_size, now.st_mtime_ns, now.st_ino) != stat:
            raise SourceChangedError("the file has changed since; it is not restored")
        if kind == "header":
            _restore_header(kept, result)
        elif original == result:
            if lock.beside:
                lock.close_file()
            os.replace(kept, original)
        else:
            _restore_renamed(kept, original, result)
    sync_folder(os.path.dirname(original))
    delete_original(kept)


def _restore_header(kept: str, media: str) -> None:
    """Roll back the header edit; if vpo is killed, the next run completes that."""
    saved = undo_file.new_path(os.path.dirname(media))
    fd = os.open(media, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.rename(kept, saved)
        if not undo_file.roll_back(saved, fd):
            os.rename(saved, kept)
            raise SourceChangedError("the file has changed since; it is not restored")
        os.unlink(saved)
    finally:
        os.close(fd)


def _restore_renamed(kept: str, original: str, result: str) -> None:
    try:
        with rename_note(result, original, os.stat(kept).st_ino):
            claim_name(kept, original)
            os.unlink(result)
    except FileExistsError:
        raise BusyError(f"{original} exists; move it away first") from None


def _prepared(source: str, key: str, result: os.stat_result) -> str:
    extension = os.path.splitext(source)[1]
    name = f"{key}.{result.st_ino}.{result.st_size}.{result.st_mtime_ns}{extension}"
    path = os.path.join(os.path.dirname(source), ORIGINALS_FOLDER, name)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    except OSError as error:
        raise PublishError(f"the original cannot be kept: {error.strerror}") from None
    return path
