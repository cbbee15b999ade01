"""Is a file whole? All of it is decoded, in a child process, and its structure is looked at."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vpo.errors import ToolError
from vpo.media.containers import MATROSKA
from vpo.media.model import MediaFile
from vpo.probe import matroska, mp4
from vpo.probe.decoder import MOST, Damage
from vpo.probe.ebml import StructureError
from vpo.tools import process


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


def check_health(
    media: MediaFile, stall_seconds: float, progress: Callable[[float], None]
) -> Health:
    """Decode all of a file; ``progress`` is told the part that is done, from 0 to 1.

    Raises ``CancelledError`` as ``tools.run``.
    """
    found = Health()
    argv = [sys.executable, "-m", "vpo.probe.decoder", media.path]
    try:
        process.run(
            [os.fsencode(word) for word in argv],
            stall_seconds=stall_seconds,
            progress=lambda line: _take(line, found, progress),
        )
    except ToolError as error:
        said = f"the decoder gave up: {error}"
        found.damages.append(Damage(None, found.decoded or None, None, 1, said))
    if not _ends_well(media):
        end = found.decoded or None
        found.damages.append(Damage(None, end, end, 1, "the file is cut off"))
    return found


def _take(line: str, found: Health, progress: Callable[[float], None]) -> bool:
    said: dict[str, Any] = json.loads(line)
    if "part" in said:
        progress(said["part"])
    if "damage" in said:
        found.damages.append(Damage(*said["damage"]))
    if "decoded" in said:
        found.decoded = said["decoded"]
    if "damages" in said:
        found.undecoded = tuple(said["undecoded"])
        found.more = max(0, said["damages"] - MOST)
    return True


def _ends_well(media: MediaFile) -> bool:
    """Whether the outermost elements fill the file; where nobody can tell, it does."""
    with open(media.path, "rb") as file:
        try:
            if media.container in MATROSKA:
                return matroska.read_structure(file.fileno()).complete
            return media.container not in ("mp4", "mov") or mp4.is_complete(file.fileno())
        except StructureError:
            return False
