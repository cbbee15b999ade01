"""Originals that are kept on request, and putting them back.

They lie in a hidden folder beside the media file, called by the outcome's id and the inode of the
result that took their place:
of a rewrite the original itself (a hard link, so that keeping it costs nothing while it is made),
of a header edit its undo file.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Literal

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import BusyError, FileError, PublishError, SourceChangedError
from vpo.execute import undo
from vpo.execute.handover import note, take_name
from vpo.execute.lock import FileLock
from vpo.execute.publish import sync_folder

FOLDER = f"{LEFTOVER_PREFIX}originals"

Kind = Literal["file", "header"]


@dataclass(frozen=True, slots=True)
class Kept:
    """An original that is kept: ``size`` bytes at ``path``."""

    kind: Kind
    path: str
    size: int


def find(folder: str, key: str) -> tuple[str, int] | None:
    """The original that an outcome kept, and the inode of the result that took its place."""
    try:
        names = os.listdir(os.path.join(folder, FOLDER))
    except OSError:
        return None
    for name in names:
        outcome, _, inode = name.rpartition(".")
        if outcome == key and inode.isdigit():
            return os.path.join(folder, FOLDER, name), int(inode)
    return None


def keep_file(source: str, key: str, result_inode: int) -> Kept:
    """Give the original a second name before the result takes its first."""
    path = _prepared(os.path.dirname(source), key, result_inode)
    try:
        os.link(source, path)
    except OSError as error:
        raise PublishError(
            f"the original cannot be kept ({error.strerror}); "
            'set [originals] keep = "none" to go on without'
        ) from None
    return Kept("file", path, os.stat(path).st_size)


def keep_header(saved: str, key: str, inode: int) -> Kept:
    """Keep the undo file of a header edit that is done."""
    path = _prepared(os.path.dirname(saved), key, inode)
    os.rename(saved, path)
    return Kept("header", path, os.stat(path).st_size)


def forget(path: str) -> None:
    """Throw a kept original away, and its folder if that was the last."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(path))


def restore(kind: Kind, kept: str, original: str, result: str, stat: tuple[int, int, int]) -> None:
    """Put back exactly what was there.

    ``original`` is the path it had, ``result`` where vpo's result is, with (size, mtime_ns, inode)
    ``stat``. Raises ``FileError`` if the result is no longer that, or the kept original is gone.
    """
    if not os.path.exists(kept):
        raise FileError("its original is no longer kept")
    with FileLock(result) as lock:
        now = lock.status
        if (now.st_size, now.st_mtime_ns, now.st_ino) != stat:
            raise SourceChangedError("the file has changed since; it is left as it is now")
        if kind == "header":
            _restore_header(kept, result)
        elif original == result:
            os.replace(kept, original)
        else:
            _restore_renamed(kept, original, result)
    sync_folder(os.path.dirname(original))
    forget(kept)


def _restore_header(kept: str, media: str) -> None:
    """As the undo file of an edit that was cut off: killed in between, the next run finishes it."""
    saved = undo.new_name(os.path.dirname(media))
    fd = os.open(media, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.rename(kept, saved)
        if not undo.roll_back(saved, fd):
            os.rename(saved, kept)
            raise SourceChangedError("the file has changed since; it is left as it is now")
        os.unlink(saved)
    finally:
        os.close(fd)


def _restore_renamed(kept: str, original: str, result: str) -> None:
    try:
        with note(result, original, os.stat(kept).st_ino):
            take_name(kept, original)
            os.unlink(result)
    except FileExistsError:
        raise BusyError(f"{original} exists; move it away first") from None


def _prepared(folder: str, key: str, inode: int) -> str:
    path = os.path.join(folder, FOLDER, f"{key}.{inode}")
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    except OSError as error:
        raise PublishError(f"the original cannot be kept: {error.strerror}") from None
    return path
