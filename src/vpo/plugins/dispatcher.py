"""Tells plugins what became of files and runs, without anything waiting for them.

One thread calls the hooks. What they cannot do is a warning: the files are done by then.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vpo.errors import ConfigError, SourceError
from vpo.plugins.loading import load_plugins

if TYPE_CHECKING:
    import pluggy

    from vpo.plugins import FileReport, RunReport

log = logging.getLogger(__name__)

_HOOKS = ("vpo_after_file", "vpo_changed", "vpo_after_run")
_MOST = 10_000
"""Reports that wait to be told; a plugin that is slower than the run misses further ones."""
_PERIOD = 300.0
"""Seconds after which plugins hear of changed folders while a run goes on."""
_TICK = 0.5
_PATIENCE = 60.0
"""Seconds that a run waits for them at its end."""


class HookDispatcher:
    """Tells plugins, each with its settings, what happens."""

    def __init__(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._settings = settings
        self._callers: dict[str, dict[str, pluggy.HookCaller]] = {
            hook: load_plugins(settings, hook) for hook in _HOOKS
        }
        self._queue: queue.Queue[tuple[str, Any] | None] = queue.Queue(_MOST)
        self._folders: set[str] = set()
        self._warnings: list[str] = []
        self._missed = 0
        self._thread = threading.Thread(target=self._work, name="vpo hooks", daemon=True)
        self._thread.start()

    def file(self, report: FileReport) -> None:
        """A file is done."""
        try:
            self._queue.put_nowait(("vpo_after_file", report))
        except queue.Full:
            self._missed += 1

    def run(self, report: RunReport, stop: Callable[[], bool]) -> None:
        """The run is done: the last thing that is told. Waits for the plugins, but not for ever,
        nor when it is told to ``stop``."""
        until = time.monotonic() + _PATIENCE
        for item in (("vpo_after_run", report), None):
            try:
                self._queue.put(item, timeout=_TICK)
            except queue.Full:
                break
        while self._thread.is_alive() and time.monotonic() < until and not stop():
            self._thread.join(_TICK)
        if self._thread.is_alive():
            self._warnings.append("plugins are not done with the run; vpo does not wait for them")
        if self._missed:
            self._warnings.append(f"plugins were too slow, and missed {self._missed} files")

    def warnings(self) -> list[str]:
        """The warnings since the last time."""
        told, self._warnings = self._warnings, []
        return told

    def _work(self) -> None:
        last = time.monotonic()
        while (item := self._queue.get()) is not None:
            hook, report = item
            if hook == "vpo_after_run" or time.monotonic() - last > _PERIOD:
                self._tell_changed()
                last = time.monotonic()
            self._call(hook, **{hook.removeprefix("vpo_after_"): report})
            if hook == "vpo_after_file" and report.status == "changed":
                self._folders.add(_sayable(os.path.dirname(report.path)))

    def _tell_changed(self) -> None:
        if self._folders:
            folders, self._folders = tuple(sorted(self._folders)), set()
            self._call("vpo_changed", folders=folders)

    def _call(self, hook: str, **values: object) -> None:
        for name, caller in self._callers[hook].items():
            try:
                caller(**values, settings=dict(self._settings[name]))
            except (ConfigError, SourceError) as error:
                self._warnings.append(f"warning: {name}: {error}")
            except Exception as error:  # the border of what vpo is responsible for
                log.exception("the plugin %s failed", name)
                problem = f"{type(error).__name__}: {error}"
                self._warnings.append(f"warning: {name}: the plugin failed: {problem}")


def _sayable(folder: str) -> str:
    """The folder, or the next one above it that a server can be told of: its name is UTF-8."""
    while True:
        try:
            folder.encode()
            return folder
        except UnicodeEncodeError:
            folder = os.path.dirname(folder)
