"""The temporary file of one rewrite: hidden, unique, next to the original, removed afterwards."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError
from vpo.execute.lock_file import try_lock

TEMPORARY_EXTENSION = ".part"
PREFIX_END = "-"
"""What stands between the name of a temporary file and the rest of that of a tool's own file."""
_NO_MODES = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""The errors of file systems without permission bits."""


class Workspace:
    """A context manager for a locked temporary file in ``folder``, and further ones next to it.

    The locks show other runs that the files are in use. The file has the original's permission
    bits from the beginning.
    """

    def __init__(self, folder: str, mode: int) -> None:
        self.folder = folder
        self._mode = stat.S_IMODE(mode)
        self._files = contextlib.ExitStack()
        self.path = ""
        self.fd = -1

    def __enter__(self) -> Workspace:
        with self._as_publish_error(), contextlib.ExitStack() as files:
            self.path, self.fd = self._new(files)
            self._set_mode()
            self._files = files.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def _set_mode(self) -> None:
        try:
            os.fchmod(self.fd, self._mode | stat.S_IRUSR | stat.S_IWUSR)
        except OSError as error:
            if error.errno not in _NO_MODES:
                raise

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
        self._files.callback(_remove_all, self.folder, name)
        return name

    def _new(self, files: contextlib.ExitStack) -> tuple[str, int]:
        """Create a locked file, which is removed when ``files`` is closed; return path and fd."""
        while True:
            name = f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{TEMPORARY_EXTENSION}"
            path = os.path.join(self.folder, name)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with contextlib.ExitStack() as attempt:
                attempt.callback(os.close, fd)
                attempt.callback(_remove, path)
                # Another run's cleanup may have removed the file before it was locked.
                if try_lock(fd) and os.fstat(fd).st_nlink:
                    files.enter_context(attempt.pop_all())
                    return path, fd

    @contextlib.contextmanager
    def _as_publish_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PublishError(
                f"cannot write in the folder {self.folder}: {error.strerror}"
            ) from None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        # The tool has created a folder there.
        shutil.rmtree(path, ignore_errors=True)


def _remove_all(folder: str, prefix: str) -> None:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                _remove(entry.path)


def tool_path(path: str, fd: int) -> str:
    """Return a name of the file that every tool accepts: mkvtoolnix requires paths in UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{fd}"
    return path
