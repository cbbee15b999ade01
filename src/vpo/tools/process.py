"""The processes of one run: this is the only module that starts any.

A tool runs in its own process group with its input closed, so that a Ctrl-C in the terminal reaches
vpo alone; on Linux it is killed with vpo. Its output is read line by line as it arrives. A tool
that makes no progress for the stall time is killed.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vpo.errors import CancelledError
from vpo.tools.isolation import NEUTRAL_FOLDER, child_environment
from vpo.tools.lines import LineSplitter
from vpo.tools.process_group import GRACE_SECONDS, ProcessGroup
from vpo.tools.tool_failure import start_error, tool_error, without_noise

_READ_TAIL = 65536
"""Bytes of output that are remembered: ffmpeg's counts of packets follow the error."""
_POLL_SECONDS = 0.5
COPY_MEMORY = 2 << 30
"""Ten times what copying needs, and less than what files that were made for it would take."""


class Command(NamedTuple):
    """A command to run, and how it is monitored.

    ``output`` is a file whose growth counts as progress, ``ok`` the exit statuses of success,
    ``fds`` the file descriptors that it inherits, ``folder`` its current folder, ``memory`` the
    bytes of data that it may have in memory (on Linux).
    """

    argv: Sequence[str | bytes]
    output: str | None = None
    ok: tuple[int, ...] = (0,)
    fds: tuple[int, ...] = ()
    folder: str = NEUTRAL_FOLDER
    memory: int = COPY_MEMORY


class Listener:
    """Receives each line of a tool's output as it arrives; the base class ignores them."""

    def stdout(self, line: str) -> bool:  # noqa: ARG002
        """Return whether the line shows that the tool made progress."""
        return False

    def stderr(self, line: str) -> None:
        """Take a line of standard error."""


class LineCollector(Listener):
    """Keeps all lines, for tools whose output is short."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.err: list[str] = []

    def stdout(self, line: str) -> bool:
        self.out.append(line)
        return True

    def stderr(self, line: str) -> None:
        self.err.append(line)


class Processes:
    """The processes of one run, so that it can cancel and pause them all, or those of one file.

    ``cancel`` may be called from anywhere, a signal handler included, as nothing here waits for a
    lock that is held for long: it sets the flag, then signals; starting a process registers it,
    then checks the flag again.
    """

    def __init__(self) -> None:
        self._groups: dict[ProcessGroup, str | None] = {}
        self._services: dict[ProcessGroup, str | None] = {}
        self._current = threading.local()
        self._cancelled_at: float | None = None
        self._cancelled_files: dict[str, float] = {}
        self._prefix = _death_signal()
        self.paused = False

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled, or the file that this thread works on."""
        return self._since() is not None

    @property
    def overdue(self) -> bool:
        """Whether tools were cancelled and the grace time is over."""
        at = self._since()
        return at is not None and time.monotonic() - at > GRACE_SECONDS

    def cancel(self) -> None:
        """Kill all tools and start no more; callers of ``run`` get ``CancelledError``.

        May be called from any thread, and repeatedly.
        """
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
        for group in list(self._groups):
            group.signal(signal.SIGTERM)
            group.signal(signal.SIGCONT)  # a stopped process would not notice
        for group in list(self._services):
            group.signal(signal.SIGKILL)

    @contextlib.contextmanager
    def working_on(self, path: str) -> Iterator[None]:
        """Have what this thread starts belong to a file, for ``cancel_file``."""
        self._current.path = path
        try:
            yield
        finally:
            self._current.path = None
            self._cancelled_files.pop(path, None)

    def cancel_file(self, path: str) -> None:
        """Kill the tools of one file, as ``cancel`` does; the others go on."""
        self._cancelled_files.setdefault(path, time.monotonic())
        for group, owner in list(self._groups.items()):
            if owner == path:
                group.signal(signal.SIGTERM)
                group.signal(signal.SIGCONT)
        for group, owner in list(self._services.items()):
            if owner == path:
                group.signal(signal.SIGKILL)

    def use_service(self, group: ProcessGroup) -> None:
        """Note that a service now works for the file of this thread."""
        if group in self._services:
            self._services[group] = self._path

    @property
    def _path(self) -> str | None:
        path: str | None = getattr(self._current, "path", None)
        return path

    def _since(self) -> float | None:
        """Return when the run was cancelled, or the file of this thread."""
        path = self._path
        return self._cancelled_at or (self._cancelled_files.get(path) if path else None)

    def pause(self, paused: bool) -> None:
        """Suspend or resume all running and future tools."""
        if self.paused == paused:
            return
        self.paused = paused
        for group in list(self._groups):
            group.signal(signal.SIGSTOP if paused else signal.SIGCONT)

    def run(self, command: Command, stall_seconds: float, listener: Listener | None = None) -> int:
        """Run a tool to its end and return its exit status.

        It stalls if for ``stall_seconds`` the listener reports no progress and the command's output
        file is not written. Raises ``ToolError`` on a status that is not ok, a signal or a stall,
        and ``CancelledError`` if it was cancelled.
        """
        with self._started(command) as group:
            reader = _Reader(self, group, command, stall_seconds, listener or Listener())
            completed = reader.read()
            if not completed:
                group.end(0 if self.overdue else GRACE_SECONDS)
            status = group.status()
        if self.cancelled and status != 0:
            raise CancelledError("interrupted")
        if completed and status in command.ok:
            return status
        stalled_after = None if completed else stall_seconds
        raise tool_error(command, group, reader.tail, stalled_after)

    @contextlib.contextmanager
    def _started(self, command: Command) -> Iterator[ProcessGroup]:
        self._refuse_cancelled()
        group = ProcessGroup(_spawn(command, self._prefix))
        self._groups[group] = self._path
        try:
            self._refuse_cancelled()
            if self.paused:
                group.signal(signal.SIGSTOP)
                if not self.paused:  # resumed in between
                    group.signal(signal.SIGCONT)
            yield group
        finally:
            group.release()
            self._groups.pop(group, None)

    def _refuse_cancelled(self) -> None:
        if self.cancelled:
            raise CancelledError("interrupted")

    def start_service(self, argv: Sequence[str], environment: Mapping[str, str]) -> ProcessGroup:
        """Start a child with pipes for input and output that ``cancel`` kills at once.

        Its input is the one exception to closed inputs: it reads only what vpo writes. Raises
        ``CancelledError`` as ``run`` does.
        """
        self._refuse_cancelled()
        group = ProcessGroup(
            subprocess.Popen(
                [*self._prefix, *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
                cwd=NEUTRAL_FOLDER,
                env=child_environment(environment),
            )
        )
        self._services[group] = self._path
        try:
            self._refuse_cancelled()
        except CancelledError:
            self.end_service(group)
            raise
        return group

    def end_service(self, group: ProcessGroup) -> None:
        """Kill a child that ``start_service`` started, and close its pipes."""
        group.signal(signal.SIGKILL)
        group.release()
        self._services.pop(group, None)

    def close(self) -> None:
        """Kill the services, when the run is over."""
        for group in list(self._services):
            self.end_service(group)


class _Reader:
    """Reads a tool's output until it ends, and detects a stall."""

    def __init__(
        self,
        processes: Processes,
        group: ProcessGroup,
        command: Command,
        stall_seconds: float,
        listener: Listener,
    ) -> None:
        self._processes, self._group = processes, group
        self._output, self._stall = command.output, stall_seconds
        self._listener = listener
        self._state = (-1, -1)
        self._active = time.monotonic()
        self._lines = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._tails = {"stdout": b"", "stderr": b""}

    @property
    def tail(self) -> str:
        """The end of the tool's output without noise, for an error message."""
        return without_noise(self._tails["stderr"] or self._tails["stdout"])

    def read(self) -> bool:
        """Read to the end; return false if the tool stalled, or did not end after a cancel."""
        with selectors.DefaultSelector() as selector:
            for name in self._lines:
                stream = getattr(self._group.process, name)
                selector.register(stream, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select(_POLL_SECONDS):
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    self._take(key.data, data)
                if self._stalled() or self._processes.overdue:
                    return False
                if self._group.wait(0) and not selector.select(0):
                    break
        for name, lines in self._lines.items():
            self._pass_on(name, lines.rest())
        return self._ended()

    def _take(self, name: str, data: bytes) -> None:
        self._tails[name] = (self._tails[name] + data)[-_READ_TAIL:]
        self._pass_on(name, self._lines[name].feed(data))

    def _pass_on(self, name: str, lines: list[str]) -> None:
        for line in lines:
            if name == "stderr":
                self._listener.stderr(line)
            elif self._listener.stdout(line):
                self._active = time.monotonic()

    def _stalled(self) -> bool:
        now = time.monotonic()
        if self._processes.paused:
            self._active = now
        if now - self._active < min(self._stall, 1.0):
            return False
        if self._output is not None:
            with contextlib.suppress(OSError):
                status = os.stat(self._output)
                # The time counts too: ffmpeg moves an index to the front without growing the file.
                state = status.st_size, status.st_mtime_ns
                if state != self._state:
                    self._state, self._active = state, now
        return now - self._active > self._stall

    def _ended(self) -> bool:
        """Wait until the tool ends, which may be after it has closed its output."""
        while not self._stalled() and not self._processes.overdue:
            if self._group.wait(_POLL_SECONDS):
                return True
        return False


def _death_signal() -> tuple[str, ...]:
    """Return the prefix of a command that makes the kernel kill it when vpo dies (Linux)."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _spawn(command: Command, prefix: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            [*prefix, *map(os.fsencode, command.argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=command.fds,
            bufsize=0,
            cwd=command.folder,
            env=child_environment(),
        )
    except OSError as error:
        raise start_error(command, error) from None
    _limit_memory(process.pid, command.memory)
    return process


def _limit_memory(pid: int, memory: int) -> None:
    """Limit the memory of a program that has just begun; it keeps a lower limit of the user's."""
    if not hasattr(resource, "prlimit"):  # only Linux has it
        return
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        limits = [memory, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
        resource.prlimit(pid, resource.RLIMIT_DATA, (min(limits), hard))
