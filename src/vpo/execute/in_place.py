"""Edit the header in the file itself, with an undo file, and roll back if anything fails."""

from __future__ import annotations

import os
from collections.abc import Callable

from vpo.db.records import Kept
from vpo.errors import PublishError, SourceChangedError
from vpo.execute import originals, publish, undo_file
from vpo.execute.folder import Folder
from vpo.execute.header_edits.patch_set import PatchSet
from vpo.execute.lock import FileLock
from vpo.execute.proof import verify_headers
from vpo.execute.work import Applied, Work, as_published

CheckStructure = Callable[[int], None]
"""Raises ``VerifyError`` if the structure of the edited open file is not sound."""


def edit_in_place(work: Work, edit: PatchSet, check: CheckStructure | None = None) -> Applied:
    """Apply the patches to the locked file; the file is unchanged if anything is raised."""
    lock = work.lock
    fd = os.open(lock.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        # From here on ``fd`` is the locked file, even if the path is replaced.
        lock.check()
        if not os.path.samestat(os.fstat(fd), lock.status):
            raise SourceChangedError("the file was replaced during processing; nothing was done")
        free = work.options.keep_free
        saved = undo_file.save(lock.path, lock.fd, edit.patches, edit.length, free)
        try:
            edit.apply(fd)
            if check is not None:
                check(fd)
            found = verify_headers(work.plan, lock.path, work.context.prober)
            work.check(found)
            warnings = publish.set_times(fd, lock.status, work.timestamp)
            os.fsync(fd)
            path = work.plan.after.path
            publish.rename_original(lock, path)
            status = os.fstat(fd)
            kept = _finish(saved, work, lock)
        except BaseException:
            if os.path.lexists(saved):  # otherwise the edit was complete
                _roll_back(saved, fd)
            raise
        return Applied(as_published(found, path, status), tuple(warnings), kept)
    finally:
        os.close(fd)


def _finish(saved: str, work: Work, lock: FileLock) -> Kept | None:
    """Keep the undo file of the verified edit as the original, or remove it."""
    if work.options.keep_originals:
        return originals.keep_header(saved, lock, work.key, os.fstat(lock.fd))
    _remove(saved)
    return None


def _remove(saved: str) -> None:
    """Remove the undo file for good: after a power cut it would roll the edit back."""
    with Folder(os.path.dirname(saved)) as folder:
        folder.unlink(os.path.basename(saved))
        folder.sync()


def _roll_back(saved: str, fd: int) -> None:
    """Roll back the edit, then remove its undo file."""
    try:
        with Folder(os.path.dirname(saved)) as folder:
            if not undo_file.roll_back(folder, os.path.basename(saved), fd):
                raise PublishError("the file was changed by another program during the edit")
        _remove(saved)
    except OSError as error:
        raise PublishError(
            f"the header edit could not be rolled back ({error.strerror}); "
            f"the next run does that from {saved}"
        ) from None
