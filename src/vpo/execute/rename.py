"""A file takes the place of another, under its name or a new one, and a note on disk guards that.

Under a new name (another container) both exist for a moment: the result gets the new name, then the
original is removed. Under the same name, some network file systems remove the original before they
give its name to the result. A run that finds the note of a killed run removes the new name if the
original still exists, and gives the name to the result if neither does.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vpo.discover import LEFTOVER_PREFIX, ORIGINALS_FOLDER
from vpo.errors import PublishError
from vpo.execute.folder import Folder, file_system_type, is_same_time, is_trusted
from vpo.execute.lock_file import try_lock

NOTE_EXTENSION = ".rename"
ASIDE_EXTENSION = ".part"
"""That of temporary files: an original that was moved aside is removed as one of them."""
_SMB = ("cifs", "smb3")
NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})
"""The errors of file systems without hard links."""
NOT_TRUSTED = "it belongs to another user, who may not decide about the file; remove it yourself"
_PAUSES = (0.0, 0.1, 0.4, 1.5)
"""Seconds before each try to fill a name that was removed: the server may be about to free it."""


@dataclass
class Replacement:
    """``part``, a file in ``place``, takes the name ``target`` in ``folder``, and ``source`` goes.

    ``source`` and ``target`` may be the same name; otherwise ``target`` must be free. ``place`` is
    the same folder, or that of its kept originals; where only a name changes, the part is the
    source itself. ``file`` is the status of the part, which is
    complete and synced. ``close_source`` closes the source, where it is open. ``reserved``: the
    target is there as an empty file that holds the name.
    """

    folder: Folder
    source: str
    target: str
    place: Folder
    part: str
    file: os.stat_result
    close_source: Callable[[], object] = bool
    aside: str = field(default_factory=lambda: _new_name(ASIDE_EXTENSION))
    reserved: bool = False

    def carry_out(self) -> None:
        """Do all of it or nothing. Raises ``OSError``, with the source in its place.

        Where that could not be reached either (``settled`` is false), the note and the part stay
        for the next run, and must not be removed.
        """
        with self._noted():
            if self.source == self.target:
                self._replace()
            else:
                self._rename()
            self.folder.sync()
            if self.part != self.source:
                with contextlib.suppress(OSError):
                    self.place.unlink(self.part)
            if not self.place.is_same(self.folder):
                # A power cut must not leave a kept original of a film that was restored.
                self.place.sync()

    @property
    def settled(self) -> bool:
        """Whether either the source is there, or the part has its name; false if that is unknown.

        A target that another program has made is no matter of this replacement.
        """
        try:
            named = self.reserved or self.folder.names(self.target, self.file)
            if self.source == self.target:
                return self.folder.status(self.source) is not None
            return named != (self.folder.status(self.source) is not None)
        except OSError:
            return False

    def _replace(self) -> None:
        if file_system_type(self.file.st_dev) in _SMB:
            self._exchange()
            return
        try:
            self.place.rename(self.part, self.target, self.folder)
        except OSError:
            if self.folder.status(self.target) is not None:
                raise
            self.fill()

    def _exchange(self) -> None:
        """Move the source aside, so that the name is free, and take it back if that was in vain.

        Another program may have it open: SMB servers rename an open file, but do not replace it.
        """
        self.folder.rename(self.source, self.aside)
        try:
            self._claim()
        except BaseException:
            if self.folder.status(self.source) is None:
                self.folder.rename(self.aside, self.source)
            raise
        with contextlib.suppress(OSError):
            self.folder.unlink(self.aside)

    def fill(self) -> None:
        """Give the part a name that the file system has removed without giving it to the part."""
        self.close_source()
        reason = ""
        for pause in _PAUSES:
            time.sleep(pause)
            try:
                self._claim()
            except FileExistsError:
                raise
            except OSError as error:
                reason = str(error.strerror)
                continue
            return
        raise PublishError(
            f"the file system removed the file without putting the result in its place "
            f"({reason}); the result is complete in {self.place.join(self.part)}, and the "
            "next run over this folder puts it there"
        )

    def _rename(self) -> None:
        try:
            self._claim()
            self.folder.sync()
            if not self.folder.names(self.target, self.file):
                target = self.folder.join(self.target)
                raise PublishError(f"{target} was replaced by another program; the original stays")
            self._remove_source()
        except BaseException:
            # A Ctrl-C may arrive after any of these, and the file must not stay with two names.
            with contextlib.suppress(OSError):
                self._take_back()
            raise

    def _claim(self) -> None:
        """Give the part its name; raise ``FileExistsError`` if it is not free."""
        try:
            self.place.link(self.part, self.target, self.folder)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            # Without hard links, reserve the name with an empty file, then replace that.
            os.close(self.folder.open(self.target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            self.reserved = True
            try:
                self.place.rename(self.part, self.target, self.folder)
                self.reserved = False
            except BaseException:
                if self.place.status(self.part) is not None:
                    with contextlib.suppress(FileNotFoundError):
                        self.folder.unlink(self.target)
                    self.reserved = False
                raise

    def _remove_source(self) -> None:
        try:
            self.folder.unlink(self.source)
        except OSError:
            if self.folder.status(self.source) is not None:
                raise

    def _take_back(self) -> None:
        """Free the target again if the source is there, and keep the part."""
        if self.folder.status(self.source) is None:
            return
        if not self.folder.names(self.target, self.file):
            return
        if self.place.status(self.part) is None:
            self.folder.rename(self.target, self.part, self.place)
        else:
            self.folder.unlink(self.target)

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        """Hold a synced note of what is to be done, and remove it once it is settled."""
        name = _new_name(NOTE_EXTENSION)
        try:
            fd = self.folder.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except OSError as error:
            raise PublishError(
                f"cannot write in the folder {self.folder.path}: {error.strerror}"
            ) from None
        try:
            try_lock(fd)
            os.write(fd, self._note())
            os.fsync(fd)
            yield
        finally:
            if self.settled:
                with contextlib.suppress(OSError):
                    self.folder.unlink(name)
            os.close(fd)

    def _note(self) -> bytes:
        note = {
            "source": text_in_note(self.source),
            "target": text_in_note(self.target),
            "inode": self.file.st_ino,
            "size": self.file.st_size,
            "mtime_ns": self.file.st_mtime_ns,
            "part": text_in_note(self.part),
            "aside": text_in_note(self.aside),
            "kept": not self.place.is_same(self.folder),
        }
        return json.dumps(note).encode("ascii")


def rename_film(folder: Folder, source: str, target: str, file: os.stat_result) -> None:
    """Give a file another name in its folder, which must be free.

    ``file`` is its status. Raises ``FileExistsError`` or another ``OSError``, with the file under
    its old name.
    """
    if folder.names(target, file) and target not in os.listdir(folder.fd):
        # The file system takes both for one name: only the case of letters changes.
        folder.rename(source, target)
        folder.sync()
        return
    Replacement(folder, source, target, folder, source, file).carry_out()


def require_free_name(path: str, target: str) -> None:
    """Raise ``PublishError`` if another file has a name, or one that some systems take for it.

    Where only the extension is another, the name itself must be taken: that of a film in another
    case of letters was so before.
    """
    folder, own = os.path.split(path)
    wanted = os.path.basename(target)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return  # it need not be listed; the name is taken without replacing a file
    exact = os.path.splitext(own)[0] == os.path.splitext(wanted)[0]
    same = str if exact else _folded
    taken = next((n for n in names if n != own and same(n) == same(wanted)), None)
    if taken is not None:
        there = os.path.join(folder, taken)
        raise PublishError(f"{there} exists already; move it away, or choose another name")


def _folded(name: str) -> str:
    """Return the name as file systems compare it that tell no case, nor forms of Unicode."""
    return unicodedata.normalize("NFC", name).casefold()


def roll_back_rename(folder: Folder, name: str) -> list[str]:
    """Settle what a note that no process holds has begun, and remove it; return messages.

    Raises ``PublishError`` or ``OSError`` if that is impossible now; the note then stays.
    """
    fd = folder.open(name, os.O_RDWR)
    try:
        if not try_lock(fd) or folder.status(name) is None:
            return []
        note = _read_note(os.read(fd, 1 << 16))
        done = [] if note is None else _settle(folder, note, os.fstat(fd))
        folder.unlink(name)
        folder.sync()
        return done
    finally:
        os.close(fd)


class _Note(NamedTuple):
    """What a note says; ``None`` is what one of an older vpo does not say."""

    source: str
    target: str
    inode: int
    size: int | None
    mtime_ns: int | None
    part: str | None
    aside: str | None
    kept: bool

    def describes(self, found: os.stat_result) -> bool:
        """Return whether it is the result, or the empty file that reserved its name."""
        if not found.st_size:
            return True
        if self.size is None or self.mtime_ns is None:
            return found.st_ino == self.inode
        if self.size != found.st_size:
            return False
        return self.inode == found.st_ino or is_same_time(self.mtime_ns, found.st_mtime_ns)


def _settle(folder: Folder, note: _Note, status: os.stat_result) -> list[str]:
    """Do what is left to do; ``status`` is that of the note itself."""
    with contextlib.ExitStack() as stack:
        place = folder
        if note.kept:
            try:
                place = stack.enter_context(folder.inside(ORIGINALS_FOLDER))
            except FileNotFoundError:
                note = note._replace(part=None)
        part = None if note.part is None else place.status(note.part)
        source, target = folder.status(note.source), folder.status(note.target)
        if source is None and target is None:
            if part is None or note.part is None:
                return _put_back(folder, note, status)
            _require_trust(status, part)
            Replacement(folder, note.source, note.target, place, note.part, part).fill()
            return [f"put {folder.join(note.target)} in its place, as an interrupted run began to"]
        both = part is not None and target is not None and os.path.samestat(part, target)
        if note.kept and note.part is not None and source is None and both:
            place.unlink(note.part)  # it was restored, and is still kept
            place.sync()
            return []
        if source is None or target is None or note.source == note.target:
            return []
        if not note.describes(target):
            return []
        _require_trust(status, target)
        if note.kept and note.part is not None and part is None and target.st_size:
            folder.rename(note.target, note.part, place)
        else:
            folder.unlink(note.target)
        removed, kept = folder.join(note.target), folder.join(note.source)
        return [f"removed {removed}, which an interrupted run had written; {kept} is unchanged"]


def _put_back(folder: Folder, note: _Note, status: os.stat_result) -> list[str]:
    """Give the original its name back if it was moved aside, as the result is gone."""
    aside = None if note.aside is None else folder.status(note.aside)
    if aside is None or note.aside is None:
        return []
    _require_trust(status, aside)
    folder.rename(note.aside, note.source)
    return [f"put {folder.join(note.source)} back, which an interrupted run had moved aside"]


def _require_trust(note: os.stat_result, file: os.stat_result) -> None:
    if not is_trusted(note, file):
        raise PublishError(NOT_TRUSTED)


def _read_note(content: bytes) -> _Note | None:
    """Return what a note says; ``None`` if it is incomplete, so that nothing had begun."""
    try:
        found: dict[str, Any] = json.loads(content)
        part, aside = found.get("part"), found.get("aside")
        return _Note(
            name_in_note(found["source"]),
            name_in_note(found["target"]),
            int(found["inode"]),
            _number(found.get("size")),
            _number(found.get("mtime_ns")),
            None if part is None else name_in_note(part),
            None if aside is None else name_in_note(aside),
            bool(found.get("kept")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _new_name(extension: str) -> str:
    return f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{extension}"


def _number(found: Any) -> int | None:
    return None if found is None else int(found)


def text_in_note(name: str) -> str:
    """Return the name of a file as a note has it."""
    return base64.b64encode(os.fsencode(name)).decode("ascii")


def name_in_note(text: str) -> str:
    """Return the name of a file that a note has as this text; ``ValueError`` if it is none."""
    name = os.fsdecode(base64.b64decode(text))
    if os.sep in name or name in ("", ".", ".."):
        raise ValueError("a name, not a path")
    return name
