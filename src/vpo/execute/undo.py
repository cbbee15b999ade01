"""The undo file of a header edit.

mkvpropedit changes elements in place with several writes and does not sync. All of them fall
outside the clusters, so these regions and the file's length are saved first; a run that finds an
undo file rolls the edit back. The format: a magic line, one line of JSON, the regions' bytes.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import json
import os
import stat
import uuid
from typing import Any

from vpo import matroska
from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError, SpaceError
from vpo.execute.lock import try_lock
from vpo.execute.publish import sync_folder
from vpo.execute.space import free_bytes

UNDO_SUFFIX = ".undo"
_MAGIC = b"vpo undo 1\n"
_GROWTH = 64 << 10
"""Bytes by which an edit and the undo file's own header may add to the regions."""
LARGEST = 64 << 20
"""Bytes outside the clusters; with more (large attachments), copying the file is the better way."""


def regions(fd: int) -> list[tuple[int, int]] | None:
    """What has to be saved (offset, length), or ``None`` where an edit in place is not safe."""
    try:
        found = matroska.outside_clusters(fd, matroska.read(fd))
    except (matroska.StructureError, OSError):
        return None
    if found is None or sum(length for _, length in found) > LARGEST:
        return None
    return found


def save(path: str, fd: int, ranges: list[tuple[int, int]], keep_free: int = 0) -> str:
    """Write and sync the undo file for the media file at ``path``, open as ``fd``; its path.

    It is locked while it is written: another run's sweep must not take it for a leftover.
    ``SpaceError`` if it would not leave ``keep_free`` bytes.
    """
    status = os.fstat(fd)
    data = b"".join(os.pread(fd, length, offset) for offset, length in ranges)
    header = {
        "name": base64.b64encode(os.fsencode(os.path.basename(path))).decode("ascii"),
        "inode": status.st_ino,
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "atime_ns": status.st_atime_ns,
        "regions": ranges,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    undo = os.path.join(os.path.dirname(path), f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{UNDO_SUFFIX}")
    needed = len(data) + _GROWTH
    if free_bytes(os.path.dirname(path)) - keep_free < needed:
        raise SpaceError(f"no room for an undo file of {needed:,} bytes; make room and run again")
    try:
        target = os.open(undo, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(target, "wb") as file:
            try_lock(target)
            file.write(_MAGIC + json.dumps(header).encode("ascii") + b"\n" + data)
            file.flush()
            os.fsync(file.fileno())
            if not os.fstat(target).st_nlink:
                raise FileNotFoundError(errno.ENOENT, "another run has removed it")
        sync_folder(os.path.dirname(undo))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(undo)
        raise PublishError(f"no undo file could be written: {error.strerror}") from None
    return undo


def read_name(undo: str) -> str | None:
    """The media file that an undo file belongs to; ``None`` if the file is not complete.

    One that is not complete was never relied on: the edit begins after it was synced.
    """
    found = _read(undo)
    return None if found is None else _media(undo, found[0])


def roll_back(undo: str, media_fd: int) -> bool:
    """Put the saved regions back into the media file, open for writing; whether it was done.

    Not done where the undo file is incomplete, or the file is another one than it was made for.
    """
    found = _read(undo)
    if found is None:
        return False
    header, data = found
    if os.fstat(media_fd).st_ino != header["inode"]:
        return False
    done = 0
    for offset, length in header["regions"]:
        os.pwrite(media_fd, data[done : done + length], offset)
        done += length
    os.ftruncate(media_fd, header["size"])
    os.utime(media_fd, ns=(header["atime_ns"], header["mtime_ns"]))
    os.fsync(media_fd)
    return True


def _media(undo: str, header: dict[str, Any]) -> str:
    return os.path.join(os.path.dirname(undo), os.fsdecode(base64.b64decode(header["name"])))


def _read(undo: str) -> tuple[dict[str, Any], bytes] | None:
    try:
        fd = os.open(undo, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode) or file.read(len(_MAGIC)) != _MAGIC:
                return None
            header = json.loads(file.readline(1 << 20))
            data = file.read(LARGEST + 1)
        whole = hashlib.sha256(data).hexdigest() == header["sha256"]
        return (header, data) if whole and os.sep not in _media_name(header) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _media_name(header: dict[str, Any]) -> str:
    return os.fsdecode(base64.b64decode(header["name"]))
