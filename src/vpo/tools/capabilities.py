"""What the ffmpeg that was found can do: asked once in a run, before anything is planned on it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vpo.errors import PlanError
from vpo.media.audio_codecs import AudioEncoder
from vpo.tools import process as processes
from vpo.tools.encoder_table import VideoEncoder
from vpo.tools.process import Tools

_LISTED = re.compile(r"\s[A-Z.|]{2,6}\s+(\S+)\s+\S")
"""A line of ffmpeg's lists: flags, a name, and what it is."""
_LIBAVCODEC = re.compile(r"^\s*libavcodec\s+(\d+)", re.MULTILINE)
_Row = TypeVar("_Row", VideoEncoder, AudioEncoder)
_lock = threading.Lock()
_known: dict[str, Abilities] = {}


@dataclass(frozen=True, slots=True)
class Abilities:
    """The encoders and filters of an ffmpeg, and the major version of its libavcodec."""

    encoders: frozenset[str]
    filters: frozenset[str]
    libavcodec: int

    def encoder(self, wanted: Sequence[_Row], codec: str) -> _Row:
        """Return the first of these encoders that is there; ``PlanError`` says which is missing."""
        for row in wanted:
            if row.name in self.encoders:
                return row
        names = " and ".join(row.name for row in wanted)
        raise PlanError(
            f"this ffmpeg cannot encode {codec}: it was built without {names}; "
            "install another and name it in [tools] ffmpeg, or use vpo's bundled one"
        )


def of(tools: Tools) -> Abilities:
    """The abilities of the ffmpeg among the tools; ``ToolMissingError`` if there is none."""
    program = tools.need("ffmpeg")
    with _lock:
        if program not in _known:
            _known[program] = _ask(program, tools.stall_seconds)
        return _known[program]


def _ask(program: str, stall_seconds: float) -> Abilities:
    encoders, banner = _listed([program, "-nostdin", "-encoders"], stall_seconds)
    filters, _ = _listed([program, "-nostdin", "-hide_banner", "-filters"], stall_seconds)
    version = _LIBAVCODEC.search(banner)
    return Abilities(
        frozenset(_names(encoders)), frozenset(_names(filters)), int(version[1]) if version else 0
    )


def _listed(argv: list[str], stall_seconds: float) -> tuple[list[str], str]:
    lines: list[str] = []

    def take(line: str) -> bool:
        lines.append(line)
        return True

    _, said = processes.run(argv, stall_seconds=stall_seconds, progress=take)
    return lines, said


def _names(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        found = _LISTED.match(line)
        if found and found[1] != "=":
            yield found[1]
