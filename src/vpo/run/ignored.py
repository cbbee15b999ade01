"""Files that ``vpo ignore`` leaves alone: by path, and under other names by their content."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from vpo.db.records import Ignored
from vpo.db.store import Store
from vpo.discover import Candidate, Discovery
from vpo.errors import UsageError

_REASON = "it is to be left alone; vpo ignore --remove ends that"


def leave_ignored(found: Discovery, store: Store, named: Sequence[str]) -> None:
    """Take the ignored files out of the candidates; those that were named are refused."""
    ignored = store.ignored()
    if not ignored:
        return
    left = ignored_paths(found.candidates, ignored)
    given = {os.path.realpath(path) for path in named if path and "\0" not in path}
    found.refused += [(path, _REASON) for path in sorted(left & given)]
    found.excluded += len(left - given)
    found.candidates = [item for item in found.candidates if item.path not in left]


def ignored_paths(candidates: Iterable[Candidate], ignored: Sequence[Ignored]) -> set[str]:
    """Return the paths of the candidates that are ignored.

    Only a file of the size of an ignored one is opened.
    """
    paths = {item.path for item in ignored}
    contents: dict[int, set[str]] = {}
    for item in ignored:
        contents.setdefault(item.size, set()).add(item.content)
    return {
        item.path
        for item in candidates
        if item.path in paths or _has_content(item, contents.get(item.size))
    }


def _has_content(item: Candidate, contents: set[str] | None) -> bool:
    if not contents:
        return False
    from vpo.probe.content_key import content_key  # imported late: few files need it

    try:
        return content_key(item.path) in contents
    except OSError:
        return False


def ignore_file(store: Store, name: str) -> str:
    """Record that a file is left alone; return its path. Raises ``UsageError`` for no file."""
    from vpo.probe.content_key import content_key

    path = os.path.realpath(name)
    if not os.path.isfile(path):
        raise UsageError(f"{name} is not a file; name files, or exclude a folder with .vpoignore")
    store.ignore(path, os.stat(path).st_size, content_key(path))
    return path


def stop_ignoring(store: Store, name: str) -> str:
    """Record that a file is no longer left alone; raise ``UsageError`` if it was not."""
    from vpo.probe.content_key import content_key

    path = os.path.realpath(name)
    try:
        content = content_key(path)
    except OSError:  # it may be gone
        content = None
    if not store.stop_ignoring(path, content):
        raise UsageError(f"{name} is not ignored; vpo ignore --list shows what is")
    return path
