"""A process that has imported vpo and forks a child for each run of it.

The imports take most of the time of a short run. A child is a process of its own as one of
``python -m vpo`` is, with its own arguments, environment, folder, streams and exit code. For the
same reason it has a child that is to be its prober before it asks for one.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TextIO


@dataclass(frozen=True)
class Request:
    """What a run is given: ``name`` is what it is called in /proc, if not as the others are.

    A run with a terminal has it for its input and output, and as the one that controls it.
    """

    args: list[str]
    env: dict[str, str]
    cwd: str
    name: str = ""
    session: bool = False
    terminal: bool = False

    @classmethod
    def of(
        cls, args: Sequence[str | os.PathLike[str]], env: Mapping[str, str], cwd: Path
    ) -> Request:
        return cls([os.fspath(word) for word in args], dict(env), os.fspath(cwd))


class Forked(subprocess.Popen[bytes]):
    """A run, as ``subprocess.Popen`` has its children; its supervisor says how it ended."""

    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def __init__(self, args: Sequence[str], supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self.args, self.pid, self.returncode = list(args), self._number(), None
        self.stdin = self.stdout = self.stderr = None
        self.text_mode = self.encoding = self.errors = None
        self._child_created, self._waitpid_lock = True, threading.Lock()
        self._communication_started, self._input = False, None
        self._sigint_wait_secs = 0.25

    def _number(self) -> int:
        """Read a line of the supervisor, which says nothing if it was killed."""
        line = b""
        while not line.endswith(b"\n"):
            some = self._supervisor.recv(1)
            if not some:
                return -signal.SIGKILL
            line += some
        return int(line)

    def poll(self) -> int | None:
        return self._internal_poll()

    def wait(self, timeout: float | None = None) -> int:
        if self._internal_poll(seconds=timeout) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def _internal_poll(
        self, _deadstate: int | None = None, seconds: float | None = 0
    ) -> int | None:
        if self.returncode is None and self._supervisor.fileno() >= 0:
            poller = select.poll()
            poller.register(self._supervisor, select.POLLIN)
            if poller.poll(None if seconds is None else seconds * 1000):
                with self._waitpid_lock:
                    if self.returncode is None:
                        self.returncode = self._number()
                        self._supervisor.close()
        return self.returncode


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
        with TemporaryFile() as out, TemporaryFile() as err:
            process = self.start(Request.of(args, env, cwd), (out.fileno(), err.fileno()))
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def start(self, request: Request, output: tuple[int, int]) -> Forked:
        """Start vpo with its output to these descriptors."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._socket, [b"x"], [theirs.fileno(), *output])
        ours.sendall(json.dumps(asdict(request)).encode() + b"\n")
        return Forked(request.args, ours)

    def start_piped(self, request: Request) -> Forked:
        """Start vpo with its output to pipes."""
        (stdout, out), (stderr, err) = os.pipe(), os.pipe()
        process = self.start(request, (out, err))
        process.stdout, process.stderr = os.fdopen(stdout, "rb"), os.fdopen(stderr, "rb")
        os.close(out)
        os.close(err)
        return process

    def end(self) -> None:
        self._socket.close()
        self._process.wait()


def _at_start(env: Mapping[str, str]) -> object:
    """What a process cannot be given later: what it reads at its start, and its processors."""
    early = {name: value for name, value in env.items() if name.startswith(("PYTHON", "LD_"))}
    return early, os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


_LATE = (
    "av av.container av.error av.filter av.logging glob langcodes langcodes.tag_parser pathspec"
    " platformdirs platformdirs.unix pluggy regex ruamel.yaml click._textwrap encodings.ascii"
    " encodings.utf_8_sig"
)
"""What vpo imports only when it needs it, which most runs do: of these, ``av`` takes 0.1 s."""


def _import_all() -> None:
    """Import all of vpo but what starts it, and what only ``--cluster`` needs."""
    import vpo

    for name in _LATE.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for module in pkgutil.walk_packages(vpo.__path__, "vpo."):
        if module.name != "vpo.__main__" and not module.name.startswith("vpo.cluster"):
            importlib.import_module(module.name)


def _serve(control: socket.socket) -> None:
    """Fork for each request. Returns in the child that is to be vpo; the others end here."""
    while True:
        word, fds, _, _ = socket.recv_fds(control, 1, 3)
        if not word:
            _reap()
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
    standard_input = os.dup(out) if request["terminal"] else os.open(os.devnull, os.O_RDONLY)
    for fd, standard in ((standard_input, 0), (out, 1), (err, 2)):
        os.dup2(fd, standard)
        os.close(fd)
    if request["session"] or request["terminal"]:
        os.setsid()
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdout, sys.stderr = _writer(sys.stdout, 1), _writer(sys.stderr, 2)
    if request["name"]:
        Path("/proc/self/comm").write_text(request["name"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = ["vpo", *request["args"]]


def _writer(old: TextIO, fd: int) -> TextIO:
    """Return what Python would have made of the descriptor, of which it remembers the kind."""
    line = fd == 2 or os.isatty(fd)
    buffering = 1 if line else -1
    return open(fd, "w", buffering, encoding=old.encoding, errors=old.errors, closefd=False)


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

    if sys.argv[1:2] in (["process"], ["scan"], ["inspect"], ["library"], ["policy"], ["watch"]):
        _Spare.prepare()
        subprocess.Popen = _Spare  # type: ignore[misc, assignment]
    main()
