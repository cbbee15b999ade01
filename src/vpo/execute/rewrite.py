"""Write a new file, verify it, and replace the original with it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from vpo.db.records import Kept
from vpo.errors import SavingsError, SpaceError, ToolError, VerifyError
from vpo.execute import originals, publish
from vpo.execute.copy import copy_result
from vpo.execute.folder import Folder, mount_of
from vpo.execute.full_proof import ProofFacts
from vpo.execute.lock import FileLock
from vpo.execute.preconditions import wait_until_unplayed
from vpo.execute.proof import verify
from vpo.execute.space import can_grow_to, is_full, too_large
from vpo.execute.undecodable import refuse_undecodable
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
    lock, began = work.lock, time.monotonic()
    with (
        Workspace(work.folder, lock.status.st_mode) as workspace,
        _beside_original(work, workspace) as final,
    ):
        size = int(lock.status.st_size * factor) + _SLACK
        with _reserved(work, workspace, final, size):
            # The source is read while the tool works, and not for a result that has no space.
            work = work.with_proof() if prove else work
            proof = work.proof
            written, found, facts = _written(work, write, workspace)
            work.check(found)
            if final is not workspace:
                publish.check_result(workspace)
                copy_result(workspace, final, lambda: work.context.cancelled)
            warnings = (*written.warnings, *publish.copy_attributes(lock, final.fd))
            warnings += tuple(publish.set_times(final.fd, lock.status, work.timestamp))
            damage = proof.damage if proof is not None else None
            warnings = (*warnings, *(proof.warnings if proof is not None else ()))
            # As long as it took to write: then at most half of the time is lost.
            wait_until_unplayed(lock.path, work.context, time.monotonic() - began)
            # Before, as what fails afterwards would call a changed file unchanged.
            status = os.fstat(final.fd)
            kept = _publish(work, final, keep=damage is not None)
    if lock.beside:
        publish.set_times_again(work.plan.after.path, status)
    media = as_published(found, work.plan.after.path, status)
    if damage is not None:
        warnings = (*warnings, f"salvaged: {damage}; what cannot be read is missing")
    content = proof.result if proof is not None else None
    return Applied(media, warnings, kept, written.encoded, facts, work.linked, content)


@contextlib.contextmanager
def _beside_original(work: Work, workspace: Workspace) -> Iterator[Workspace]:
    """Yield the temporary file that is renamed over the original.

    It is another one, next to the original, where the first is on another file system.
    """
    if _can_rename(workspace, work.lock):
        yield workspace
        return
    with Workspace(os.path.dirname(work.lock.path), work.lock.status.st_mode) as final:
        yield final


def _can_rename(workspace: Workspace, lock: FileLock) -> bool:
    """Return whether the temporary file and the original are in one mount of a file system."""
    if os.fstat(workspace.fd).st_dev != lock.status.st_dev:
        return False
    with Folder(os.path.dirname(lock.path)) as folder:
        return mount_of(workspace.place.fd) == mount_of(folder.fd)


@contextlib.contextmanager
def _reserved(work: Work, workspace: Workspace, final: Workspace, size: int) -> Iterator[None]:
    """Reserve space for the temporary files, which may be on two file systems."""
    for one in (workspace, final):
        if _only_grows(work) and not can_grow_to(one.fd, work.lock.status.st_size + _SLACK):
            raise too_large(one.folder)
    space, keep_free = work.context.space, work.options.keep_free
    if final is workspace:
        with space.reserve(workspace.path, size, keep_free):
            yield
    elif os.fstat(final.fd).st_dev == os.fstat(workspace.fd).st_dev:
        # In one: a second reservation would wait for the first.
        with space.reserve(workspace.path, 2 * size, keep_free):
            yield
    else:
        with (
            space.reserve(workspace.path, size, keep_free),
            space.reserve(final.path, size, keep_free),
        ):
            yield


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
            refuse_undecodable(work)
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
