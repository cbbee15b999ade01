"""Apply the plan of one locked file: all of it or nothing."""

from __future__ import annotations

import os
from dataclasses import replace

from vpo.errors import PublishError, SpaceError
from vpo.execute.extraction import Extraction
from vpo.execute.follow_note import noted_followers
from vpo.execute.followers import followers, rename_followers
from vpo.execute.preconditions import (
    refuse_played,
    refuse_still_written,
    refuse_unchangeable,
    refuse_unwritable_folder,
)
from vpo.execute.space import FULL_ERRNOS
from vpo.execute.work import Applied, Work
from vpo.execute.writers.writer import Writer


def require_changeable(work: Work) -> None:
    """Raise an error for a file that may not be changed, or not now; ``BusyError`` for the last."""
    if work.plan.strategy == "extract":
        refuse_unwritable_folder(work.lock.path)
    else:
        refuse_unchangeable(work.lock.path, work.lock.status, work.options)
    refuse_still_written(work.lock, work.seen, work.options.min_age)
    refuse_played(work.lock.path, work.context)


def apply_plan(writer: Writer, work: Work) -> Applied:
    """Apply the plan with its writer; the file is unchanged if anything is raised.

    Raises ``BusyError`` for a file that must not be changed now.
    """
    require_changeable(work)
    try:
        renames = followers(work.lock.path, work.plan.after.path)
        with noted_followers(work.lock.path, work.plan.after.path, renames):
            with Extraction(work) as extraction:
                applied = writer.apply(replace(work, check=extraction.check))
                applied = extraction.complete(applied)
            warnings = rename_followers(work.lock.path, renames)
            return replace(applied, warnings=(*applied.warnings, *warnings))
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise SpaceError(
                "the file system is full; the file is unchanged; free some space and run again"
            ) from None
        which = f" of {os.fsdecode(error.filename)}" if error.filename else ""
        raise PublishError(
            f"reading the file or writing the result failed ({error.strerror}{which}); the file is "
            "unchanged; check the disk or the connection, and run again"
        ) from None
