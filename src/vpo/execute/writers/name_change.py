"""Another name for a file whose content stays."""

from __future__ import annotations

import os
from dataclasses import replace

from vpo.errors import FileError
from vpo.execute import originals, publish, undo_file
from vpo.execute.work import Applied, Work, as_published
from vpo.execute.writers.writer import Writer
from vpo.plan.model import Plan
from vpo.tools.programs import Tools


class NameChange(Writer):
    """Renames a file; nothing of it is read or written.

    What is kept for ``vpo undo`` is an undo file of an edit that changed nothing: a second name of
    the film would be a hard link, which other programs see.
    """

    strategy = "rename"

    @classmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:  # noqa: ARG003
        return plan.strategy == "rename"

    def apply(self, work: Work) -> Applied:
        lock, path = work.lock, work.plan.after.path
        work.check(work.plan.after)
        publish.rename_original(lock, path)
        applied = Applied(as_published(work.plan.after, path, os.fstat(lock.fd)))
        if not work.options.keep_originals:
            return applied
        try:
            saved = undo_file.save(path, lock.fd, (), lock.status.st_size, work.options.keep_free)
            kept = originals.keep_header(saved, lock, work.key, os.fstat(lock.fd))
        except FileError as error:
            return replace(applied, warnings=(f"vpo undo cannot undo the new name: {error}",))
        return replace(applied, kept=kept)
