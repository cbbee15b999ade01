"""The argv of mkvpropedit for a plan that only edits track headers."""

from __future__ import annotations

from vpo.media.containers import container
from vpo.media.model import Track
from vpo.plan.model import Change, Plan
from vpo.policy.change_kind import ChangeKind

FLAGS = {
    "default": "flag-default",
    "forced": "flag-forced",
    "comment": "flag-commentary",
    "original": "flag-original",
    "hearing_impaired": "flag-hearing-impaired",
    "visual_impaired": "flag-visual-impaired",
}


def can_edit(plan: Plan) -> bool:
    """Return whether the tool can make all changes; tags would need a file of XML."""
    matroska = container(plan.before.container).matroska
    return matroska and all(change.kind is not ChangeKind.TAG for change in plan.changes)


def argv(program: str, plan: Plan, path: str) -> list[str]:
    """Return the command that edits the file at ``path`` in place.

    mkvpropedit counts tracks from 1, in the order of the TrackEntry elements.
    """
    command = [program, "--gui-mode"]
    tracks = {track.index: track for track in plan.before.tracks}
    edits = [change for change in plan.changes if change.kind is not ChangeKind.SIDECAR]
    for index in dict.fromkeys(change.track for change in edits):
        if index is None:
            continue
        command += ["--edit", f"track:{_number(tracks[index])}"]
        for change in edits:
            if change.track == index:
                command += _edit(change)
    return [*command, path]


def restored_fields(plan: Plan) -> list[str]:
    """Return the edits that mark interlaced video as such, which mkvmerge drops."""
    edits: list[str] = []
    for number, track in enumerate(plan.after.tracks, 1):
        if track.field_order is not None:
            edits += ["--edit", f"track:{number}", "--set", "interlaced=1"]
    return edits


def finishing_argv(program: str, path: str, edits: list[str], statistics: bool) -> list[str]:
    """Return the command that edits a file that another tool wrote.

    With ``statistics``, each track gets true statistics tags (BPS, NUMBER_OF_BYTES, …).
    """
    tags = ["--add-track-statistics-tags"] if statistics else []
    return [program, "--gui-mode", path, *edits, *tags]


def _number(track: Track) -> int:
    if track.matroska_id is None:
        raise ValueError(f"{track} has no number in a Matroska file")
    return track.matroska_id + 1


def _edit(change: Change) -> list[str]:
    if change.kind is ChangeKind.TITLE:
        return ["--set", f"name={change.after}"] if change.after else ["--delete", "name"]
    if change.kind is ChangeKind.LANGUAGE:
        return ["--set", f"language={change.after or 'und'}"]
    if change.fact.name == "dub":
        # Matroska has one flag for both: FlagOriginal, where 0 is a dub.
        return ["--set", f"flag-original={int(not change.after)}"]
    return ["--set", f"{FLAGS[change.fact.name]}={int(bool(change.after))}"]
