"""The argv of mkvmerge: of a plan that remuxes a Matroska file, of a video alone; its output."""

from __future__ import annotations

import re
from collections.abc import Callable

from vpo.media.containers import container
from vpo.media.model import Track
from vpo.plan.model import Plan
from vpo.tools.process import Listener

_SELECT = {
    "video": ("--video-tracks", "--no-video"),
    "audio": ("--audio-tracks", "--no-audio"),
    "subtitle": ("--subtitle-tracks", "--no-subtitles"),
}
_FLAGS = {
    "default": "--default-track-flag",
    "forced": "--forced-display-flag",
    "comment": "--commentary-flag",
    "original": "--original-flag",
    "hearing_impaired": "--hearing-impaired-flag",
    "visual_impaired": "--visual-impaired-flag",
}
_EXPLICIT = ("default", "forced")


def argv(program: str, plan: Plan, source: str, output: str) -> list[str]:
    """Return the command that writes ``output`` from ``source``, with mkvmerge's track ids."""
    command = [program, "--gui-mode", "--output", output]
    command += container(plan.after.container).mkvmerge_options
    if not any(t.language_ietf or "-" in (t.language or "") for t in plan.before.tracks):
        # Languages stay as they are: mkvmerge would add the newer element to each track. A region
        # it writes in that one only.
        command.append("--disable-language-ietf")
    command += _selection(plan)
    before = {track.index: track for track in plan.before.tracks}
    for track in plan.after.tracks:
        command += _properties(before[track.index], track)
    command += ["(", source, ")"]
    order = ",".join(f"0:{_id(track)}" for track in plan.after.tracks)
    return [*command, "--track-order", order]


def video_argv(program: str, source: str, output: str) -> list[str]:
    """Return the command that writes the video of a source, and nothing else."""
    nothing_else = ["--no-audio", "--no-subtitles", "--no-global-tags", "--no-chapters"]
    command = [program, "--gui-mode", "--output", output, "--disable-track-statistics-tags"]
    return [*command, *nothing_else, "(", source, ")"]


def _id(track: Track) -> int:
    if track.matroska_id is None:
        raise ValueError(f"{track} has no mkvmerge id")
    return track.matroska_id


def _selection(plan: Plan) -> list[str]:
    arguments: list[str] = []
    for kind, (some, none) in _SELECT.items():
        ids = [str(_id(track)) for track in plan.after.of(kind)]
        arguments += [some, ",".join(ids)] if ids else [none]
    kept = {item.index for item in plan.after.attachments}
    if len(kept) == len(plan.before.attachments):
        return arguments
    ids = [str(a.matroska_id) for a in plan.before.attachments if a.index in kept]
    return [*arguments, "--attachments", ",".join(ids)] if ids else [*arguments, "--no-attachments"]


def _properties(old: Track, new: Track) -> list[str]:
    """Return the changes of a track; default and forced always, which mkvmerge guesses."""
    number = _id(new)
    arguments: list[str] = []
    for flag, option in _FLAGS.items():
        value = flag in new.dispositions
        if flag in _EXPLICIT or value != (flag in old.dispositions):
            arguments += [option, f"{number}:{int(value)}"]
    if new.language != old.language:
        arguments += ["--language", f"{number}:{new.language or 'und'}"]
    if new.title != old.title:
        arguments += ["--track-name", f"{number}:{new.title or ''}"]
    return arguments


class MkvmergeOutput(Listener):
    """Reads what mkvmerge or mkvpropedit prints in GUI mode: the progress, and all warnings."""

    def __init__(self, report: Callable[[float], object]) -> None:
        self._report = report
        self._percent = -1
        self.warnings: list[str] = []

    def stdout(self, line: str) -> bool:
        if line.startswith(_WARNING):
            self.warnings.append(line.removeprefix(_WARNING).strip())
        found = _PROGRESS.match(line)
        if found is None or int(found[1]) == self._percent:
            return False
        self._percent = int(found[1])
        self._report(self._percent / 100)
        return True


_WARNING = "#GUI#warning "
_PROGRESS = re.compile(r"#GUI#progress (\d+)%")
