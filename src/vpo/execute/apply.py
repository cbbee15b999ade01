"""Apply the plan of one locked file: all of it or nothing."""

from __future__ import annotations

import os

from vpo.errors import BusyError, PublishError, SpaceError
from vpo.execute.options import RewriteOptions
from vpo.execute.preconditions import refuse_still_written, refuse_unwritable
from vpo.execute.space import FULL_ERRNOS
from vpo.execute.work import Applied, Work
from vpo.execute.writers import Writer


def apply_plan(writer: Writer, work: Work) -> Applied:
    """Apply the plan with its writer; the file is unchanged if anything is raised.

    Raises ``BusyError`` for a file that must not be changed now.
    """
    refuse_untouchable(work.lock.path, work.lock.status, work.options)
    refuse_still_written(work.lock, work.seen, work.options.min_age)
    try:
        return writer.apply(work)
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise SpaceError(
                "the file system is full; the file is unchanged; free some space and run again"
            ) from None
        raise PublishError(
            f"the result could not be written ({error.strerror}); the file is unchanged"
        ) from None


def refuse_untouchable(path: str, status: os.stat_result, options: RewriteOptions) -> None:
    """Raise an error for a file that may not be changed, in a run or a dry run.

    ``PublishError`` for a file that cannot be written, ``BusyError`` for one that the
    configuration excludes.
    """
    if status.st_nlink > 1 and options.hardlinks == "skip":
        raise BusyError('it has further hard links and [files] hardlinks is "skip"')
    refuse_unwritable(path, status)
