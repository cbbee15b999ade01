"""The process group of a program: signals to all of it, and its end."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 2.0
"""How long a tool may take to end after SIGTERM, before SIGKILL."""
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""The unit of the most memory that a program has used (getrusage(2))."""


class ProcessGroup:
    """The process group of a program that was started.

    Sending signals and reaping exclude each other: once reaped, the id may be another group's.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.signalled = False
        self.peak = 0
        """The most bytes of memory that the program has used, known once it is reaped."""
        self._lock = threading.RLock()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the group, unless the program has been reaped."""
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.returncode is None:
                self.signalled = True
                os.killpg(self.process.pid, number)

    def wait(self, seconds: float = math.inf) -> bool:
        """Return whether the program ends within ``seconds``; it is not reaped."""
        deadline, pause = time.monotonic() + seconds, 0.0005
        while not self._ended():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            pause = min(2 * pause, 0.05)
            time.sleep(min(pause, left))
        return True

    def status(self) -> int:
        """Wait until the program ends; reap it and return its exit status."""
        self.wait()
        with self._lock:
            if self.process.returncode is None:
                with contextlib.suppress(ChildProcessError):
                    _, status, usage = os.wait4(self.process.pid, 0)
                    self.process.returncode = os.waitstatus_to_exitcode(status)
                    self.peak = usage.ru_maxrss * _RSS_UNIT
            return self.process.wait()

    def end(self, grace: float = GRACE_SECONDS) -> None:
        """Kill the whole group: SIGTERM, and SIGKILL after ``grace`` seconds."""
        if grace:
            self.signal(signal.SIGTERM)
            self.wait(grace)
        self.signal(signal.SIGKILL)
        self.wait()

    def release(self) -> None:
        """Kill what still runs, reap it, and close the pipes."""
        if not self.wait(0):
            self.end()
        self.status()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _ended(self) -> bool:
        with self._lock:
            # Without os.waitid (macOS before Python 3.13), the status can only be read by reaping.
            if self.process.returncode is None and hasattr(os, "waitid"):
                with contextlib.suppress(ChildProcessError):
                    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
                    return os.waitid(os.P_PID, self.process.pid, options) is not None
            return self.process.poll() is not None
