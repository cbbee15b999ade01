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
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError, SpaceError
from vpo.execute.folder import Folder, is_same_time, is_trusted
from vpo.execute.lock_file import try_lock
from vpo.execute.space import free_bytes, keep_free_note
from vpo.probe import matroska
from vpo.probe.ebml import StructureError
from vpo.probe.undo_regions import undo_regions
from vpo.text import format_size

UNDO_EXTENSION = ".undo"
_MAGIC = b"vpo undo 2\n"
_ANY_MAGIC = b"vpo undo "
_MAGIC_LENGTH = 32
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
    name = new_name()
    try:
        with Folder(folder) as place:
            _write(place, name, content, os.fstat(fd))
    except OSError as error:
        raise PublishError(f"cannot write the undo file in {folder}: {error.strerror}") from None
    return os.path.join(folder, name)


def _write(folder: Folder, name: str, content: bytes, media: os.stat_result) -> None:
    target = folder.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with open(target, "wb") as file:
            try_lock(target)
            file.write(content)
            file.flush()
            os.fsync(target)
            status = os.fstat(target)
            if not status.st_nlink:
                raise FileNotFoundError(errno.ENOENT, "another run has removed it")
            if not is_trusted(status, media):
                # Some servers give files to others than who writes them.
                raise PermissionError(errno.EPERM, "the file system gave it to another user")
        folder.sync()
    except BaseException:
        with contextlib.suppress(OSError):
            folder.unlink(name)
        raise


def new_name() -> str:
    """Return a new name for an undo file."""
    return f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{UNDO_EXTENSION}"


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


def is_undo_file(path: str) -> bool:
    """Return whether a file is an undo file, also one of another version."""
    with open(path, "rb") as file:
        return file.read(len(_ANY_MAGIC)) == _ANY_MAGIC


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of the data at ``offset``, in several writes if necessary."""
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written


FilmState = Literal["original", "edited", "other"]


class SavedEdit(NamedTuple):
    """What an undo file says about the edit of one film, and whose file it is.

    ``size`` is the film's before the edit, ``length`` that after it.
    """

    name: str
    inode: int
    size: int
    length: int
    mtime_ns: int
    atime_ns: int
    patches: tuple[Patch, ...]
    status: os.stat_result

    def state(self, fd: int) -> FilmState:
        """Return what the open file is, by its content: inode numbers do not last everywhere.

        Every byte of the film that the edit changes is as before or as after it; ``edited`` if any
        is as after it.
        """
        size = os.fstat(fd).st_size
        if not min(self.size, self.length) <= size <= max(self.size, self.length):
            return "other"
        edited = size != self.size
        for patch in self.patches:
            there = os.pread(fd, max(len(patch.old), len(patch.new)), patch.offset)
            if there == patch.old:
                continue
            edited = True
            if there == patch.new:
                continue
            # Bytes that an edit adds at the end are a hole until they are written.
            old, new = patch.old.ljust(len(there), b"\0"), patch.new.ljust(len(there), b"\0")
            if any(byte not in (old[n], new[n]) for n, byte in enumerate(there)):
                return "other"
        return "edited" if edited else "original"

    def roll_back(self, fd: int) -> bool:
        """Roll back the edit in the film, open for writing; return whether it is as before now."""
        state, status = self.state(fd), os.fstat(fd)
        if state == "other":
            return False
        if state == "edited":
            for patch in self.patches:
                write_at(fd, patch.old, patch.offset)
            os.ftruncate(fd, self.size)
        elif status.st_ino != self.inode:
            return True  # a copy of the original, whose times are its own
        if not is_same_time(status.st_mtime_ns, self.mtime_ns) or state == "edited":
            # Only the owner may do this, and the content matters more.
            with contextlib.suppress(OSError):
                os.utime(fd, ns=(self.atime_ns, self.mtime_ns))
        os.fsync(fd)
        return True


def roll_back(folder: Folder, name: str, media_fd: int) -> bool:
    """Roll back the edit of an undo file in the film, open for writing; return whether it was done.

    It is not done in a file other than the edited one. Raises ``PublishError`` or ``OSError`` for
    an undo file that cannot be used, which then must be kept.
    """
    saved = load(folder, name)
    if saved is None:
        raise PublishError(_DAMAGED)
    return saved.roll_back(media_fd)


def load(folder: Folder, name: str) -> SavedEdit | None:
    """Return what an undo file says; ``None`` if it is incomplete.

    The edit of an incomplete one never began, as the undo file is synced first. Raises ``OSError``
    if it cannot be read, ``PublishError`` if it is damaged or of another version: then it is all
    that is known of the edit, and has to be kept.
    """
    with open(folder.open(name, os.O_RDONLY), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        magic = file.readline(_MAGIC_LENGTH)
        reader = _READERS.get(magic)
        if reader is None:
            if magic.startswith(_ANY_MAGIC) and magic.endswith(b"\n"):
                raise PublishError(_OTHER_VERSION)
            return None
        digest = file.readline(_LINE).strip()
        body = file.read(2 * MAX_REGION_BYTES + _LINE)
    return reader(digest, body, status)


def _read_2(digest: bytes, body: bytes, status: os.stat_result) -> SavedEdit | None:
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
        saved = SavedEdit(name=name, patches=patches, status=status, **header)
    except (ValueError, KeyError, TypeError):
        if not whole:  # even its header is incomplete
            return None
        raise PublishError(_OTHER_VERSION) from None
    numbers = [*saved[1:6], *(patch.offset for patch in patches)]
    if os.sep in name or name in ("", ".", "..") or not all(type(n) is int for n in numbers):
        raise PublishError(_DAMAGED)
    return saved


_Reader = Callable[[bytes, bytes, os.stat_result], SavedEdit | None]
_READERS: Mapping[bytes, _Reader] = MappingProxyType({_MAGIC: _read_2})
"""The versions that can be read; a version stays here as long as its files may be found."""


def _patches(sizes: Sequence[tuple[int, int, int]], data: bytes) -> Iterator[Patch]:
    at = 0
    for offset, old, new in sizes:
        yield Patch(offset, data[at : at + old], data[at + old : at + old + new])
        at += old + new
