"""Fake tools that record when they run and, if told to, wait for an event.

Events are files, so no test depends on timing. Times are only limits, after which a failing test
ends instead of hanging.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ToolsOnPath, Vpo
from tests.preloaded import Request

LIMIT = 30.0
"""Seconds after which an expected event counts as missing."""

_FIND_NAME = """\
stage='{folder}'
name=unknown
for word; do
  case "$word" in
    */.vpo-*) ;;
    *.mkv|*.mp4|*.avi|*.webm|*.mov) name="${{word##*/}}" ;;
  esac
done
wait_for() {{
  tries=0
  until [ -e "$1" ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || {{ echo "nobody made $1" >&2; exit 99; }}
    sleep 0.05
  done
}}
say() {{ echo "$1 {tool} $$ $name" >> "$stage/log"; }}
say start
: > "$stage/$name.here"
"""


class Event(NamedTuple):
    """A recorded event of a fake tool.

    ``what`` is ``start``, ``stop`` or a word of the script; ``name`` is the media file's, or
    ``unknown`` where the tool has a file of vpo's own (mkvpropedit always does).
    """

    what: str
    tool: str
    pid: int
    name: str


@dataclass(frozen=True)
class Stage:
    """Puts fake tools on PATH and reads what they recorded."""

    folder: Path
    tools_on_path: ToolsOnPath

    def act(self, tool: str, script: str, *, only: bool = False) -> None:
        """Put a fake tool on PATH. In its script ``$name`` is the media file, ``wait_for FILE``
        waits for an event, ``say WORD`` records one and ``real`` runs the real tool."""
        head = _FIND_NAME.format(folder=self.folder, tool=tool)
        real = f'real() {{ "$REAL_{tool.upper()}" "$@"; }}\n'
        self.tools_on_path(only=only, **{tool: f"{head}{real}{script}"})

    def record(self, *tools: str) -> None:
        """Put the real tools on PATH, recorded when they run."""
        for tool in tools:
            self.act(tool, 'real "$@"\nstatus=$?\nsay stop\nexit $status')

    def hold(self, *tools: str) -> None:
        """Put the real tools on PATH, each waiting for ``release``."""
        for tool in tools:
            wait = 'wait_for "$stage/$name.go"\nreal "$@"\nstatus=$?\nsay stop\nexit $status'
            self.act(tool, wait)

    def release(self, *names: str) -> None:
        for name in names:
            (self.folder / f"{name}.go").touch()

    def arrived(self, *names: str) -> None:
        """Wait until a fake tool runs for each of these files."""
        for name in names:
            until((self.folder / f"{name}.here").exists, f"no tool was started for {name}")

    @property
    def events(self) -> list[Event]:
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        rows = (line.split(" ", 3) for line in lines)
        return [Event(what, tool, int(pid), name) for what, tool, pid, name in rows]

    def did(self, count: int) -> None:
        """Wait until fake tools have recorded ``done`` ``count`` times."""
        until(
            lambda: [event.what for event in self.events].count("done") >= count,
            "the tools did not do their work",
        )

    def started(self) -> list[str]:
        """Return the files that a tool was started for, in order."""
        return [event.name for event in self.events if event.what == "start"]


def until(condition: Callable[[], object], problem: str) -> None:
    """Wait for a condition; fail with ``problem`` if it never holds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Return whether the process runs; zombies do not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not Path("/proc/self/stat").exists():
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


class Terminal:
    """vpo in its own terminal, with its output recorded."""

    def __init__(self, vpo: Vpo, args: Sequence[str | Path], *, columns: int = 100) -> None:
        ours, theirs = pty.openpty()
        _raw(theirs, columns)
        self._fd = ours
        self._output = bytearray()
        request = Request.of(args, vpo.environment(), vpo.folder)
        assert vpo.preloaded
        self.process = vpo.preloaded.start(replace(request, terminal=True), (theirs, theirs))
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return bytes(self._output).decode()

    def shows(self, text: str) -> None:
        """Wait until the text is shown."""
        until(lambda: text in self.output, f"{text!r} was not shown")

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        try:
            return self.process.wait(LIMIT)
        finally:
            self.process.kill()
            self._reader.join(LIMIT)
            os.close(self._fd)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 65536)
            except OSError:  # Linux says EIO once the other side is closed
                return
            if not data:
                return
            self._output += data


def _raw(fd: int, columns: int) -> None:
    """Disable the translation of line ends and the echo; Ctrl-C still sends a signal."""
    mode = termios.tcgetattr(fd)
    mode[1] &= ~termios.OPOST
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSANOW, mode)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
