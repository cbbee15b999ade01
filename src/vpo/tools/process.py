"""The programs that vpo uses: where they are, and running them.

This is the only module that starts processes. A tool runs in its own process group with its input
closed, so that a Ctrl-C in the terminal reaches vpo alone, and dies with vpo on Linux. What it
writes is read all the time and kept only as a bounded tail. A tool that makes no progress for the
stall time is ended.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from vpo.config.defaults import STALL_SECONDS
from vpo.errors import CancelledError, SpaceError, ToolError, ToolMissingError

TOOLS = ("mkvmerge", "mkvpropedit", "ffmpeg")
INSTALL = {
    "mkvmerge": "install mkvtoolnix (Debian, Homebrew: mkvtoolnix)",
    "mkvpropedit": "install mkvtoolnix (Debian, Homebrew: mkvtoolnix)",
    "ffmpeg": "install ffmpeg, or vpo with a bundled one: pip install 'vpo[bundled]'",
}

_TAIL = 8192
"""Bytes of a tool's output that are kept for an error message."""
_NO_SPACE = ("No space left", "not enough space", "Disk quota exceeded")
log = logging.getLogger(__name__)

_SMALL_TALK = re.compile(
    r"\[(?:info|verbose)\] |^frame= |^size= |Multiple -c, -codec, .* options specified"
)
"""The last: a track that is encoded has two codecs on the command line, on purpose."""
_MARK = re.compile(r"\[(?:warning|error|fatal|panic)\] ")
_POLL_SECONDS = 0.5
_VERSION_SECONDS = 30.0
_GRACE_SECONDS = 2.0
"""How long a tool may take to end after SIGTERM, before SIGKILL."""

Progress = Callable[[str], object]
"""Takes a line of the tool's standard output; whatever is true means that it got on."""


@dataclass(frozen=True)
class Tools:
    """Paths of the programs that were found; ``None`` for one that is not there.

    ``stall_seconds`` is how long a tool may run without progress.
    """

    mkvmerge: str | None = None
    mkvpropedit: str | None = None
    ffmpeg: str | None = None
    stall_seconds: float = STALL_SECONDS

    def need(self, name: str) -> str:
        """The path of a tool; ``ToolMissingError`` says how to get it."""
        path: str | None = getattr(self, name)
        if path is None:
            raise ToolMissingError(f"{name} is needed and not installed: {INSTALL[name]}")
        return path


def find(configured: dict[str, str | None], stall_seconds: float) -> Tools:
    """Look for every tool: configured path, then ``PATH``, then the bundled ffmpeg."""
    return Tools(
        **{name: _find(name, configured.get(name)) for name in TOOLS},
        stall_seconds=stall_seconds,
    )


def _find(name: str, configured: str | None) -> str | None:
    if configured:
        return configured
    return shutil.which(name) or (_bundled_ffmpeg() if name == "ffmpeg" else None)


def versions(tools: Tools) -> dict[str, str]:
    """Of each tool that is there, what it says of itself in its first line."""
    return {name: version(path) for name in TOOLS if (path := getattr(tools, name)) is not None}


def version(path: str) -> str:
    """The first line of what the tool says of itself. Raises ``ToolError``."""
    said: list[str] = []
    word = "-version" if "ffmpeg" in os.path.basename(path) else "--version"
    run([path, word], stall_seconds=_VERSION_SECONDS, progress=said.append)
    return said[0].strip() if said else ""


def _bundled_ffmpeg() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


class _Group:
    """A program that was started, and what it starts in turn: a process group of its own.

    Signals and waiting for it exclude each other: from then on its number may be another group's.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.told = False
        """Whether it was sent a signal."""
        self._lock = threading.RLock()

    def signal(self, number: signal.Signals) -> None:
        """To all of the group, unless the program has been waited for."""
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.returncode is None:
                self.told = True
                os.killpg(self.process.pid, number)

    def wait(self, seconds: float = math.inf) -> bool:
        """Whether the program ends within that time; its number stays its own."""
        deadline, pause = time.monotonic() + seconds, 0.0005
        while not self._ended():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            pause = min(2 * pause, 0.05)
            time.sleep(min(pause, left))
        return True

    def status(self) -> int:
        """The exit status, once the program has ended."""
        self.wait()
        with self._lock:
            return self.process.wait()

    def _ended(self) -> bool:
        with self._lock:
            # Where the status cannot be looked at (macOS before Python 3.13), it is taken.
            if self.process.returncode is None and hasattr(os, "waitid"):
                with contextlib.suppress(ChildProcessError):
                    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
                    return os.waitid(os.P_PID, self.process.pid, options) is not None
            return self.process.poll() is not None


class _Running:
    """The processes that run now, so that an interrupt can end them all.

    Without a lock, so that ``cancel`` may be called from anywhere: it says so first and looks for
    processes then, and who starts one notes it first and looks then whether that was still right.
    """

    def __init__(self) -> None:
        self._groups: set[_Group] = set()
        self._cancelled: float | None = None
        self.paused = False

    @contextlib.contextmanager
    def start(self, argv: Sequence[str | bytes], fds: Sequence[int]) -> Iterator[_Group]:
        if self.cancelled:
            raise CancelledError("interrupted")
        group = _Group(_spawn(argv, fds))
        self._groups.add(group)
        try:
            if self.cancelled:
                raise CancelledError("interrupted")
            if self.paused:
                self.pause(True)
            yield group
        finally:
            if not group.wait(0):
                _end(group)
            group.status()
            self._groups.discard(group)
            for stream in (group.process.stdout, group.process.stderr):
                if stream is not None:
                    stream.close()

    def cancel(self) -> None:
        if self._cancelled is None:
            self._cancelled = time.monotonic()
        for group in list(self._groups):
            group.signal(signal.SIGTERM)
            group.signal(signal.SIGCONT)  # else it would not hear of it

    def pause(self, paused: bool) -> None:
        self.paused = paused
        for group in list(self._groups):
            group.signal(signal.SIGSTOP if paused else signal.SIGCONT)

    def reset(self) -> None:
        self._cancelled = None

    @property
    def cancelled(self) -> bool:
        return self._cancelled is not None

    @property
    def overdue(self) -> bool:
        """Whether a tool that still runs has been asked to end and had its time to do so."""
        asked = self._cancelled
        return asked is not None and time.monotonic() - asked > _GRACE_SECONDS


_running = _Running()


def cancel() -> None:
    """End every running tool and let none start; whoever waits for one gets ``CancelledError``.

    May be called from any thread, and again.
    """
    _running.cancel()
    for group in list(_services):
        group.signal(signal.SIGKILL)


def hold(paused: bool) -> None:
    """Let every running tool stand still, and those that start from now on, or all go on."""
    if _running.paused != paused:
        _running.pause(paused)


def is_cancelled() -> bool:
    """Whether ``cancel`` was called."""
    return _running.cancelled


def allow() -> None:
    """Let tools start again, for the next batch in this process."""
    _running.reset()


_IO_CLASSES = {"low": ("-c", "2", "-n", "7"), "idle": ("-c", "3")}
"""Best effort in its lowest degree, and idle: ionice(1)."""


def stand_back(nice: int, ionice: str) -> None:
    """Let the tools that this thread starts from now on wait for other programs: ``nice`` as of
    nice(1), ``ionice`` one of ``normal``, ``low`` and ``idle``.

    A priority that is lower already stays. ``ionice`` needs the program of that name.
    """
    thread = threading.get_native_id() if sys.platform == "linux" else 0
    if nice > os.getpriority(os.PRIO_PROCESS, thread):
        os.setpriority(os.PRIO_PROCESS, thread, nice)
    if ionice != "normal":
        command = ["ionice", *_IO_CLASSES[ionice], "-p", str(threading.get_native_id())]
        try:
            run(command, stall_seconds=_VERSION_SECONDS)
        except ToolError as error:  # the work can be done all the same
            log.warning("the tools do not stand back for the disk: %s", error)


def run(
    argv: Sequence[str | bytes],
    *,
    stall_seconds: float,
    output: str | None = None,
    progress: Progress | None = None,
    ok: Sequence[int] = (0,),
    fds: Sequence[int] = (),
) -> tuple[int, str]:
    """Run a tool to its end; its exit status and the tail of what it wrote to stderr.

    It stalls when for ``stall_seconds`` neither ``progress`` reports that it got on nor the file
    ``output`` is written to. ``fds`` stay open in it. ``ToolError`` on a status not in ``ok``, a
    signal or a stall, ``CancelledError`` if it was ended by ``cancel``.
    """
    with _running.start(argv, fds) as group:
        watch = _Watch(group, output, progress, stall_seconds)
        stalled = not watch.follow()
        if stalled:
            _end(group)
        status = group.status()
        tail = watch.stderr or watch.stdout
    if _running.cancelled and status != 0:
        raise CancelledError("interrupted")
    if stalled:
        problem = f"made no progress for {stall_seconds:g} s and was ended"
    elif status < 0:
        problem = f"was killed by {_signal_name(-status)}"
    elif status not in ok:
        problem = f"failed with exit status {status}"
    elif any(words in tail for words in _NO_SPACE):
        # ffmpeg says so, and ends as if all were well.
        problem = "could not write its output"
    else:
        return status, tail
    shown = tuple(os.fsdecode(item) for item in argv)
    name = os.path.basename(shown[0])
    detail = _last_words(tail)
    if any(words in tail for words in _NO_SPACE):
        raise SpaceError(f"{name} {problem}: the file system is full; make room and run again")
    message = f"{name} {problem}{': ' + detail if detail else ''}"
    raise ToolError(message, shown, status, tail, stalled)


class ServiceError(Exception):
    """A service did not answer; the message ends a sentence that begins with what it is."""


_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_MMAP_THRESHOLD_": str(256 << 20)}
"""For glibc (mallopt(3)): what was needed for one question is kept for the next one."""


class Service:
    """A child that answers questions, a line for a line, until it is closed.

    Its input is the one exception to closed inputs: it reads nothing but what vpo writes.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*_guard(), *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
            env={**os.environ, **_KEEP_MEMORY},
        )
        self._group = _Group(self._process)
        self._rest = b""
        _services.add(self._group)
        self._finalizer = weakref.finalize(self, _close_service, self._group)

    @property
    def alive(self) -> bool:
        """Whether it has neither ended nor, as by ``cancel``, been told to."""
        return not (self._group.told or self._group.wait(0))

    def ask(self, line: bytes) -> None:
        """Put a question; each is answered, in the order in which they were asked."""
        question = self._process.stdin
        if question is None:
            raise ServiceError("was closed")
        try:
            question.write(line + b"\n")
        except OSError:
            raise ServiceError(self._end()) from None

    def answer(self, timeout: float) -> bytes:
        """The next answer; ``ServiceError`` if the child ends, or takes longer than this (s)."""
        answers = self._process.stdout
        if answers is None:
            raise ServiceError("was closed")
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise ServiceError(f"did not answer within {timeout:g} s")
                data = os.read(answers.fileno(), 1 << 20)
                if not data:
                    raise ServiceError(self._end())
                self._rest += data
        answer, _, self._rest = self._rest.partition(b"\n")
        return answer

    def close(self) -> None:
        """End the child and release what it holds here."""
        self._finalizer()

    def _end(self) -> str:
        if _running.cancelled:
            raise CancelledError("interrupted")
        status = self._group.status() if self._group.wait(_GRACE_SECONDS) else 0
        return f"crashed ({_signal_name(-status)})" if status < 0 else "ended unexpectedly"


_services: set[_Group] = set()


def _close_service(group: _Group) -> None:
    group.signal(signal.SIGKILL)
    group.status()
    _services.discard(group)
    for stream in (group.process.stdin, group.process.stdout):
        if stream is not None:
            stream.close()


class _Watch:
    """Reads a process's output until it ends, and notices when it gets nowhere."""

    def __init__(
        self,
        group: _Group,
        output: str | None,
        progress: Progress | None,
        stall_seconds: float,
    ) -> None:
        self._group = group
        self._output = output
        self._progress = progress
        self._stall = stall_seconds
        self._state = (-1, -1)
        self._active = time.monotonic()
        self._tails = {"stdout": b"", "stderr": b""}
        self._line = b""

    @property
    def stdout(self) -> str:
        return self._tails["stdout"].decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self._tails["stderr"].decode("utf-8", "replace")

    def follow(self) -> bool:
        """Until the process has ended; false if it stalled, or did not end when it was told to."""
        with selectors.DefaultSelector() as selector:
            for name in self._tails:
                stream = getattr(self._group.process, name)
                selector.register(stream, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select(_POLL_SECONDS):
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    self._take(key.data, data)
                if self._stalled() or _running.overdue:
                    return False
                if self._group.wait(0) and not selector.select(0):
                    break
        return self._ended()

    def _take(self, name: str, data: bytes) -> None:
        self._tails[name] = (self._tails[name] + data)[-_TAIL:]
        if name == "stdout" and self._progress is not None:
            *lines, self._line = (self._line + data[-65536:]).replace(b"\r", b"\n").split(b"\n")
            self._line = self._line[-_TAIL:]
            for line in lines:
                if self._progress(line.decode("utf-8", "replace")):
                    self._active = time.monotonic()

    def _stalled(self) -> bool:
        now = time.monotonic()
        if _running.paused:
            self._active = now
        if now - self._active < min(self._stall, 1.0):
            return False
        if self._output is not None:
            with contextlib.suppress(OSError):
                status = os.stat(self._output)
                # The time too: ffmpeg moves an index to the front without growing the file.
                state = status.st_size, status.st_mtime_ns
                if state != self._state:
                    self._state, self._active = state, now
        return now - self._active > self._stall

    def _ended(self) -> bool:
        """A tool may close its output and go on running."""
        while not self._stalled() and not _running.overdue:
            if self._group.wait(_POLL_SECONDS):
                return True
        return False


@cache
def _guard() -> tuple[str, ...]:
    """Words in front of a command that have the kernel kill it when vpo dies (Linux)."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _spawn(argv: Sequence[str | bytes], fds: Sequence[int]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*_guard(), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(fds),
            bufsize=0,
            env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "C", "AV_LOG_FORCE_NOCOLOR": "1"},
        )
    except OSError as error:
        shown = tuple(os.fsdecode(item) for item in argv)
        name = os.path.basename(shown[0])
        raise ToolError(f"{name} cannot be started: {error.strerror}", shown, 127, "") from None


def _end(group: _Group) -> None:
    """End all of the group: politely, then not."""
    if not _running.overdue:
        group.signal(signal.SIGTERM)
        group.wait(_GRACE_SECONDS)
    group.signal(signal.SIGKILL)
    group.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(tail: str) -> str:
    """The last lines that say something, on one line."""
    lines = [line.strip() for line in tail.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line and not line.startswith("#GUI#progress")]
    # Where ffmpeg marks how grave a line is, the small talk is left out, and the marks.
    told = [_MARK.sub("", line, count=1) for line in lines if not _SMALL_TALK.search(line)]
    return " | ".join(told[-3:] or lines[-3:])[-600:]
