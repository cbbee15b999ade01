"""Calls the event hooks of plugins in a thread, so that processing does not wait for them.

An error in a hook is a warning: the file is done by then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vpo.errors import ConfigError, SourceError
from vpo.plugins.loading import load_plugins

if TYPE_CHECKING:
    import pluggy

    from vpo.plugins.interface import FileReport, RunReport

log = logging.getLogger(__name__)

_HOOKS = ("vpo_after_file", "vpo_changed", "vpo_rename", "vpo_after_run")
_QUEUE_SIZE = 10_000
"""Reports in the queue; further ones are dropped if a plugin is slower than the run."""
_PERIOD = 300.0
"""Seconds between two calls of ``vpo_changed`` during a run."""
_TICK = 0.5
_END_TIMEOUT = 60.0
"""Seconds that a run waits for plugins at its end."""


class HookDispatcher:
    """Calls the event hooks of the plugins with these settings (by name)."""

    def __init__(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._settings = settings
        self._callers: dict[str, dict[str, pluggy.HookCaller]] = {
            hook: load_plugins(settings, hook) for hook in _HOOKS
        }
        self._queue: queue.Queue[tuple[str, Any] | None] = queue.Queue(_QUEUE_SIZE)
        self._folders: set[str] = set()
        self._to_rename: dict[str, set[str]] = {}
        self._warnings: deque[str] = deque()
        self._missed = 0
        self._thread = threading.Thread(target=self._work, name="vpo hooks", daemon=True)
        self._thread.start()

    def file(self, report: FileReport) -> None:
        """Report a file that is done."""
        try:
            self._queue.put_nowait(("vpo_after_file", report))
        except queue.Full:
            self._missed += 1

    def run(self, report: RunReport, stop: Callable[[], bool]) -> None:
        """Report the end of the run, and wait for the plugins up to a limit, or until ``stop``."""
        until = time.monotonic() + _END_TIMEOUT
        for item in (("vpo_after_run", report), None):
            try:
                self._queue.put(item, timeout=_TICK)
            except queue.Full:
                break
        while self._thread.is_alive() and time.monotonic() < until and not stop():
            self._thread.join(_TICK)
        if self._thread.is_alive():
            self._warnings.append(
                "plugins are still busy with this run; vpo no longer waits for them"
            )
        if self._missed:
            self._warnings.append(
                f"plugins were too slow: {self._missed} files were not reported to them"
            )

    def close(self) -> None:
        """Let the thread end after the reports in the queue."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            # A plugin hangs: the last report makes room.
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
            self._queue.put_nowait(None)

    def warnings(self) -> list[str]:
        """Return the warnings since the last call."""
        # Not a list that is swapped: the thread may be about to append to the old one.
        return [self._warnings.popleft() for _ in range(len(self._warnings))]

    def _work(self) -> None:
        last = time.monotonic()
        while (item := self._queue.get()) is not None:
            hook, report = item
            if hook == "vpo_after_run" or time.monotonic() - last > _PERIOD:
                self._report_folders()
                last = time.monotonic()
            self._call(hook, **{hook.removeprefix("vpo_after_"): report})
            if hook == "vpo_after_file" and report.status == "changed":
                folder = _utf8_folder(os.path.dirname(report.path))
                self._folders.add(folder)
                if report.named_by is not None:
                    self._to_rename.setdefault(report.named_by, set()).add(folder)

    def _report_folders(self) -> None:
        if self._folders:
            folders, self._folders = tuple(sorted(self._folders)), set()
            self._call("vpo_changed", folders=folders)
        renames, self._to_rename = self._to_rename, {}
        for name, wanted in renames.items():
            self._call("vpo_rename", only=name, folders=tuple(sorted(wanted)))

    def _call(self, hook: str, only: str | None = None, **values: object) -> None:
        for name, caller in self._callers[hook].items():
            if only not in (None, name):
                continue
            try:
                caller(**values, settings=dict(self._settings[name]))
            except (ConfigError, SourceError) as error:
                self._warnings.append(f"warning: {name}: {error}")
            except Exception as error:  # a plugin may raise anything
                log.exception("the plugin %s failed", name)
                problem = f"{type(error).__name__}: {error}"
                self._warnings.append(f"warning: {name}: the plugin failed: {problem}")


def _utf8_folder(folder: str) -> str:
    """Return the folder or its nearest parent whose path is UTF-8, as JSON requires."""
    while True:
        try:
            folder.encode()
            return folder
        except UnicodeEncodeError:
            folder = os.path.dirname(folder)
