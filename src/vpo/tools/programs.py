"""The programs that vpo uses: their paths, versions, and how to install missing ones."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vpo.config.defaults import STALL_SECONDS
from vpo.errors import ToolMissingError
from vpo.tools.memo import Memo
from vpo.tools.process import Command, LineCollector, Listener, Processes

if TYPE_CHECKING:
    from vpo.tools.capabilities import Capabilities

TOOLS = ("mkvmerge", "mkvpropedit", "ffmpeg")
INSTALL = {
    "mkvmerge": "install mkvtoolnix (Debian, Homebrew: mkvtoolnix)",
    "mkvpropedit": "install mkvtoolnix (Debian, Homebrew: mkvtoolnix)",
    "mkvextract": "install mkvtoolnix (Debian, Homebrew: mkvtoolnix)",
    "ffmpeg": "install ffmpeg, or vpo with its extra 'bundled' (see Install in the README)",
}
_VERSION_SECONDS = 30.0


@dataclass(frozen=True, eq=False)
class Tools:
    """The programs of one run, and the processes that it starts.

    A path is ``None`` for a program that is not installed; ``stall_seconds`` is how long a tool may
    run without progress.
    """

    mkvmerge: str | None = None
    mkvpropedit: str | None = None
    ffmpeg: str | None = None
    mkvextract: str | None = None
    stall_seconds: float = STALL_SECONDS
    processes: Processes = field(default_factory=Processes)
    _capabilities: Memo[str, Capabilities] = field(default_factory=Memo, repr=False)

    def need(self, name: str) -> str:
        """Return the path of a tool; raise ``ToolMissingError`` if it is not installed."""
        path: str | None = getattr(self, name)
        if path is None:
            raise ToolMissingError(f"{name} is needed and not installed: {INSTALL[name]}")
        return path

    def run(self, command: Command, listener: Listener | None = None) -> int:
        """Run a command to its end, as ``Processes.run``."""
        return self.processes.run(command, self.stall_seconds, listener)

    def capabilities(self) -> Capabilities:
        """Return the capabilities of ffmpeg, read once; ``ToolMissingError`` if there is none."""
        from vpo.tools.capabilities import read_capabilities  # late: most work needs no encoder

        return self._capabilities.get(self.need("ffmpeg"), partial(read_capabilities, self))


def find_tools(
    configured: Mapping[str, str | None], stall_seconds: float, processes: Processes
) -> Tools:
    """Find every tool: the configured path, then ``PATH``, then the bundled ffmpeg."""
    return Tools(
        mkvmerge=_find("mkvmerge", configured),
        mkvpropedit=_find("mkvpropedit", configured),
        ffmpeg=_find("ffmpeg", configured) or _bundled_ffmpeg(),
        mkvextract=shutil.which("mkvextract"),
        stall_seconds=stall_seconds,
        processes=processes,
    )


def _find(name: str, configured: Mapping[str, str | None]) -> str | None:
    return configured.get(name) or shutil.which(name)


def _bundled_ffmpeg() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def tool_versions(tools: Tools) -> dict[str, str]:
    """Return the version line of each tool that is installed."""
    return {name: tool_version(tools, name) for name in TOOLS if getattr(tools, name) is not None}


def tool_version(tools: Tools, name: str) -> str:
    """Return the first line that the tool prints about its version. Raises ``ToolError``."""
    lines = LineCollector()
    option = "-version" if name == "ffmpeg" else "--version"
    tools.processes.run(Command([tools.need(name), option]), _VERSION_SECONDS, lines)
    return lines.out[0].strip() if lines.out else ""
