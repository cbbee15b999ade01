"""The state of one run on one machine, shared by its workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from vpo.execute.encoding.crf_search import CrfSearches
from vpo.execute.encoding.devices import Devices
from vpo.execute.lock import FileTurns
from vpo.execute.space import SpaceLedger
from vpo.probe.service import Prober
from vpo.tools.programs import Tools


def ignore_progress(path: str, part: float) -> None:
    """Discard a progress report."""


def ignore_strategy(path: str, strategy: str) -> None:
    """Discard how a file is changed."""


class Played(Protocol):
    """The files that somebody plays now."""

    def reason(self, path: str) -> str | None:
        """Return why the file has to wait; ``None`` if nobody plays it."""

    def messages(self) -> list[str]:
        """Return the messages since the last call."""


class NothingPlayed:
    """Nobody is asked what is played."""

    def reason(self, path: str) -> str | None:  # noqa: ARG002
        return None

    def messages(self) -> list[str]:
        return []


@dataclass(frozen=True, eq=False)
class RunContext:
    """The processes, probers, reserved space and tested devices of one run.

    Whoever starts a run creates it and passes it on: two runs in one process share nothing, and
    each tests the hardware again. ``threads`` is the number of threads of one encode, ``None`` for
    all; ``progress`` takes a path and the fraction of its work that is done, from 0 to 1;
    ``preparing`` does so of a search or a measurement before that; ``chosen`` takes a path and the
    strategy with which it is changed;
    ``played`` are the files that have to wait.
    """

    tools: Tools
    prober: Prober
    threads: int | None
    progress: Callable[[str, float], object]
    space: SpaceLedger
    devices: Devices
    crf_searches: CrfSearches = field(default_factory=CrfSearches)
    turns: FileTurns = field(default_factory=FileTurns)
    played: Played = field(default_factory=NothingPlayed)
    preparing: Callable[[str, float], object] = ignore_progress
    chosen: Callable[[str, str], object] = ignore_strategy

    @property
    def cancelled(self) -> bool:
        return self.tools.processes.cancelled

    def cancel(self) -> None:
        """Kill all tools of the run and start no more."""
        self.tools.processes.cancel()

    def cancel_file(self, path: str) -> None:
        """Kill the tools of one file, whose outcome is then ``cancelled``."""
        self.tools.processes.cancel_file(path)

    def pause(self, paused: bool) -> None:
        """Suspend or resume all running and future tools."""
        self.tools.processes.pause(paused)

    def close(self) -> None:
        """Kill the services of the run, when it is over."""
        self.tools.processes.close()


def new_run_context(
    tools: Tools,
    prober: Prober,
    threads: int | None = None,
    hardware_sessions: int = 2,
    progress: Callable[[str, float], object] = ignore_progress,
) -> RunContext:
    """Return the context of a new run, with nothing reserved and no device tested.

    ``hardware_sessions`` is how many encodes may use hardware at the same time.
    """
    devices = Devices(tools, hardware_sessions)
    space = SpaceLedger(lambda: tools.processes.cancelled)
    return RunContext(tools, prober, threads, progress, space, devices)
