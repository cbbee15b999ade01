"""What is asked of a run: on the command line, and by signals in the midst of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from vpo.db.records import History
from vpo.errors import OnError
from vpo.policy.policy_files import PolicyFiles

Order = Literal["auto", "name", "size", "newest"]
EncodeHistory = Mapping[bytes, tuple[History, int, int]]
"""As ``vpo.db.store.Store.encodes`` has them."""
StartOutcome = Callable[[str], str]
"""Takes the path of a file whose work begins, and gives its outcome's id."""


class Request(NamedTuple):
    """What the user asks of a run."""

    paths: tuple[str, ...]
    policies: PolicyFiles
    recursive: bool = False
    dry_run: bool = False
    on_error: OnError | None = None
    order: Order = "auto"
    force: bool = False


class Interrupt:
    """What is to end before it is done; whoever works looks here again and again.

    Plain attributes, because a signal's handler may come in the midst of anything: the lock that it
    would wait for could be held by what it has interrupted.

    ``stop``: nothing new starts. ``asked``: because a signal said so, and ``at_once``: what runs is
    ended, too.
    """

    def __init__(self) -> None:
        self.stop = False
        self.signalled = False
        self.at_once = False

    def signal(self) -> None:
        """As a first Ctrl-C, or one more."""
        self.at_once = self.signalled
        self.signalled = self.stop = True
