"""The changes in watched folders, as the system reports them, or found by polling."""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vpo.errors import ToolMissingError
from vpo.execute.lock_file import is_network_folder
from vpo.text import format_seconds

TICK = 1.0
"""Seconds between the checks for an interrupt and for missing folders."""
Waiter = Callable[[Sequence[str]], Iterator[set[str]]]
"""Takes folders, and yields the changed paths in them; an empty set after each ``TICK``."""


@dataclass
class FolderChanges:
    """A ``Waiter`` for local folders and those that have to be polled.

    Polled are network file systems, as their servers report nothing that other machines do; all
    folders if ``poll_all``; and those that the system cannot watch. A polled folder counts as
    changed every ``poll`` seconds. ``note`` takes a message about each reason.
    """

    poll: float
    poll_all: bool
    stop: Callable[[], bool]
    note: Callable[[str], None]

    def __post_init__(self) -> None:
        self._noted: set[str] = set()

    def __call__(self, folders: Sequence[str]) -> Iterator[set[str]]:
        polled = {path for path in folders if self.poll_all or self._is_on_network(path)}
        last = time.monotonic()
        for changed in self._events([path for path in folders if path not in polled], polled):
            if polled and time.monotonic() - last >= self.poll:
                last = time.monotonic()
                yield changed | polled
            else:
                yield changed
            if self.stop():
                return

    def _is_on_network(self, folder: str) -> bool:
        if not is_network_folder(folder):
            return False
        self._note(f"{folder} is on a network file system; it is {self._polling()}")
        return True

    def _events(self, folders: Sequence[str], polled: set[str]) -> Iterator[set[str]]:
        """Yield the changes that the system reports; folders that it cannot watch are polled."""
        if folders:
            try:
                yield from reported_changes(folders)
                return  # a folder was removed in the meantime
            except OSError as error:
                polled.update(folders)
                self._note(
                    f"the system cannot watch the folders ({error}); they are {self._polling()}. "
                    "More inotify watches (sysctl fs.inotify.max_user_watches), or fewer folders, "
                    "end that"
                )
        for _ in itertools.count():
            time.sleep(TICK)
            yield set()

    def _polling(self) -> str:
        return f"searched for changes every {format_seconds(self.poll)}"

    def _note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self.note(text)


def require_events() -> None:
    """Raise ``ToolMissingError`` if the package that reports changes is not installed."""
    if importlib.util.find_spec("watchfiles") is None:
        raise ToolMissingError(
            "vpo watch needs watchfiles: install vpo with its extra 'watch' "
            "(see Install in the README), or poll the folders (--poll)"
        )


def reported_changes(folders: Sequence[str]) -> Iterator[set[str]]:
    """Yield the system's change events for these folders and all below, and nothing after a tick.

    Ends when a folder is removed. Raises ``OSError`` if they cannot be watched.
    """
    from watchfiles import watch as follow

    changes = follow(
        *folders,
        watch_filter=None,
        rust_timeout=int(TICK * 1000),
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    try:
        for batch in changes:
            yield {path for _, path in batch}
    except FileNotFoundError:
        return
