"""A header edit of an MP4 or QuickTime file: the plan and the open file give its patches."""

from __future__ import annotations

from vpo.execute.header_edits.mp4_boxes import Mp4Structure
from vpo.execute.header_edits.mp4_header import Mp4Header
from vpo.execute.header_edits.mp4_layout import balanced, placed, refuse_samples
from vpo.execute.header_edits.patch_set import PatchSet, patch_set
from vpo.plan.model import Plan


def edit_boxes(fd: int, structure: Mp4Structure, plan: Plan) -> PatchSet:
    """Return the patches that make the plan's changes in the open file of this structure.

    Raises ``StructureError`` for a file in which that would not be safe, or has no room.
    """
    movie = Mp4Header(fd, structure, plan).edited()
    new = placed(fd, structure, balanced(structure.movie, movie))
    edit = patch_set(fd, new.writes, new.length)
    ranges = [(p.offset, p.offset + max(len(p.old), len(p.new))) for p in edit.patches]
    refuse_samples(fd, structure.movie, ranges)
    return edit
