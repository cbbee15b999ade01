"""What is known of one file for its page and the API, without opening it where that is avoidable.

Only a file in the folder of a library is looked at on the disk; of others, there is what the
database has.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from vpo.config.models import ConfiguredLibrary
from vpo.db.file_details import FileDetail, FileDetails
from vpo.db.queue import FileQueue, QueueItem
from vpo.db.records import KeptOriginal
from vpo.discover import Candidate
from vpo.probe.health import Health, health_from_json
from vpo.run.ignored import ignored_paths
from vpo.run.restore import restore_problem
from vpo.serve.context import ServeContext
from vpo.serve.library_paths import library_file


class FileView(NamedTuple):
    """A file for people: ``library`` is ``None`` if it may not be opened, or is not there.

    ``kept`` is the original that can be restored, ``kept_problem`` why it cannot.
    """

    path: str
    detail: FileDetail
    library: ConfiguredLibrary | None
    health: Health | None
    ignored: bool
    kept: KeptOriginal | None
    kept_problem: str | None
    queued: QueueItem | None

    @property
    def has_both_pictures(self) -> bool:
        """Whether there is a picture of the original to compare with: it was kept as a whole."""
        return (
            self.kept is not None
            and self.kept.kind == "file"
            and self.kept.result_path == self.path
            and self.kept_problem is None
        )


def file_view(context: ServeContext, path: str) -> FileView | None:
    """Return what is known of the file at a path; ``None`` if nothing is."""
    if "\0" in path:
        return None
    found = library_file(context.settings, path)
    if found is not None:
        path = found.path
    detail = FileDetails(context.pool).at(path)
    if detail is None:
        if found is None:
            return None
        detail = FileDetail(None, path, None, None, None, (), None, ())
    kept = next(iter(context.store.kept(path=path)), None) if found else None
    return FileView(
        path,
        detail,
        found.library if found else None,
        health_from_json(detail.health.health) if detail.health else None,
        _is_ignored(context, path, found is not None),
        kept,
        restore_problem(kept) if kept else None,
        FileQueue(context.pool).at(path),
    )


def _is_ignored(context: ServeContext, path: str, may_open: bool) -> bool:
    ignored = context.store.ignored()
    if not may_open:
        return any(item.path == path for item in ignored)
    try:
        status = os.stat(path)
    except OSError:
        return False
    item = Candidate(path, status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)
    return bool(ignored_paths([item], ignored))
