"""Write a new file, verify it, and replace the original with it."""

from __future__ import annotations

import os
from collections.abc import Callable

from vpo.errors import SpaceError, ToolError, VerifyError
from vpo.execute import originals, publish
from vpo.execute.originals import Kept
from vpo.execute.proof import verify
from vpo.execute.space import is_full
from vpo.execute.work import Applied, Work, Written, as_published
from vpo.execute.workspace import Workspace
from vpo.media.model import MediaFile
from vpo.probe.service import PendingEndTimes

_SLACK = 1 << 20
REMUX_FACTOR = 1.05
"""The free space that a copy needs, as a multiple of the size of the source."""

Write = Callable[[Work, Workspace], Written]


def rewrite(
    work: Work, write: Write, factor: float = REMUX_FACTOR, ends: PendingEndTimes | None = None
) -> Applied:
    """Write a new file, verify it, and replace the original with it.

    ``factor`` is the expected size as a multiple of the source's; ``ends`` are the end times of the
    source's tracks, where the packets are written again.
    """
    lock = work.lock
    with Workspace(work.folder, lock.status.st_mode) as workspace:
        size = int(lock.status.st_size * factor) + _SLACK
        with work.context.space.reserve(workspace.path, size, work.options.keep_free):
            written, found = _written(work, write, workspace, ends)
            work.check(found)
            warnings = (*written.warnings, *publish.copy_attributes(lock, workspace.fd))
            publish.set_times(workspace.fd, lock.status, work.timestamp)
            kept = _publish(work, workspace)
        status = os.fstat(workspace.fd)
    media = as_published(found, work.plan.after.path, status)
    return Applied(media, warnings, kept, written.encoded)


def _written(
    work: Work, write: Write, workspace: Workspace, ends: PendingEndTimes | None
) -> tuple[Written, MediaFile]:
    """Write the result and return it verified.

    Whether the file system is full is tested, not read from a tool's message.
    """
    plan = work.plan
    try:
        written = write(work, workspace)
        encoded = plan.video_encodes.keys()
        return written, verify(plan, workspace.path, work.context.prober, ends, encoded)
    except (ToolError, VerifyError):
        if is_full(workspace.fd):
            raise SpaceError(
                f"the file system of {workspace.folder} is full; free some space and run again"
            ) from None
        raise


def _publish(work: Work, workspace: Workspace) -> Kept | None:
    publish.check_ready(work.lock, workspace)
    kept = None
    if work.options.keep_originals:
        kept = originals.keep_file(work.lock.path, work.key, os.fstat(workspace.fd))
    try:
        publish.replace_original(work.lock, workspace, work.plan.after.path)
    except BaseException:
        if kept is not None:
            originals.delete_original(kept.path)
        raise
    return kept
