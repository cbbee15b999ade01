"""Languages with a region or a script in Matroska that ffmpeg wrote, which it cannot write."""

from __future__ import annotations

from dataclasses import replace

from vpo.errors import VerifyError
from vpo.execute.header_edits import matroska_edit
from vpo.plan.model import Change, Plan
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.desired_state import Reason
from vpo.probe.ebml import StructureError
from vpo.probe.matroska import read_structure


def write_languages(fd: int, plan: Plan) -> None:
    """Write such languages of the plan's result into the open file; ``VerifyError`` if it cannot.

    ffmpeg has written the tracks in the order of the plan, with three letters for each language.
    """
    tracks = tuple(
        replace(track, index=number, matroska_id=number)
        for number, track in enumerate(plan.after.tracks)
    )
    changes = tuple(
        Change(Fact(ChangeKind.LANGUAGE, track.index), None, track.language, Reason("", "", ""))
        for track in tracks
        if "-" in (track.language or "")
    )
    if not changes:
        return
    written = replace(plan.after, tracks=tracks)
    try:
        edit = matroska_edit.edit(fd, read_structure(fd), Plan(written, written, changes))
    except StructureError as error:
        raise VerifyError(f"the regions of its languages cannot be written: {error}") from None
    edit.apply(fd)
