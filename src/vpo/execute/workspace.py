"""The temporary file of one rewrite: hidden, unique, next to the original, removed afterwards."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError
from vpo.execute.folder import NOT_PERMITTED, Folder
from vpo.execute.lock_file import try_lock

TEMPORARY_EXTENSION = ".part"
PREFIX_END = "-"
"""What stands between the name of a temporary file and the rest of that of a tool's own file."""


class Workspace:
    """A context manager for a locked temporary file in ``folder``, and further ones next to it.

    The locks show other runs that the files are in use. The file has the original's permission
    bits from the beginning.
    """

    def __init__(self, folder: str, mode: int) -> None:
        self.folder = folder
        self.place: Folder
        self._mode = stat.S_IMODE(mode)
        self._files = contextlib.ExitStack()
        self._kept: set[str] = set()
        self.path = ""
        self.fd = -1

    def __enter__(self) -> Workspace:
        with self._as_publish_error(), contextlib.ExitStack() as files:
            self.place = files.enter_context(Folder(os.path.realpath(self.folder)))
            self.path, self.fd = self._new(files)
            # Where modes cannot be set, that they could not be kept is a warning in the end.
            try:
                os.fchmod(self.fd, self._mode | stat.S_IRUSR | stat.S_IWUSR)
            except OSError as error:
                if error.errno not in NOT_PERMITTED:
                    raise
            self._files = files.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def name(self) -> str:
        """The name of the temporary file in ``place``."""
        return os.path.basename(self.path)

    def store(self, data: bytes) -> str:
        """Create a further temporary file with this content and return its path."""
        with self._as_publish_error():
            path, fd = self._new(self._files)
            with open(fd, "wb", closefd=False) as file:
                file.write(data)
        return path

    def prefix(self) -> str:
        """Return a prefix for the names of a tool's own files in the folder; they are removed too.

        It is the name of a locked file, which shows that they are in use, and ``PREFIX_END``.
        """
        name = os.path.basename(self.store(b"")) + PREFIX_END
        self._files.callback(_remove_all, self.place, name)
        return name

    def move_to(self, folder: Folder) -> None:
        """Move the temporary file to this folder, which it does not outlive, if it is elsewhere."""
        if self.place.is_same(folder):
            return
        new = self._files.enter_context(folder.duplicate())
        self._files.callback(self._remove, new, self.name)
        self.place.rename(self.name, self.name, new)
        self.place, self.path = new, new.join(self.name)

    def keep(self) -> None:
        """Leave the temporary file where it is: it may be all that there is of a film."""
        self._kept.add(self.name)

    def _new(self, files: contextlib.ExitStack) -> tuple[str, int]:
        """Create a locked file, which is removed when ``files`` is closed; return path and fd."""
        while True:
            name = f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{TEMPORARY_EXTENSION}"
            fd = self.place.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            with contextlib.ExitStack() as attempt:
                attempt.callback(os.close, fd)
                attempt.callback(self._remove, self.place, name)
                # Another run's cleanup may have removed the file before it was locked.
                if try_lock(fd) and os.fstat(fd).st_nlink:
                    files.enter_context(attempt.pop_all())
                    return self.place.join(name), fd

    def _remove(self, place: Folder, name: str) -> None:
        if name not in self._kept:
            _remove(place, name)

    @contextlib.contextmanager
    def _as_publish_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PublishError(
                f"cannot write in the folder {self.folder}: {error.strerror}"
            ) from None


def _remove(place: Folder, name: str) -> None:
    try:
        place.unlink(name)
    except FileNotFoundError:
        pass
    except OSError:
        # The tool has created a folder there, which is removed unless something is in it.
        with contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=place.fd)


def _remove_all(place: Folder, prefix: str) -> None:
    with contextlib.suppress(OSError):
        for name in os.listdir(place.fd):
            if name.startswith(prefix):
                _remove(place, name)


def tool_path(path: str, fd: int) -> str:
    """Return a name of the file that every tool accepts: mkvtoolnix requires paths in UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{fd}"
    return path
