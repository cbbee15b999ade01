"""The temporary file of one rewrite: hidden, unique, beside the original, gone afterwards."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from types import TracebackType

from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError
from vpo.execute.lock import try_lock

TEMPORARY_SUFFIX = ".part"


class Workspace:
    """A temporary file in ``folder``, locked while it is in use, with further ones beside it.

    The lock tells a later run that the file belongs to a process that is alive. The file has the
    original's permission bits from the beginning.
    """

    def __init__(self, folder: str, mode: int) -> None:
        self.folder = folder
        self._mode = stat.S_IMODE(mode)
        self._others: list[str] = []
        self.path = ""
        self.fd = -1

    def __enter__(self) -> Workspace:
        while self.fd < 0:
            self.path = self._name(TEMPORARY_SUFFIX)
            fd = self._create(self.path)
            # Another run's sweep may have been quicker than the lock.
            if try_lock(fd) and os.fstat(fd).st_nlink:
                self.fd = fd
            else:
                os.close(fd)
        os.fchmod(self.fd, self._mode | stat.S_IRUSR | stat.S_IWUSR)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for path in (self.path, *self._others):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
            except OSError:
                # The tool has put a folder there.
                shutil.rmtree(path, ignore_errors=True)
        os.close(self.fd)

    def store(self, data: bytes) -> str:
        """A further temporary file with this content; its path."""
        path = self._name(TEMPORARY_SUFFIX)
        fd = self._create(path)
        self._others.append(path)
        with open(fd, "wb") as file:
            file.write(data)
        return path

    def _name(self, suffix: str) -> str:
        return os.path.join(self.folder, f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{suffix}")

    def _create(self, path: str) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PublishError(
                f"cannot write in the folder {self.folder}: {error.strerror}"
            ) from None
