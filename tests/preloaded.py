"""A process that has imported vpo and forks a child for each run of it.

The imports take most of the time of a short run. A child is a process of its own as one of
``python -m vpo`` is, with its own arguments, environment, folder, streams and exit code. For the
same reason it has a child that is to be its prober before it asks for one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any


class Preloaded:
    """The process, as those see it who want vpo run; ``further`` is part of its environment."""

    def __init__(self, further: Mapping[str, str] | None = None) -> None:
        self._socket, other = socket.socketpair()
        env = {**os.environ, "PYTHONUTF8": "1", **(further or {})}
        self._start = _at_start(env)
        with other:
            argv = [sys.executable, __file__, str(other.fileno())]
            self._process = subprocess.Popen(argv, env=env, pass_fds=[other.fileno()])

    def serves(self, env: Mapping[str, str]) -> bool:
        """Whether a run now and with these variables needs no process started for itself."""
        return _at_start(env) == self._start

    def run(
        self, args: Sequence[str], env: Mapping[str, str], cwd: Path, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run vpo to its end; returns its exit code, as ``subprocess`` has it, and its output."""
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout)
        with TemporaryFile() as out, TemporaryFile() as err, ours:
            with theirs:
                fds = [theirs.fileno(), out.fileno(), err.fileno()]
                socket.send_fds(self._socket, [b"x"], fds)
            request = {"args": list(args), "env": dict(env), "cwd": os.fspath(cwd)}
            ours.sendall(json.dumps(request).encode() + b"\n")
            with ours.makefile() as answers:
                pid = int(answers.readline())
                try:
                    code = int(answers.readline())
                except TimeoutError as error:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(list(args), timeout) from error
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def end(self) -> None:
        self._socket.close()
        self._process.wait()


def _at_start(env: Mapping[str, str]) -> object:
    """What a process cannot be given later: what Python reads at its start, and its processors."""
    python = {name: value for name, value in env.items() if name.startswith("PYTHON")}
    return python, os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def _import_all() -> None:
    """Import all of vpo but what starts it, and what only ``--cluster`` needs."""
    import vpo

    for module in pkgutil.walk_packages(vpo.__path__, "vpo."):
        if module.name != "vpo.__main__" and not module.name.startswith("vpo.cluster"):
            importlib.import_module(module.name)


def _serve(control: socket.socket) -> None:
    """Fork for each request. Returns in the child that is to be vpo; the others end here."""
    while True:
        word, fds, _, _ = socket.recv_fds(control, 1, 3)
        if not word:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            _supervise(*fds)
            return
        for fd in fds:
            os.close(fd)
        _reap()


def _reap() -> None:
    """Take leave of the supervisors that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _supervise(connection: int, out: int, err: int) -> None:
    """Fork the child, and report its process id and its exit code."""
    client = socket.socket(fileno=connection)
    with client.makefile() as requests:
        request = json.loads(requests.readline())
    pid = os.fork()
    if pid:
        client.sendall(f"{pid}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        client.sendall(f"{code}\n".encode())
        os._exit(0)
    client.close()
    for fd, standard in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(fd, standard)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = ["vpo", *request["args"]]


class _Spare(subprocess.Popen[bytes]):
    """What ``subprocess.Popen`` is in a run: it gives the prober's child once, without starting it.

    The child is a fork of this process, kept apart as ``Processes.start_service`` does it.
    """

    spare: tuple[int, int, int] | None = None
    """Its process id, and the descriptors of its input and output."""

    def __init__(self, args: Any, **options: Any) -> None:
        kind = _Spare
        module = python_module("vpo.probe.child")
        if kind.spare is None or list(args)[-len(module) :] != module:
            super().__init__(args, **options)
            return
        pid, stdin, stdout = kind.spare
        kind.spare = None
        self.args, self.pid, self.returncode = args, pid, None
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(stdin, "wb", 0),
            os.fdopen(stdout, "rb", 0),
            None,
        )
        self._child_created, self._waitpid_lock = True, threading.Lock()
        self._communication_started, self._input = False, None

    @classmethod
    def prepare(cls) -> None:
        """Fork the child that waits for the requests of this run, or for its end."""
        (requests, stdin), (stdout, answers) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid:
            os.setpgid(pid, pid)
            os.close(requests)
            os.close(answers)
            cls.spare = (pid, stdin, stdout)
            return
        os.setpgid(0, 0)
        os.close(stdin)
        os.close(stdout)
        for fd, standard in ((requests, 0), (answers, 1), (os.open(os.devnull, os.O_WRONLY), 2)):
            os.dup2(fd, standard)
            os.close(fd)
        os.chdir(NEUTRAL_FOLDER)
        environment = child_environment(_KEEP_MEMORY)
        os.environ.clear()
        os.environ.update(environment)
        child._serve()
        os._exit(0)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)
    _import_all()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from vpo.cli.main import main
    from vpo.probe import child
    from vpo.tools.isolation import NEUTRAL_FOLDER, child_environment, python_module
    from vpo.tools.service import _KEEP_MEMORY

    if sys.argv[1:2] in (["process"], ["scan"], ["inspect"], ["library"], ["policy"]):
        _Spare.prepare()
        subprocess.Popen = _Spare  # type: ignore[misc, assignment]
    main()
