"""What lives as long as one run does on one machine, and is shared by its workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vpo.execute.encoding.crf_search import CrfSearches
from vpo.execute.encoding.devices import Devices
from vpo.execute.lock import FileTurns
from vpo.execute.space import SpaceLedger
from vpo.probe.service import Prober
from vpo.tools.programs import Tools


def ignore_progress(path: str, part: float) -> None:
    """Nobody wants to know how far a file is."""


@dataclass(frozen=True, eq=False)
class RunContext:
    """The processes, probers, reserved space and proven devices of one run.

    Made by whoever starts a run and handed down: two runs in one process share nothing, and what
    was proven for one is proven again in the next. ``threads`` is what one encode may take of the
    processor, ``None`` for all of it; ``hardware_sessions`` is how many encodes may use hardware at
    the same time; ``progress`` takes a path and the part of its work that is done, from 0 to 1.
    """

    tools: Tools
    prober: Prober
    threads: int | None = None
    hardware_sessions: int = 2
    progress: Callable[[str, float], object] = ignore_progress
    space: SpaceLedger = field(init=False)
    devices: Devices = field(init=False)
    crf_searches: CrfSearches = field(default_factory=CrfSearches)
    turns: FileTurns = field(default_factory=FileTurns)

    def __post_init__(self) -> None:
        processes = self.tools.processes
        object.__setattr__(self, "space", SpaceLedger(lambda: processes.cancelled))
        object.__setattr__(self, "devices", Devices(self.tools))

    @property
    def cancelled(self) -> bool:
        return self.tools.processes.cancelled

    def cancel(self) -> None:
        """End all tools of the run at once; nothing starts any more."""
        self.tools.processes.cancel()

    def pause(self, paused: bool) -> None:
        """Suspend or resume all running and future tools."""
        self.tools.processes.pause(paused)

    def close(self) -> None:
        """End the children that answer questions, when the run is over."""
        self.tools.processes.close()
