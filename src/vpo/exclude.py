"""Which names a search leaves out: fixed defaults, and the user's patterns in gitignore's syntax.

The defaults are matched without the library for the patterns, which is imported where somebody has
written some.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".vpoignore"
"""The file with patterns for its folder and everything below."""
SAMPLE_BYTES = 300_000_000
"""A file with ``sample`` in its name is left out if it is smaller."""
_FOLDERS = re.compile(
    r"@eadir|#recycle|\.trash.*|.*\.trickplay|lost\+found|.*\.(?:part|!qb|crdownload|partial~)",
    re.DOTALL,
)
_SAMPLE_FOLDERS = ("sample", "samples")


class PathPatterns(NamedTuple):
    """The patterns of one place; they hold for paths in ``folder``."""

    folder: str
    spec: GitIgnoreSpec
    source: str

    def excludes(self, path: str, is_folder: bool) -> bool | None:
        """Return whether a path is left out; ``None`` if no pattern speaks of it."""
        inner = path[len(self.folder) :].lstrip(os.sep)
        return self.spec.check_file(inner + os.sep if is_folder else inner).include


def path_patterns(lines: Iterable[str], folder: str, source: str) -> PathPatterns:
    """Return the rules of these patterns; raise ``ValueError`` that names a wrong one."""
    from pathspec import GitIgnoreSpec

    listed = list(lines)
    try:
        return PathPatterns(folder, GitIgnoreSpec.from_lines(listed), source)
    except ValueError:
        for number, line in enumerate(listed, 1):
            try:
                GitIgnoreSpec.from_lines([line])
            except ValueError:
                raise ValueError(f"line {number}: {line!r} is not a pattern of gitignore") from None
        raise


def checked_pattern(text: str) -> str:
    """Return the pattern; raise ``ValueError`` if it is none, or would exclude nothing."""
    if text.startswith("#"):
        raise ValueError(f'"{text}" is a comment in gitignore\'s syntax; write "\\{text}"')
    try:
        path_patterns([text], "", "")
    except ValueError:
        raise ValueError(f'"{text}" is not a pattern of gitignore') from None
    return text


def rules_in(folder: str) -> PathPatterns | None:
    """Return the rules of a folder's ``.vpoignore``, if there is one.

    Raises ``OSError`` or ``ValueError`` if it cannot be read.
    """
    path = os.path.join(folder, IGNORE_FILE)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return path_patterns(file.read().splitlines(), folder, path)
    except FileNotFoundError:
        return None


def excluded_by_default(name: str, size: int | None, parent: str = "") -> bool:
    """Return whether a name is left out unless a pattern takes it back.

    ``size`` in bytes is that of a file, ``None`` for a folder; ``parent`` is the name of a file's
    folder.
    """
    lower = name.lower()
    if size is None:
        return _FOLDERS.fullmatch(lower) is not None
    return size < SAMPLE_BYTES and may_be_sample(lower, parent)


def may_be_sample(lower: str, parent: str) -> bool:
    """Return whether a name in lower case is that of a sample, unless the file is large."""
    return "sample" in lower or parent.lower() in _SAMPLE_FOLDERS


def decision(
    rules: Sequence[PathPatterns], path: str, is_folder: bool, default: Callable[[], bool]
) -> str | None:
    """Return what leaves a path out, ``None`` if nothing does; later rules win."""
    for one in reversed(rules):
        found = one.excludes(path, is_folder)
        if found is not None:
            return one.source if found else None
    return "a default" if default() else None
