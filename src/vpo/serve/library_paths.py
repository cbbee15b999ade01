"""Which paths may be opened: those of files in the folders of a configured library.

Whatever a request names, its real path decides, and that of the open file is compared once more.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from vpo.config.builder import Settings
from vpo.config.libraries import settings_of
from vpo.config.models import ConfiguredLibrary
from vpo.discover import ORIGINALS_FOLDER, is_leftover
from vpo.errors import UsageError
from vpo.run.libraries import library_with


class LibraryFile(NamedTuple):
    """A file that may be opened: its real path, and the library that it is in."""

    path: str
    library: ConfiguredLibrary


def library_file(settings: Settings, path: str) -> LibraryFile | None:
    """Return the video in a library that a path names; ``None`` if there is none."""
    if "\0" in path or not os.path.isabs(path):
        return None
    real = os.path.realpath(path)
    library = library_with(settings, real)
    if library is None or not _is_video(settings_of(settings, library), real):
        return None
    try:
        status = os.lstat(real)
    except (OSError, ValueError):
        return None
    return LibraryFile(real, library) if stat.S_ISREG(status.st_mode) else None


def _is_video(settings: Settings, path: str) -> bool:
    """Return whether the name is that of a video, and none of vpo's own files."""
    endings = tuple(f".{ending.lower().lstrip('.')}" for ending in settings.config.files.extensions)
    name = os.path.basename(path)
    hidden = is_leftover(name) or ORIGINALS_FOLDER in path.split(os.sep)
    return name.lower().endswith(endings) and not hidden


@contextlib.contextmanager
def opened(settings: Settings, path: str) -> Iterator[int]:
    """Yield the descriptor of a regular file in a library, open for reading.

    ``path`` is a real one; raises ``UsageError`` if it is no more, or leads out of the libraries.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        raise UsageError("the file cannot be opened") from None
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if not regular or library_with(settings, _name_of(descriptor, path)) is None:
            raise UsageError("it is not a file in the folder of a library")
        yield descriptor
    finally:
        os.close(descriptor)


def _name_of(descriptor: int, path: str) -> str:
    """Return the path of the open file: a folder above it may have become a link meanwhile."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # only Linux has it
    except OSError:
        return os.path.realpath(path)
