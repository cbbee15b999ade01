"""Health check of a file: all of it is decoded in a child process, and its structure checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vpo.errors import ToolError
from vpo.probe.decoder import MEMORY, MOST, Damage
from vpo.probe.integrity import is_complete
from vpo.tools.isolation import python_module
from vpo.tools.process import Command, Listener, Processes


@dataclass
class Health:
    """The result of a health check.

    ``decoded`` is how many seconds were decoded, ``no_decoder`` the indexes of streams without a
    decoder, ``errors`` what is damaged, ``omitted`` how many further errors there are. ``ended``:
    the decoder was ended from outside, which says nothing about the file.
    """

    decoded: float = 0.0
    no_decoder: tuple[int, ...] = ()
    errors: list[Damage] = field(default_factory=list)
    omitted: int = 0
    ended: bool = False

    @property
    def intact(self) -> bool:
        return not self.errors


def health_from_json(found: Mapping[str, Any]) -> Health:
    """Return the health that ``dataclasses.asdict`` has made a mapping of."""
    errors = [Damage(**item) for item in found["errors"]]
    return Health(**{**found, "errors": errors, "no_decoder": tuple(found["no_decoder"])})


def check_health(
    path: str, processes: Processes, stall_seconds: float, progress: Callable[[float], None]
) -> Health:
    """Decode all of a file; ``progress`` is called with the part that is done, from 0 to 1.

    Raises ``CancelledError`` as ``Processes.run`` does.
    """
    found = Health()
    argv = python_module("vpo.probe.decoder", path)
    try:
        processes.run(Command(argv, memory=MEMORY), stall_seconds, _Report(found, progress))
    except ToolError as error:
        found.ended = not error.lasting
        message = f"the decoder failed: {error}"
        found.errors.append(Damage(None, found.decoded or None, None, 1, message))
    if not is_complete(path):
        end = found.decoded or None
        found.errors.append(Damage(None, end, end, 1, "the file is truncated"))
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
            self._found.errors.append(Damage(*report["damage"]))
        if "decoded" in report:
            self._found.decoded = report["decoded"]
        if "errors" in report:
            self._found.no_decoder = tuple(report["no_decoder"])
            self._found.omitted = max(0, report["errors"] - MOST)
        return True
