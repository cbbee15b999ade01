"""The request for a run, and its interruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from vpo.errors import OnError
from vpo.execute.outcome import Outcome
from vpo.policy.policy_files import PolicyFiles
from vpo.run.approval import Approval

Order = Literal["auto", "name", "size", "newest"]
StartOutcome = Callable[[str], str]
"""Takes the path of a file that is started, and returns its outcome's id."""


class WaitingFiles(Protocol):
    """Files that a run takes one by one, when a worker is free, in place of a search.

    All is called in the coordinator's thread.
    """

    def left(self) -> bool:
        """Return whether the run has files to start, now or later."""

    def next(self) -> str | None:
        """Return the path of the file that goes next; ``None``: none now."""

    def begin(self, path: str, real: str) -> Approval | None:
        """Note that the file with the real path is started; return the approved plan, if any."""

    def pass_by(self, path: str) -> None:
        """Note that there is nothing to do for a file."""

    def end(self, outcome: Outcome) -> None:
        """Note the outcome of a file, which is recorded."""

    def to_cancel(self) -> list[str]:
        """Return the real paths of the running files that shall end."""

    def workers(self) -> int | None:
        """Return how many files may be processed at the same time; ``None``: as configured."""


class Request(NamedTuple):
    """The files, the policies and the options of a run.

    ``fresh`` is that of ``RewriteOptions``. ``limit`` is the largest number of files that are
    processed. ``library`` is the name of the library whose folders the paths are. ``estimate``: a
    dry run estimates what its changes would take. ``reported`` are failures that are no news: path
    and type of the error. ``waiting`` are the files to process, in place of ``paths``.
    """

    paths: tuple[str, ...]
    policies: PolicyFiles
    recursive: bool = False
    dry_run: bool = False
    on_error: OnError | None = None
    order: Order = "auto"
    force: bool = False
    fresh: float = 0.0
    limit: int | None = None
    library: str | None = None
    estimate: bool = False
    reported: frozenset[tuple[str, str]] = frozenset()
    waiting: WaitingFiles | None = None


class Interrupt:
    """The flags that end a run early, which workers check.

    Plain attributes without a lock: a signal handler could wait for ever for a lock that the
    interrupted code holds.

    ``stop``: nothing new starts. ``signalled``: because of a signal. ``at_once``: running tools are
    killed, too.
    """

    def __init__(self) -> None:
        self.stop = False
        self.signalled = False
        self.at_once = False

    def fail(self, error: BaseException) -> None:
        """End the run because of an error; a ``KeyboardInterrupt`` also kills the tools."""
        self.stop = True
        if isinstance(error, KeyboardInterrupt):
            self.signalled = self.at_once = True

    def signal(self) -> None:
        """Handle a Ctrl-C: the first stops the run, the second kills the tools."""
        self.at_once = self.signalled
        self.signalled = self.stop = True


class RunInterrupt(Interrupt):
    """The interrupt of one of several runs: that of all ends it, but not the reverse."""

    def __init__(self, every: Interrupt) -> None:
        self._every = every
        super().__init__()

    @property
    def stop(self) -> bool:
        return self._stop or self._every.stop

    @stop.setter
    def stop(self, value: bool) -> None:
        self._stop = value

    @property
    def signalled(self) -> bool:
        return self._signalled or self._every.signalled

    @signalled.setter
    def signalled(self, value: bool) -> None:
        self._signalled = value

    @property
    def at_once(self) -> bool:
        return self._at_once or self._every.at_once

    @at_once.setter
    def at_once(self, value: bool) -> None:
        self._at_once = value
