"""Health check of a file: all of it is decoded in a child process, and its structure checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vpo.errors import ToolError
from vpo.media.model import MediaFile
from vpo.probe.decoder import MOST, Damage
from vpo.probe.integrity import is_complete
from vpo.tools.isolation import python_module
from vpo.tools.process import Command, Listener, Processes


@dataclass
class Health:
    """The result of a health check.

    ``decoded`` is how many seconds were decoded, ``undecoded`` the indexes of streams without a
    decoder, ``damages`` what is damaged, ``more`` how many further damages there are.
    """

    decoded: float = 0.0
    undecoded: tuple[int, ...] = ()
    damages: list[Damage] = field(default_factory=list)
    more: int = 0

    @property
    def whole(self) -> bool:
        return not self.damages


def check_health(
    media: MediaFile, processes: Processes, stall_seconds: float, progress: Callable[[float], None]
) -> Health:
    """Decode all of a file; ``progress`` is called with the part that is done, from 0 to 1.

    Raises ``CancelledError`` as ``Processes.run`` does.
    """
    found = Health()
    argv = python_module("vpo.probe.decoder", media.path)
    try:
        processes.run(Command(argv), stall_seconds, _Report(found, progress))
    except ToolError as error:
        message = f"the decoder failed: {error}"
        found.damages.append(Damage(None, found.decoded or None, None, 1, message))
    if not is_complete(media.path):
        end = found.decoded or None
        found.damages.append(Damage(None, end, end, 1, "the file is truncated"))
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
