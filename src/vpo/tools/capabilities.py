"""The capabilities of an ffmpeg: its encoders and filters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vpo.errors import PlanError
from vpo.media.audio_encoders import AudioEncoder
from vpo.tools.process import Command, LineCollector
from vpo.tools.programs import Tools
from vpo.tools.video_encoders import VideoEncoder

Encoder = TypeVar("Encoder", VideoEncoder, AudioEncoder)

_LISTED = re.compile(r"\s[A-Z.|]{2,6}\s+(\S+)\s+\S")
"""A line of ffmpeg's lists: flags, a name, and a description."""
_LIBAVCODEC = re.compile(r"^\s*libavcodec\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The encoders and filters of an ffmpeg, and the major version of its libavcodec."""

    encoders: frozenset[str]
    filters: frozenset[str]
    libavcodec: int

    def encoder(self, wanted: Sequence[Encoder], codec: str) -> Encoder:
        """Return the first of these encoders that ffmpeg has; ``PlanError`` if it has none."""
        for row in wanted:
            if row.name in self.encoders:
                return row
        names = " and ".join(row.name for row in wanted)
        raise PlanError(
            f"this ffmpeg cannot encode {codec}: it was built without {names}; "
            "install another and name it in [tools] ffmpeg, or use vpo's bundled one"
        )


def read_capabilities(tools: Tools) -> Capabilities:
    """Read the lists that ffmpeg prints; raise ``ToolMissingError`` if there is none."""
    program = tools.need("ffmpeg")
    encoders, filters = LineCollector(), LineCollector()
    tools.run(Command([program, "-nostdin", "-encoders"]), encoders)
    tools.run(Command([program, "-nostdin", "-hide_banner", "-filters"]), filters)
    versions = [int(found[1]) for line in encoders.err if (found := _LIBAVCODEC.match(line))]
    return Capabilities(
        frozenset(_names(encoders.out)),
        frozenset(_names(filters.out)),
        versions[0] if versions else 0,
    )


def _names(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        found = _LISTED.match(line)
        if found and found[1] != "=":
            yield found[1]
