"""The request for a run, and its interruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from vpo.errors import OnError
from vpo.policy.policy_files import PolicyFiles

Order = Literal["auto", "name", "size", "newest"]
StartOutcome = Callable[[str], str]
"""Takes the path of a file that is started, and returns its outcome's id."""


class Request(NamedTuple):
    """The files, the policies and the options of a run.

    ``fresh`` is that of ``RewriteOptions``. ``limit`` is the largest number of files that are
    processed. ``library`` is the name of the library whose folders the paths are. ``estimate``: a
    dry run estimates what its changes would take. ``reported`` are failures that are no news: path
    and type of the error.
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
