"""Restoring kept originals, and finding those that are missing in the database."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from datetime import datetime, timezone

from vpo.config.models import Originals
from vpo.db.records import Kept, KeptOriginal
from vpo.db.store import Store
from vpo.errors import FileError
from vpo.execute import originals
from vpo.execute.folder import is_result, is_trusted
from vpo.execute.followers import followers, rename_followers
from vpo.run.recorder import DAY_SECONDS
from vpo.text import counted

log = logging.getLogger(__name__)
_NOT_KEPT = "its original is no longer kept"


def record_found_originals(store: Store, folders: Iterable[str], limits: Originals) -> list[str]:
    """Record kept originals that are missing in the database, which was lost or replaced.

    Searches these folders. Deletes those of films that were not replaced or are restored, and
    expired ones whose result is gone. Returns messages.
    """
    found = {item.key: item for folder in folders for item in originals.list_originals(folder)}
    unused = {key for key, item in found.items() if originals.delete_unused(item)}
    if unused:
        store.forget_kept(unused)
    lost = [found[key] for key in store.without_original(found) if key not in unused]
    recorded = [item for item in map(_kept, lost) if item is not None]
    if recorded:
        store.record_found(recorded)
    known = {item.kept_path for item in recorded}
    expired_lost = [
        item for item in lost if item.path not in known and _is_expired(item.path, limits)
    ]
    for item in expired_lost:
        originals.delete_original(item.path)
    messages = []
    if unused:
        text = counted(len(unused), "kept original")
        messages.append(f"deleted {text} of files that are unchanged")
    if recorded:
        messages.append(f"found {counted(len(recorded), 'kept original')} not in the database")
    if expired_lost:
        messages.append(
            f"deleted {counted(len(expired_lost), 'kept original')} of files that are gone"
        )
    return messages


def _kept(found: originals.StoredOriginal) -> KeptOriginal | None:
    try:
        status = os.lstat(found.path)
        result = found.result(os.path.dirname(os.path.dirname(found.path)))
        if result is None or not is_trusted(status, os.lstat(result)):
            return None
    except OSError:
        return None
    since = datetime.fromtimestamp(status.st_ctime, timezone.utc)
    path = found.original(result)
    return KeptOriginal(
        found.key, path, found.kind, found.path, status.st_size, result, found.stat, since
    )


def _is_expired(path: str, limits: Originals) -> bool:
    """Return whether a kept original is too old; its age counts from the change of its inode."""
    status = _status(path)
    return status is not None and time.time() - status.st_ctime > limits.days * DAY_SECONDS


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def restore_problem(item: KeptOriginal) -> str | None:
    """Return why a kept original cannot be restored; ``None`` if it can."""
    if _status(item.kept_path) is None:
        return _NOT_KEPT
    now = _status(item.result_path)
    if now is None:
        return "the file is no longer there"
    if not is_result(now, item.result_stat):
        return "the file has changed since; it is not restored"
    if item.path != item.result_path and _status(item.path) is not None:
        return f"{item.path} exists; move it away first"
    return None


def restore_original(store: Store, item: KeptOriginal) -> None:
    """Restore a kept original; raise ``FileError`` if that is impossible."""
    if not os.path.lexists(item.kept_path):
        raise FileError(_NOT_KEPT)
    # First, as a header edit that is rolled back leaves size, time and inode as they were.
    store.forget_file(item.result_path)
    # First, as an original that is still kept is found again after a kill, and one that is not
    # would be on record for ever.
    store.record_undone(item.outcome)
    renames = followers(item.result_path, item.path)
    try:
        originals.restore(item.kind, item.kept_path, item.path, item.result_path, item.result_stat)
    except BaseException:
        if os.path.lexists(item.kept_path):
            kept = Kept(item.kind, item.kept_path, item.size)
            store.record_kept(item.outcome, kept, item.result_path, item.result_stat)
        raise
    for warning in rename_followers(item.path, renames):
        log.warning("%s", warning, extra={"file": item.path})
    if (status := _status(item.path)) is not None:
        stat = status.st_size, status.st_mtime_ns, status.st_ino
        store.record_undone(item.outcome, stat)
