"""A vpo that has imported its modules, and of which each run is a fork: most of a start is imports."""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_MODULES = ("cli.process", "cli.undo", "report.jsonl", "run.batch", "run.dispatch", "run.job")
_NUMBER = struct.Struct("i")


class Forked:
    """A forked vpo, which is waited for and killed like a ``subprocess.Popen``."""

    def __init__(self, pid: int, answers: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._answers = answers

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        rc = self._look(timeout)
        if rc is None:
            raise subprocess.TimeoutExpired("vpo", timeout or 0)
        return rc

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._answers], [], [], timeout)[0]:
            self.returncode = _hear(self._answers)
        return self.returncode


class Warm:
    """The process that forks; ``environment`` is its own, and part of that of each vpo."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._server = subprocess.Popen(
            [sys.executable, "-m", "drill.warm"],
            env={**os.environ, "PYTHONPATH": str(_ROOT / "src"), "PYTHONUTF8": "1", **environment},
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(
        self, words: Sequence[str], env: Mapping[str, str], folder: Path, output: tuple[Path, Path]
    ) -> Forked:
        """Start a vpo; the one that was started before must have ended."""
        assert self._server.stdin is not None and self._server.stdout is not None  # noqa: S101
        order = [words, {**env, **self._environment}, str(folder), *map(str, output)]
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        self._server.stdin.flush()
        answers = self._server.stdout.fileno()
        return Forked(_hear(answers), answers)


class _Own(threading.local):
    """One for each thread, as it has one vpo at a time."""

    @cached_property
    def warm(self) -> Warm:
        return Warm({})


OWN = _Own()


def _hear(answers: int) -> int:
    (number,) = _NUMBER.unpack(os.read(answers, _NUMBER.size))
    return int(number)


def serve() -> None:
    """Fork for each order; answer with the pid, then with the exit code."""
    for module in _MODULES:
        importlib.import_module(f"vpo.{module}")
    gc.freeze()  # or each fork would look at all of it in the end
    for order in sys.stdin.buffer:
        pid = os.fork()
        if not pid:
            _become_vpo(*json.loads(order))
        os.write(1, _NUMBER.pack(pid))
        os.write(1, _NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


def _become_vpo(
    words: list[str], environment: dict[str, str], folder: str, out: str, err: str
) -> None:
    from vpo.cli.main import main

    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in enumerate((os.devnull, out, err)):
        fd = os.open(name, os.O_RDWR | os.O_CREAT)
        os.dup2(fd, number)
        os.close(fd)
    sys.argv = ["vpo", *words]
    main()


if __name__ == "__main__":
    serve()
