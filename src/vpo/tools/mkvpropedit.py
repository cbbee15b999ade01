"""The argv of mkvpropedit for a plan that only edits track headers."""

from __future__ import annotations

from collections.abc import Mapping

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


def argv(program: str, plan: Plan, path: str) -> list[str]:
    """Return the command that edits the file at ``path`` in place.

    mkvpropedit counts tracks from 1, in the order of the TrackEntry elements.
    """
    command = [program, "--gui-mode"]
    tracks = {track.index: track for track in plan.before.tracks}
    for index in dict.fromkeys(change.track for change in plan.changes):
        if index is None:
            continue
        command += ["--edit", f"track:{_number(tracks[index])}"]
        for change in plan.changes:
            if change.track == index:
                command += _edit(change)
    return [*command, path]


def statistics_argv(program: str, path: str) -> list[str]:
    """Return the command that gives each track true statistics tags (BPS, NUMBER_OF_BYTES, …)."""
    return [program, "--gui-mode", path, "--add-track-statistics-tags"]


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


def interlaced_argv(program: str, path: str, orders: Mapping[int, str]) -> list[str]:
    """Return the command that marks video as interlaced, with the order of its fields.

    ``orders`` are those of ``Track.field_order``, by the position of the track in the file.
    """
    command = [program, path]
    for position, order in orders.items():
        command += ["--edit", f"track:{position + 1}", "--set", "interlaced=1"]
        command += ["--set", f"field-order={_FIELD_ORDERS[order]}"]
    return command


_FIELD_ORDERS = {"tt": 1, "bb": 6, "tb": 9, "bt": 14}
"""Matroska's numbers of the orders of fields."""
