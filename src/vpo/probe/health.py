"""Is a file whole? All of it is decoded, in a child process, and its structure is looked at."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vpo.errors import ToolError
from vpo.media.containers import container
from vpo.media.model import MediaFile
from vpo.probe import matroska, mp4
from vpo.probe.decoder import MOST, Damage
from vpo.probe.ebml import StructureError
from vpo.tools.process import Command, Listener, Processes


@dataclass
class Health:
    """What decoding a file came to.

    ``decoded`` is how many seconds of the film were reached, ``undecoded`` the streams that no
    decoder here knows, ``damages`` what is wrong, ``more`` how many others there are.
    """

    decoded: float = 0.0
    undecoded: tuple[int, ...] = ()
    damages: list[Damage] = field(default_factory=list)
    more: int = 0

    @property
    def whole(self) -> bool:
        return not self.damages


def examine(
    media: MediaFile, processes: Processes, stall_seconds: float, progress: Callable[[float], None]
) -> Health:
    """Decode all of a file; ``progress`` is told the part that is done, from 0 to 1.

    Raises ``CancelledError`` as ``Processes.run``.
    """
    found = Health()
    argv = [sys.executable, "-m", "vpo.probe.decoder", media.path]
    try:
        processes.run(Command(argv), stall_seconds, _Report(found, progress))
    except ToolError as error:
        said = f"the decoder gave up: {error}"
        found.damages.append(Damage(None, found.decoded or None, None, 1, said))
    if not _ends_well(media):
        end = found.decoded or None
        found.damages.append(Damage(None, end, end, 1, "the file is cut off"))
    return found


class _Report(Listener):
    """Reads the lines of JSON that the decoder writes."""

    def __init__(self, found: Health, progress: Callable[[float], None]) -> None:
        self._found, self._progress = found, progress

    def stdout(self, line: str) -> bool:
        report: dict[str, Any] = json.loads(line)
        if "part" in report:
            self._progress(report["part"])
        if "damage" in report:
            self._found.damages.append(Damage(*report["damage"]))
        if "decoded" in report:
            self._found.decoded = report["decoded"]
        if "damages" in report:
            self._found.undecoded = tuple(report["undecoded"])
            self._found.more = max(0, report["damages"] - MOST)
        return True


def _ends_well(media: MediaFile) -> bool:
    """Whether the outermost elements fill the file; where nobody can tell, it does."""
    with open(media.path, "rb") as file:
        try:
            kind = container(media.container)
            if kind.matroska:
                return matroska.read(file.fileno()).complete
            return not kind.mp4_family or mp4.complete(file.fileno())
        except StructureError:
            return False
