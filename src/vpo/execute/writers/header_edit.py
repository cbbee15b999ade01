"""Header edits: in process, or in Matroska with mkvpropedit in a sparse copy of the file."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from vpo.errors import DamagedError, SourceChangedError
from vpo.execute import sparse_copy, undo_file
from vpo.execute.context import RunContext
from vpo.execute.copy import can_clone, copy_file
from vpo.execute.header_edits import (
    matroska_check,
    matroska_edit,
    mp4_boxes,
    mp4_check,
    mp4_edit,
)
from vpo.execute.header_edits.patch_set import PatchSet
from vpo.execute.in_place import CheckStructure, edit_in_place
from vpo.execute.rewrite import REMUX_FACTOR, rewrite
from vpo.execute.work import Applied, Work, Written
from vpo.execute.workspace import Workspace, tool_path
from vpo.execute.writers.writer import Writer
from vpo.media.containers import container
from vpo.plan.model import Plan
from vpo.probe import mp4
from vpo.probe.ebml import StructureError
from vpo.probe.integrity import is_complete
from vpo.probe.matroska import read_structure
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

    def __init__(self, plan: Plan, context: RunContext) -> None:
        super().__init__(plan, context)
        self._edit, self._obstacle = _looked_at(plan)
        if self._obstacle is not None:
            self.warnings = (by_tool(self._obstacle),)

    @property
    def refusal(self) -> str | None:
        """Why the header cannot be edited, not even with mkvpropedit; ``None`` if it can."""
        return None if _by_tool_too(self.plan, self.context.tools) else self._obstacle

    @property
    def needs_tool(self) -> bool:
        """Whether mkvpropedit makes the edit, as vpo itself cannot."""
        return self._edit is None

    @classmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:
        return plan.strategy == "header" and (_by_tool_too(plan, tools) or obstacle(plan) is None)

    def apply(self, work: Work) -> Applied:
        edit = self._edit
        if edit is None or not edit.patches.fits(work.lock.fd):
            edit, why_not = _looked_at_open(work.lock.fd, self.plan)
            if edit is None and not container(self.plan.before.container).matroska:
                raise SourceChangedError(f"its header cannot be edited: {why_not}; run again")
        if not ((edit and edit.complete) or is_complete(work.lock.path)):
            raise DamagedError("the file is cut off; it was left alone; get it again")
        if work.options.verify == "full" and _is_suspect(work):
            work.begin_proof().check_source()
        if edit is None:
            return self._apply_with_tool(work)
        return self._publish(work, edit.patches, edit.check)

    def _apply_with_tool(self, work: Work) -> Applied:
        ranges = undo_file.header_regions(work.lock.fd)
        if ranges is None:
            # The structure of the file is not understood: the tool edits a full copy.
            return rewrite(work, self._edit_copy, prove=True)
        heard = MkvmergeOutput(work.report)
        tool = partial(self._propedit, heard)
        edit = sparse_copy.edit_sparse_copy(work.lock.fd, ranges, work.folder, tool)
        applied = self._publish(work, edit)
        return replace(applied, warnings=(*_warnings(heard), *applied.warnings))

    def _publish(self, work: Work, edit: PatchSet, check: CheckStructure | None = None) -> Applied:
        options = work.options
        shared = work.linked and options.hardlinks == "edit"
        # Keeping the original of a clone keeps a whole file, that of an edit only an undo file.
        cheap = not shared and not options.keep_originals and can_clone(work.lock.fd, work.folder)
        if cheap or (work.linked and not shared):
            return rewrite(work, partial(_write_patched, edit), 0.0 if cheap else REMUX_FACTOR)
        return edit_in_place(work, edit, check)

    def _edit_copy(self, work: Work, workspace: Workspace) -> Written:
        copy_file(work.lock, workspace)
        heard = MkvmergeOutput(work.report)
        self._propedit(heard, tool_path(workspace.path, workspace.fd), workspace.fd)
        return Written(_warnings(heard))

    def _propedit(self, heard: MkvmergeOutput, path: str, fd: int) -> None:
        tools = self.context.tools
        argv = mkvpropedit.argv(tools.need("mkvpropedit"), self.plan, path)
        tools.run(Command(argv, ok=(0, 1), fds=(fd,)), heard)


class _Edit(NamedTuple):
    """The edit of a header, whether all of the file is there, and the check of it afterwards."""

    patches: PatchSet
    complete: bool
    check: CheckStructure


def by_tool(problem: str) -> str:
    """Return the warning about an edit that vpo leaves to mkvpropedit, and why."""
    return f"mkvpropedit edits the header, which vpo itself cannot: {problem}"


def _by_tool_too(plan: Plan, tools: Tools) -> bool:
    """Return whether mkvpropedit is there and could make the edit as well."""
    # The tool appends elements: what lies behind the end would become a part of the film.
    there = tools.mkvpropedit is not None and not plan.before.outside
    return there and mkvpropedit.can_edit(plan)


def obstacle(plan: Plan) -> str | None:
    """Return why vpo itself cannot edit the header of the plan's file; ``None`` if it can."""
    return _looked_at(plan)[1]


def _looked_at(plan: Plan) -> tuple[_Edit | None, str | None]:
    """Return the edit of the plan's file, or why vpo itself cannot make it."""
    try:
        fd = os.open(plan.before.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None, None  # which is told when the file is processed
    try:
        return _looked_at_open(fd, plan)
    finally:
        os.close(fd)


def _looked_at_open(fd: int, plan: Plan) -> tuple[_Edit | None, str | None]:
    try:
        if container(plan.before.container).mp4_family:
            boxes = mp4_boxes.read_mp4(fd)
            patches = mp4_edit.edit_boxes(fd, boxes, plan)
            check = partial(mp4_check.check_boxes, before=boxes)
            return _Edit(patches, mp4.is_whole(fd), check), None
        structure = read_structure(fd)
        patches = matroska_edit.edit(fd, structure, plan)
        check = partial(matroska_check.check, before=structure)
        return _Edit(patches, structure.complete, check), None
    except StructureError as error:
        return None, str(error)


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
