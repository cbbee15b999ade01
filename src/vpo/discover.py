"""Finds the video files under given paths, each once, in a fixed order.

A folder or file that is reached twice (links, overlapping arguments) counts once. Hidden files and
folders, and those that ``vpo.exclude`` leaves out by default, are skipped unless they are given by
name; the user's own patterns hold for files that are given by name, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vpo.errors import DiscoverError
from vpo.exclude import (
    IGNORE_FILE,
    PathPatterns,
    decision,
    excluded_by_default,
    may_be_sample,
    path_patterns,
    rules_in,
)

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
    """The result: candidates, paths that cannot be used, and what vpo itself has left there.

    ``excluded`` counts files and folders that were left out; ``refused`` are named files that the
    user's patterns exclude, with the reason; ``notes`` are messages.
    """

    candidates: list[Candidate] = field(default_factory=list)
    problems: list[tuple[str, DiscoverError]] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    excluded: int = 0

    @property
    def total(self) -> int:
        return len(self.candidates) + len(self.problems) + len(self.refused)


def is_missing(path: str) -> bool:
    """Return whether a path names nothing, or is a link that leads to nothing."""
    try:
        os.stat(path)
    except ValueError:  # a null character
        return True
    except OSError as error:
        return error.errno in _MISSING
    return False


@dataclass(frozen=True)
class Search:
    """What a search finds: files with these ``extensions``, without dot, in any case.

    ``recursive``: in subfolders, too. ``exclude`` are patterns in gitignore's syntax, relative to
    each path. A path in one of the ``roots`` counts as found there, not as named.
    """

    extensions: Iterable[str]
    recursive: bool = False
    exclude: Sequence[str] = ()
    roots: Sequence[str] = ()


def discover(
    paths: Iterable[str], search: Search, stop: Callable[[], object] = lambda: False
) -> Discovery:
    """Return all candidates under ``paths``.

    Ends early, between two folders, if ``stop`` returns true.
    """
    found = Discovery()
    walk = _Walk(found, search, stop)
    for path in paths:
        walk.start(path)
    return found


class _Walk:
    def __init__(self, found: Discovery, search: Search, stop: Callable[[], object]) -> None:
        self.found = found
        self.stop = stop
        self.recursive, self.exclude, self.roots = search.recursive, search.exclude, search.roots
        self.endings = tuple("." + item.lower().lstrip(".") for item in search.extensions)
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
        folder = real if stat.S_ISDIR(status.st_mode) else os.path.dirname(real)
        root = next((one for one in self.roots if _is_below(real, one)), None)
        rules = self.rules_for(real, root or folder)
        if rules is None or (root is not None and self.is_inside_excluded(real, root, rules)):
            return
        if folder == real:
            self.folder(real, status, rules)
        elif stat.S_ISREG(status.st_mode):
            self.named(real, status, rules, path)
        else:
            self.problem(path, "is neither a file nor a folder")

    def rules_for(self, real: str, base: str) -> tuple[PathPatterns, ...] | None:
        """Return the patterns that hold for a path; ``None`` if some cannot be read."""
        rules: list[PathPatterns] = []
        above = os.path.dirname(real)
        parents = [above]
        while os.path.dirname(above) != above:
            above = os.path.dirname(above)
            parents.append(above)
        try:
            if self.exclude:
                rules.append(path_patterns(self.exclude, base, "[files] exclude or --exclude"))
            for parent in reversed(parents):
                if (found := rules_in(parent)) is not None:
                    rules.append(found)
        except (OSError, ValueError) as error:
            self.problem(os.path.join(parent, IGNORE_FILE), f"cannot be used: {_why(error)}")
            return None
        return tuple(rules)

    def is_inside_excluded(self, real: str, root: str, rules: Sequence[PathPatterns]) -> bool:
        """Return whether a folder between a root and a path is left out."""
        at = os.path.dirname(real)
        while _is_below(at, root) and at != root:
            if self.left_out(at, None, rules):
                return True
            at = os.path.dirname(at)
        return False

    def named(
        self, real: str, status: os.stat_result, rules: Sequence[PathPatterns], path: str
    ) -> None:
        """Add a file that was given by name; only the user's own patterns exclude it."""
        in_root = any(_is_below(real, one) for one in self.roots)
        by_default = _default(real, status.st_size)
        reason = decision(rules, real, False, lambda: in_root and by_default)
        if reason is None:
            if by_default and not in_root:
                self.found.notes.append(f"{real}: a sample by its name; processed, as it was named")
            self.add(real, status, path if os.path.islink(path) else None)
        elif in_root:
            self.found.excluded += 1
        else:
            self.found.refused.append((real, f"it is excluded by {reason}"))

    def left_out(self, path: str, size: int | None, rules: Sequence[PathPatterns]) -> bool:
        """Return whether a path is left out, and count it; ``size`` is ``None`` for a folder."""
        out = decision(rules, path, size is None, lambda: _default(path, size)) is not None
        self.found.excluded += out
        return out

    def folder(self, path: str, status: os.stat_result, rules: tuple[PathPatterns, ...]) -> None:
        pending = [(path, status, rules)]
        while pending and not self.stop():
            path, status, rules = pending.pop()
            if (status.st_dev, status.st_ino) in self.folders:
                continue
            self.folders.add((status.st_dev, status.st_ino))
            try:
                with os.scandir(path) as found:
                    entries = sorted(found, key=lambda e: os.fsencode(e.name))
            except OSError as error:
                self.problem(path, f"the folder cannot be read: {error.strerror}")
                continue
            if IGNORE_FILE in [entry.name for entry in entries]:
                try:
                    own = rules_in(path)
                except (OSError, ValueError) as error:
                    where = os.path.join(path, IGNORE_FILE)
                    self.problem(where, f"cannot be used, so the folder is not: {_why(error)}")
                    continue
                rules = (*rules, own) if own is not None else rules
            below = list(self.entries(entries, rules, os.path.basename(path)))
            pending.extend(reversed(below))

    def entries(
        self, entries: Iterable[os.DirEntry[str]], rules: tuple[PathPatterns, ...], parent: str
    ) -> Iterator[tuple[str, os.stat_result, tuple[PathPatterns, ...]]]:
        """Add the files of a folder; yield its subfolders with the patterns for them."""
        # Most files need no closer look, and there may be very many.
        look = bool(rules) or may_be_sample("", parent)
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                if is_leftover(name) or name == ORIGINALS_FOLDER:
                    self.found.leftovers.append(entry.path)
                continue
            if self.is_folder(entry):
                if (rules or excluded_by_default(name, None)) and self.left_out(
                    entry.path, None, rules
                ):
                    continue
                if self.recursive:
                    status = self.status(entry)
                    if status is not None:
                        real = self.real(entry)
                        # A link leads out of the folders of some patterns.
                        yield real, status, rules if real == entry.path else _above(rules, real)
            elif (lower := name.lower()).endswith(self.endings):
                self.file(entry, rules, look or "sample" in lower)

    def real(self, entry: os.DirEntry[str]) -> str:
        """Return the entry's real path; that of its folder is real already."""
        return os.path.realpath(entry.path) if entry.is_symlink() else entry.path

    def is_folder(self, entry: os.DirEntry[str]) -> bool:
        """Return whether it is a folder; false for a broken link or a loop of links."""
        try:
            return entry.is_dir()
        except OSError:
            return False

    def file(self, entry: os.DirEntry[str], rules: tuple[PathPatterns, ...], look: bool) -> None:
        status = self.status(entry)
        if status is None:
            return
        if not stat.S_ISREG(status.st_mode):
            self.problem(entry.path, "is not a regular file")
            return
        if look and self.left_out(entry.path, status.st_size, rules):
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


def _default(path: str, size: int | None) -> bool:
    parent, name = os.path.split(path)
    return excluded_by_default(name, size, os.path.basename(parent))


def _is_below(path: str, folder: str) -> bool:
    """Return whether a path is this folder or in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _above(rules: Iterable[PathPatterns], path: str) -> tuple[PathPatterns, ...]:
    return tuple(one for one in rules if _is_below(path, one.folder))


def _why(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
