"""Write a new file, verify it, and replace the original with it."""

from __future__ import annotations

import os
from collections.abc import Callable

from vpo.db.records import Kept
from vpo.errors import SavingsError, SpaceError, ToolError, VerifyError
from vpo.execute import originals, publish
from vpo.execute.full_proof import ProofFacts
from vpo.execute.proof import verify
from vpo.execute.space import can_grow_to, is_full, too_large
from vpo.execute.work import Applied, Work, Written, as_published
from vpo.execute.workspace import Workspace
from vpo.media.model import MediaFile

_SLACK = 1 << 20
REMUX_FACTOR = 1.05
"""The free space that a copy needs, as a multiple of the size of the source."""

Write = Callable[[Work, Workspace], Written]


def rewrite(work: Work, write: Write, factor: float = REMUX_FACTOR, prove: bool = False) -> Applied:
    """Write a new file, verify it, and replace the original with it.

    ``prove``: the packets are written again, and have to be proven.
    """
    lock = work.lock
    with Workspace(work.folder, lock.status.st_mode) as workspace:
        if _only_grows(work) and not can_grow_to(workspace.fd, lock.status.st_size + _SLACK):
            raise too_large(workspace.folder)
        size = int(lock.status.st_size * factor) + _SLACK
        with work.context.space.reserve(workspace.path, size, work.options.keep_free):
            # The source is read while the tool works, and not for a result that has no space.
            work = work.with_proof() if prove else work
            proof = work.proof
            written, found, facts = _written(work, write, workspace)
            work.check(found)
            warnings = (*written.warnings, *publish.copy_attributes(lock, workspace.fd))
            warnings += tuple(publish.set_times(workspace.fd, lock.status, work.timestamp))
            damage = proof.damage if proof is not None else None
            warnings = (*warnings, *(proof.warnings if proof is not None else ()))
            # Before, as what fails afterwards would call a changed file unchanged.
            status = os.fstat(workspace.fd)
            kept = _publish(work, workspace, keep=damage is not None)
    media = as_published(found, work.plan.after.path, status)
    if damage is not None:
        warnings = (*warnings, f"salvaged: {damage}; what cannot be read is missing")
    content = proof.result if proof is not None else None
    return Applied(media, warnings, kept, written.encoded, facts, work.linked, content)


def _only_grows(work: Work) -> bool:
    """Return whether the result can hardly be smaller than the source."""
    plan = work.plan
    return not plan.video_encodes and len(plan.after.tracks) >= len(plan.before.tracks)


def _written(
    work: Work, write: Write, workspace: Workspace
) -> tuple[Written, MediaFile, ProofFacts | None]:
    """Return what was written, and the proven result.

    A failure may have a better reason: the file system is asked whether it is full, and the proof
    whether the source is damaged.
    """
    written, proof = Written(), work.proof
    try:
        written = write(work, workspace)
        if proof is not None:
            return written, *proof.prove(workspace.path)
        return written, verify(work.plan, workspace.path, work.context.prober, None), None
    except SavingsError:
        if proof is not None:
            proof.check_source()  # a damaged file would be said to be not worth encoding
        raise
    except (ToolError, VerifyError) as error:
        if is_full(workspace.fd):
            raise SpaceError(
                f"the file system of {workspace.folder} is full; free some space and run again"
            ) from None
        if not can_grow_to(workspace.fd, os.fstat(workspace.fd).st_size + _SLACK):
            raise too_large(workspace.folder) from None
        if proof is not None:
            proof.check_source()
        if written.warnings and isinstance(error, VerifyError):
            raise VerifyError(f"{error} (warnings: {'; '.join(written.warnings)})") from None
        raise


def _publish(work: Work, workspace: Workspace, keep: bool) -> Kept | None:
    publish.check_ready(work.lock, workspace)
    kept = None
    if keep or work.options.keep_originals:
        kept = originals.keep_file(
            work.lock, work.key, os.fstat(workspace.fd), work.options.keep_free
        )
    try:
        publish.replace_original(work.lock, workspace, work.plan.after.path)
    except BaseException:
        if kept is not None:
            originals.give_up(kept, work.lock, work.plan.after.path)
        raise
    return kept
