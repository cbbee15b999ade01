"""May this file be changed at all? Asked before the work, and by a dry run that promises it."""

from __future__ import annotations

import os
import stat

from vpo.errors import PublishError


def refuse_unwritable(path: str, status: os.stat_result) -> None:
    """``PublishError`` for a file that is not to be written, or not by this user."""
    if not stat.S_IMODE(status.st_mode) & 0o222:
        raise PublishError("the file is read-only; make it writable (chmod u+w) to have it changed")
    if not _may(path, os.W_OK):
        # A new file could take its place where only the folder is writable, and lose its owner.
        raise PublishError("you may not write to the file; have its owner or mode changed first")
    folder = os.path.dirname(path)
    if not _may(folder, os.W_OK | os.X_OK):
        raise PublishError(
            f"you may not write to its folder {folder}, where the new file has to be made; "
            "have the folder's owner or mode changed first"
        )


def _may(path: str, how: int) -> bool:
    ids = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.access(path or ".", how, **ids)
