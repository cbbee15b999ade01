"""Finds the video files under given paths, each once, in a fixed order.

A folder or file that is reached twice (links, overlapping arguments) counts once. Hidden files and
folders are skipped unless they are given by name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from vpo.errors import DiscoverError

LEFTOVER_PREFIX = ".vpo-"
"""The prefix of all files that vpo creates next to media files."""
_LEFTOVER_NAME = re.compile(r"\.vpo-[0-9a-f]{32}\.")
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
"""The errors that mean that a path names nothing."""
ORIGINALS_FOLDER = f"{LEFTOVER_PREFIX}originals"
"""The folder of the kept originals."""


def is_leftover(name: str) -> bool:
    """Return whether a file's name is one that vpo itself gives; others are not vpo's to remove."""
    return _LEFTOVER_NAME.match(name) is not None


def folders_of(paths: Iterable[str]) -> list[str]:
    """Return the folders of the files among these paths, which may be missing."""
    named = (path for path in paths if path and "\0" not in path and not os.path.isdir(path))
    return sorted({os.path.dirname(os.path.realpath(path)) for path in named})


def leftovers_beside(paths: Iterable[str]) -> list[str]:
    """Return what vpo itself has left in the folders of these files, which may be missing."""
    found: list[str] = []
    for folder in folders_of(paths):
        with contextlib.suppress(OSError):
            names = sorted(filter(is_leftover, os.listdir(folder)))
            found += [os.path.join(folder, name) for name in names]
    return found


class Candidate(NamedTuple):
    """A file to process: its real path and its stat (bytes; nanoseconds since 1970).

    ``link`` is a symbolic link to it under the given paths, if there is one.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int
    device: int
    link: str | None = None

    @property
    def stat(self) -> tuple[int, int, int]:
        """Size, modification time and inode, as the database has them."""
        return self.size, self.mtime_ns, self.inode


@dataclass
class Discovery:
    """The result: candidates, paths that cannot be used, and what vpo itself has left there."""

    candidates: list[Candidate] = field(default_factory=list)
    problems: list[tuple[str, DiscoverError]] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)


def is_missing(path: str) -> bool:
    """Return whether a path names nothing, or is a link that leads to nothing."""
    try:
        os.stat(path)
    except ValueError:  # a null character
        return True
    except OSError as error:
        return error.errno in _MISSING
    return False


def discover(
    paths: Iterable[str],
    *,
    recursive: bool,
    extensions: Iterable[str],
    stop: Callable[[], object] = lambda: False,
) -> Discovery:
    """Return all candidates under ``paths``; ``extensions`` are without dot, in any case.

    Ends early, between two folders, if ``stop`` returns true.
    """
    found = Discovery()
    endings = tuple("." + item.lower().lstrip(".") for item in extensions)
    walk = _Walk(found, recursive, endings, stop)
    for path in paths:
        walk.start(path)
    return found


class _Walk:
    def __init__(
        self,
        found: Discovery,
        recursive: bool,
        endings: tuple[str, ...],
        stop: Callable[[], object],
    ) -> None:
        self.found = found
        self.stop = stop
        self.recursive = recursive
        self.endings = endings
        self.folders: set[tuple[int, int]] = set()
        self.files: dict[str, int] = {}

    def start(self, path: str) -> None:
        if not path:
            # Probably an unset variable; to realpath it would be the current folder.
            self.found.problems.append(("", DiscoverError("the path is empty", missing=True)))
            return
        if "\0" in path:
            text = "has a null character, which no file name can have"
            self.problem(path, text, missing=True)
            return
        real = os.path.realpath(path)
        try:
            status = os.stat(real)
        except OSError as error:
            missing = error.errno in _MISSING
            self.problem(path, f"cannot be read: {error.strerror}", missing)
            return
        if stat.S_ISDIR(status.st_mode):
            self.folder(real, status)
        elif stat.S_ISREG(status.st_mode):
            self.add(real, status, path if os.path.islink(path) else None)
        else:
            self.problem(path, "is neither a file nor a folder")

    def folder(self, path: str, status: os.stat_result) -> None:
        pending = [(path, status)]
        while pending and not self.stop():
            path, status = pending.pop()
            if (status.st_dev, status.st_ino) in self.folders:
                continue
            self.folders.add((status.st_dev, status.st_ino))
            try:
                with os.scandir(path) as entries:
                    below = list(self.entries(sorted(entries, key=lambda e: os.fsencode(e.name))))
            except OSError as error:
                self.problem(path, f"the folder cannot be read: {error.strerror}")
                continue
            pending.extend(reversed(below))

    def entries(self, entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
        """Add the files of a folder; yield its subfolders."""
        for entry in entries:
            if entry.name.startswith("."):
                if is_leftover(entry.name) or entry.name == ORIGINALS_FOLDER:
                    self.found.leftovers.append(entry.path)
                continue
            if self.is_folder(entry):
                if self.recursive:
                    status = self.status(entry)
                    if status is not None:
                        yield self.real(entry), status
            elif entry.name.lower().endswith(self.endings):
                self.file(entry)

    def real(self, entry: os.DirEntry[str]) -> str:
        """Return the entry's real path; that of its folder is real already."""
        return os.path.realpath(entry.path) if entry.is_symlink() else entry.path

    def is_folder(self, entry: os.DirEntry[str]) -> bool:
        """Return whether it is a folder; false for a broken link or a loop of links."""
        try:
            return entry.is_dir()
        except OSError:
            return False

    def file(self, entry: os.DirEntry[str]) -> None:
        status = self.status(entry)
        if status is None:
            return
        if not stat.S_ISREG(status.st_mode):
            self.problem(entry.path, "is not a regular file")
            return
        self.add(self.real(entry), status, entry.path if entry.is_symlink() else None)

    def status(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        try:
            return entry.stat()
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or entry.is_symlink():
                self.problem(entry.path, f"cannot be read: {error.strerror}")
            return None  # without a problem: it has gone since the folder was read

    def add(self, path: str, status: os.stat_result, link: str | None) -> None:
        if path not in self.files:
            self.files[path] = len(self.found.candidates)
            facts = status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev
            self.found.candidates.append(Candidate(path, *facts, link))
        elif link is not None:
            number = self.files[path]
            self.found.candidates[number] = self.found.candidates[number]._replace(link=link)

    def problem(self, path: str, message: str, missing: bool = False) -> None:
        self.found.problems.append((os.path.abspath(path), DiscoverError(message, missing)))
