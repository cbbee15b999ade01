"""The undo file of a header edit.

The changes of an edit are known before it begins: a few byte ranges outside the clusters, and the
file's length. The undo file has these bytes before and after the edit; a run that finds one rolls
the edit back. Its format: a magic line, the SHA-256 of the rest, a line of JSON, the bytes.
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
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError, SpaceError
from vpo.execute.lock_file import try_lock
from vpo.execute.publish import sync_folder
from vpo.execute.space import free_bytes, keep_free_note
from vpo.probe import matroska
from vpo.probe.ebml import StructureError
from vpo.probe.undo_regions import undo_regions
from vpo.text import format_size

UNDO_EXTENSION = ".undo"
_MAGIC = b"vpo undo 2\n"
_ANY_MAGIC = b"vpo undo "
_LINE = 1 << 20
_DAMAGED = "the undo file is damaged; check the file beside it with vpo inspect --health"
_OTHER_VERSION = "the undo file is of another version of vpo, which can roll the edit back"
_GROWTH = 64 << 10
"""Bytes of free space for the growth of the file and the header of the undo file."""
MAX_REGION_BYTES = 64 << 20
"""Bytes outside the clusters; with more (large attachments), the file is copied instead."""


def header_regions(fd: int) -> list[tuple[int, int]] | None:
    """Return the regions (offset, length) outside the clusters; ``None`` if an edit is unsafe."""
    try:
        found = undo_regions(fd, matroska.read_structure(fd))
    except (StructureError, OSError):
        return None
    if found is None or sum(length for _, length in found) > MAX_REGION_BYTES:
        return None
    return found


class Patch(NamedTuple):
    """A change of the bytes at ``offset``; the lengths differ only at the end of a file."""

    offset: int
    old: bytes
    new: bytes


def save(path: str, fd: int, patches: Sequence[Patch], length: int, keep_free: int = 0) -> str:
    """Write and sync the undo file for the media file at ``path``, open as ``fd``; return its path.

    ``patches`` are all changes of the edit, ``length`` the file's length afterwards. The undo file
    is locked while it is written, so that another run does not remove it as a leftover. Raises
    ``SpaceError`` if fewer than ``keep_free`` bytes would be left.
    """
    content = _content(path, os.fstat(fd), patches, length)
    folder = os.path.dirname(path)
    if free_bytes(folder) - keep_free < len(content) + _GROWTH:
        raise SpaceError(
            f"not enough free space for an undo file of {format_size(len(content))}"
            f"{keep_free_note(keep_free)}; free some space and run again"
        )
    undo = new_path(folder)
    try:
        target = os.open(undo, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(target, "wb") as file:
            try_lock(target)
            file.write(content)
            file.flush()
            os.fsync(target)
            if not os.fstat(target).st_nlink:
                raise FileNotFoundError(errno.ENOENT, "another run has removed it")
        sync_folder(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(undo)
        raise PublishError(f"cannot write the undo file in {folder}: {error.strerror}") from None
    return undo


def new_path(folder: str) -> str:
    """Return a new path for an undo file in this folder."""
    return os.path.join(folder, f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{UNDO_EXTENSION}")


def _content(path: str, status: os.stat_result, patches: Sequence[Patch], length: int) -> bytes:
    data = b"".join(patch.old + patch.new for patch in patches)
    header = {
        "name": base64.b64encode(os.fsencode(os.path.basename(path))).decode("ascii"),
        "inode": status.st_ino,
        "size": status.st_size,
        "length": length,
        "mtime_ns": status.st_mtime_ns,
        "atime_ns": status.st_atime_ns,
        "patches": [(patch.offset, len(patch.old), len(patch.new)) for patch in patches],
    }
    body = json.dumps(header).encode("ascii") + b"\n" + data
    return _MAGIC + hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body


def media_path(undo: str) -> str | None:
    """Return the path of the media file of an undo file; ``None`` if the undo file is incomplete.

    The edit of an incomplete one never began, as the undo file is synced first. Raises ``OSError``
    if it cannot be read, ``PublishError`` if it is damaged or of another version: then it is all
    that is known of the edit, and has to be kept.
    """
    saved = _read(undo)
    return None if saved is None else os.path.join(os.path.dirname(undo), saved.name)


def is_undo_file(path: str) -> bool:
    """Return whether a file is an undo file, also one of another version."""
    with open(path, "rb") as file:
        return file.read(len(_ANY_MAGIC)) == _ANY_MAGIC


def roll_back(undo: str, media_fd: int) -> bool:
    """Roll back the saved edit in the media file, open for writing; return whether it was done.

    It is not done in a file other than the edited one: each byte in question has to be as before
    or after the edit. Raises ``PublishError`` or ``OSError`` for an undo file that cannot be used,
    which then must be kept.
    """
    saved = _read(undo)
    if saved is None:
        raise PublishError(_DAMAGED)
    status = os.fstat(media_fd)
    if status.st_ino != saved.inode or not _between(media_fd, status.st_size, saved):
        return False
    for patch in saved.patches:
        write_at(media_fd, patch.old, patch.offset)
    os.ftruncate(media_fd, saved.size)
    os.utime(media_fd, ns=(saved.atime_ns, saved.mtime_ns))
    os.fsync(media_fd)
    return True


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of the data at ``offset``, in several writes if necessary."""
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written


class _Saved(NamedTuple):
    name: str
    inode: int
    size: int
    length: int
    mtime_ns: int
    atime_ns: int
    patches: tuple[Patch, ...]


def _between(fd: int, size: int, saved: _Saved) -> bool:
    """Return whether every byte in question is as before or as after the edit."""
    if not min(saved.size, saved.length) <= size <= max(saved.size, saved.length):
        return False
    for patch in saved.patches:
        there = os.pread(fd, max(len(patch.old), len(patch.new)), patch.offset)
        if there in (patch.old, patch.new):
            continue
        # Bytes that an edit adds at the end are a hole until they are written.
        old, new = patch.old.ljust(len(there), b"\0"), patch.new.ljust(len(there), b"\0")
        if any(byte not in (old[n], new[n]) for n, byte in enumerate(there)):
            return False
    return True


def _read(undo: str) -> _Saved | None:
    fd = os.open(undo, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        magic = file.read(len(_MAGIC))
        if magic != _MAGIC:
            if magic.startswith(_ANY_MAGIC) and not _MAGIC.startswith(magic):
                raise PublishError(_OTHER_VERSION)
            return None
        digest = file.readline(_LINE).strip()
        body = file.read(2 * MAX_REGION_BYTES + _LINE)
    whole = hashlib.sha256(body).hexdigest().encode("ascii") == digest
    line, _, data = body.partition(b"\n")
    try:
        header = json.loads(line)
        if not whole:
            sizes = sum(old + new for _, old, new in header["patches"])
            if len(data) < sizes:
                return None
            raise PublishError(_DAMAGED)
        name = os.fsdecode(base64.b64decode(header.pop("name")))
        patches = tuple(_patches(header.pop("patches"), data))
        saved = _Saved(name=name, patches=patches, **header)
    except (ValueError, KeyError, TypeError):
        if not whole:  # even its header is incomplete
            return None
        raise PublishError(_OTHER_VERSION) from None
    if os.sep in name:
        raise PublishError(_DAMAGED)
    return saved


def _patches(sizes: Sequence[tuple[int, int, int]], data: bytes) -> Iterator[Patch]:
    at = 0
    for offset, old, new in sizes:
        yield Patch(offset, data[at : at + old], data[at + old : at + old + new])
        at += old + new
