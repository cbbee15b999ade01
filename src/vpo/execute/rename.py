"""The two-phase rename of a result with a new name, which a note on disk makes all or nothing.

Another container means another name: the result gets the new name, then the original is removed. In
between both exist. A run that finds the note of a killed run removes the new name if the original
still exists.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import uuid
from collections.abc import Iterator

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError
from vpo.execute.lock_file import open_locked, try_lock

NOTE_EXTENSION = ".rename"
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


@contextlib.contextmanager
def rename_note(source: str, target: str, inode: int) -> Iterator[None]:
    """Hold a synced note that ``target`` becomes this inode, and ``source`` is removed."""
    folder = os.path.dirname(source)
    path = os.path.join(folder, f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{NOTE_EXTENSION}")
    content = json.dumps({"source": _text(source), "target": _text(target), "inode": inode})
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PublishError(f"cannot write in the folder {folder}: {error.strerror}") from None
    try:
        try_lock(fd)
        os.write(fd, content.encode("ascii"))
        os.fsync(fd)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(fd)


def claim_name(temporary: str, target: str) -> None:
    """Rename the file to a free name; raise ``FileExistsError`` if it is not free."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links, reserve the name with an empty file, then replace that.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            os.replace(temporary, target)
        except BaseException:
            if os.path.lexists(temporary):
                os.unlink(target)
            raise


def roll_back_rename(path: str) -> list[str]:
    """Roll back the rename of a note that no process holds; return messages about it."""
    fd = open_locked(path)
    if fd is None:
        return []
    try:
        done = _roll_back(os.path.dirname(path), os.read(fd, 1 << 16))
        os.unlink(path)
        return done
    finally:
        os.close(fd)


def _roll_back(folder: str, content: bytes) -> list[str]:
    try:
        found = json.loads(content)
        source, target = (os.path.join(folder, _name(found[key])) for key in ("source", "target"))
        inode = int(found["inode"])
    except (ValueError, KeyError, TypeError):
        # The note is incomplete, so the rename had not begun.
        return []
    if not os.path.lexists(source) or not _is_result(target, inode):
        return []
    os.unlink(target)
    return [f"removed {target}, which an interrupted run had written; {source} is unchanged"]


def _is_result(target: str, inode: int) -> bool:
    """Return whether the path is the result, or the empty file that reserved its name."""
    try:
        status = os.lstat(target)
    except OSError:
        return False
    return status.st_ino == inode or status.st_size == 0


def _text(path: str) -> str:
    return base64.b64encode(os.fsencode(os.path.basename(path))).decode("ascii")


def _name(text: str) -> str:
    name = os.fsdecode(base64.b64decode(text))
    if os.sep in name:
        raise ValueError("a name, not a path")
    return name
