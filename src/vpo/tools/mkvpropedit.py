"""The argv of mkvpropedit for a plan that only edits track headers."""

from __future__ import annotations

from vpo.media.model import Track
from vpo.plan.evaluate import Change, Plan

FLAGS = {
    "default": "flag-default",
    "forced": "flag-forced",
    "comment": "flag-commentary",
    "original": "flag-original",
    "hearing_impaired": "flag-hearing-impaired",
    "visual_impaired": "flag-visual-impaired",
}


def argv(program: str, plan: Plan, path: str) -> list[str]:
    """Edit the file at ``path`` in place.

    Tracks are named by their place among the TrackEntry elements, counted from 1.
    """
    command = [program]
    tracks = {track.index: track for track in plan.before.tracks}
    for index in dict.fromkeys(change.track for change in plan.changes):
        if index is None:
            continue
        command += ["--edit", f"track:{_number(tracks[index])}"]
        for change in plan.changes:
            if change.track == index:
                command += _edit(change)
    return [*command, path]


def _number(track: Track) -> int:
    if track.matroska_id is None:
        raise ValueError(f"{track} has no place in a Matroska file")
    return track.matroska_id + 1


def _edit(change: Change) -> list[str]:
    if change.kind == "title":
        return ["--set", f"name={change.after}"] if change.after else ["--delete", "name"]
    if change.kind == "language":
        return ["--set", f"language={change.after or 'und'}"]
    if change.kind == "dub":
        # Matroska has one flag for both: FlagOriginal, where 0 is a dub.
        return ["--set", f"flag-original={int(not change.after)}"]
    return ["--set", f"{FLAGS[change.kind]}={int(bool(change.after))}"]
