"""Header edits of Matroska files with mkvpropedit, in a sparse copy of the file."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from vpo.errors import DamagedError
from vpo.execute import sparse_copy, undo_file
from vpo.execute.copy import can_clone, copy_file
from vpo.execute.in_place import edit_in_place
from vpo.execute.rewrite import REMUX_FACTOR, rewrite
from vpo.execute.sparse_copy import PatchSet
from vpo.execute.work import Applied, Work, Written
from vpo.execute.workspace import Workspace, tool_path
from vpo.execute.writers.writer import Writer
from vpo.plan.model import Plan
from vpo.probe.integrity import is_complete
from vpo.probe.unwritten import is_unwritten
from vpo.tools import mkvpropedit
from vpo.tools.mkvmerge import MkvmergeOutput
from vpo.tools.process import Command
from vpo.tools.programs import Tools


class HeaderEdit(Writer):
    """Changes flags, titles and languages in the header, without rewriting packets.

    Edits in place, or in a copy where that costs nothing or the file has further hard links.
    """

    strategy = "header"

    @classmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:
        # What lies behind the end would become a part of the film: the tool appends elements.
        appendable = not plan.before.outside
        return plan.strategy == "header" and appendable and tools.mkvpropedit is not None

    def apply(self, work: Work) -> Applied:
        if not is_complete(work.lock.path):
            raise DamagedError("the file is cut off; it was left alone; get it again")
        if work.options.verify == "full" and _is_suspect(work):
            work.begin_proof().check_source()
        ranges = undo_file.header_regions(work.lock.fd)
        if ranges is None:
            # The structure of the file is not understood: the tool edits a full copy.
            return rewrite(work, self._edit_copy)
        heard = MkvmergeOutput(work.report)
        tool = partial(self._propedit, heard)
        edit = sparse_copy.edit_sparse_copy(work.lock.fd, ranges, work.folder, tool)
        applied = self._publish(work, edit)
        return replace(applied, warnings=(*_warnings(heard), *applied.warnings))

    def _publish(self, work: Work, edit: PatchSet) -> Applied:
        options = work.options
        shared = work.linked and options.hardlinks == "edit"
        # Keeping the original of a clone keeps a whole file, that of an edit only an undo file.
        cheap = not shared and not options.keep_originals and can_clone(work.lock.fd, work.folder)
        if cheap or (work.linked and not shared):
            return rewrite(work, partial(_write_patched, edit), 0.0 if cheap else REMUX_FACTOR)
        return edit_in_place(work, edit)

    def _edit_copy(self, work: Work, workspace: Workspace) -> Written:
        copy_file(work.lock, workspace)
        heard = MkvmergeOutput(work.report)
        self._propedit(heard, tool_path(workspace.path, workspace.fd), workspace.fd)
        return Written(_warnings(heard))

    def _propedit(self, heard: MkvmergeOutput, path: str, fd: int) -> None:
        tools = self.context.tools
        argv = mkvpropedit.argv(tools.need("mkvpropedit"), self.plan, path)
        tools.run(Command(argv, ok=(0, 1), fds=(fd,)), heard)


def _is_suspect(work: Work) -> bool:
    """Return whether the file may not have been written as a whole yet.

    An edit of the header moves no packet, but a download that still writes would undo it.
    """
    age = time.time() - work.lock.status.st_ctime
    return age < work.options.fresh or is_unwritten(work.lock.fd)


def _warnings(heard: MkvmergeOutput) -> tuple[str, ...]:
    return tuple(f"mkvpropedit: {line}" for line in heard.warnings)


def _write_patched(edit: PatchSet, work: Work, workspace: Workspace) -> Written:
    """Write a copy of the file with the patches applied."""
    copy_file(work.lock, workspace)
    edit.apply(workspace.fd)
    return Written()
