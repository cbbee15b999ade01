"""The test bench of a drill: counted trials, and rigs to run vpo on."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.media import make
from tests.preloaded import Preloaded, Request

LIMIT = 120.0
"""Seconds until a vpo that has not ended counts as hanging."""
TOOLS = ("mkvmerge", "mkvpropedit", "ffmpeg")
ROOT = Path(__file__).parent.parent


class Lost(Exception):  # noqa: N818 - a result
    """A promise was broken; the message says how."""


class Skip(Exception):  # noqa: N818 - a result
    """This machine cannot do the drill; the message says why."""


def expect(condition: object, problem: str) -> None:
    """Raise ``Lost`` unless the condition holds."""
    if not condition:
        raise Lost(problem)


@dataclass
class Bench:
    """The scale, random numbers, folder and count of one drill.

    ``short`` is the form for the test suite. ``media`` is a folder of further media, if any. Trials may run in several threads.
    """

    folder: Path
    short: bool
    random: random.Random
    media: Path | None = None
    tried: int = 0
    lost: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def survived(self) -> int:
        return self.tried - len(self.lost)

    def scale(self, short: int, long: int) -> int:
        return short if self.short else long

    @contextlib.contextmanager
    def trial(self, label: str, count: int = 1) -> Iterator[None]:
        """Count a trial (``count`` of them); an error in it counts as a loss."""
        self.tried += count
        try:
            yield
        except Skip as reason:
            self.tried -= count
            self.skipped.append(f"{label}: {reason}")
        except Lost as problem:
            self.lose(f"{label}: {problem}")
        except Exception as error:  # noqa: BLE001 - a drill that breaks has proven nothing
            self.lose(f"{label}: the drill broke: {type(error).__name__}: {error}")

    def lose(self, what: str) -> None:
        """Count a loss, and tell it at once."""
        self.lost.append(what)
        print(f"LOST {what}", file=sys.stderr, flush=True)

    def rig(self, *names: str, where: Path | None = None, place: Path | None = None) -> Rig:
        """Create a rig with copies of these sample files in its library (``new=sample`` renames).

        ``place`` is a folder, such as a mounted one, in which only its library is created.
        """
        mark = uuid.uuid4().hex[:8]
        folder = (where or self.folder) / mark
        rig = Rig(folder, self.corpus, place and place / f"{mark}-library", self.short)
        for path in (folder, rig.library, rig.home):
            path.mkdir()
        rig.configure()
        for name in names:
            rig.add(name)
        return rig

    @cached_property
    def corpus(self) -> Path:
        return make.cached()


@dataclass(frozen=True)
class Ended:
    """The result of a vpo process; ``files`` are its outcomes by name, ``notes`` its cleanup messages."""

    rc: int
    stdout: str
    stderr: str

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        lines = (line for line in self.stdout.splitlines() if line.startswith("{"))
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):  # a killed vpo may leave half a line
                found.append(json.loads(line))
        return found

    @cached_property
    def files(self) -> dict[str, dict[str, Any]]:
        return {os.path.basename(e["path"]): e for e in self.events if "status" in e}

    @cached_property
    def notes(self) -> list[str]:
        return [e["text"] for e in self.events if e.get("event") == "note"]

    def status(self, name: str) -> str:
        return str(self.files[name]["status"]) if name in self.files else "not mentioned"

    def error(self, name: str) -> str:
        """Return the type and message of a file's error, empty without one."""
        found = self.files.get(name, {}).get("error")
        return f"{found['type']}: {found['message']}" if found else ""

    def __str__(self) -> str:
        errors = [f"{name}: {self.error(name)}" for name in self.files if self.error(name)]
        return f"exit {self.rc}; {errors} {self.stdout[-600:]!r} {self.stderr[-600:]!r}"


class Started:
    """A running vpo, whose output goes to files so that it never waits for a reader."""

    def __init__(
        self, process: subprocess.Popen[bytes], output: tuple[Path, Path], mark: str
    ) -> None:
        self.process, self._output, self.mark = process, output, mark

    def end(self, limit: float = LIMIT) -> Ended:
        """Wait for the end; raise ``Lost`` if vpo hangs, or a tool runs on without it."""
        try:
            rc = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Lost(f"vpo had not ended after {limit:g} s") from None
        finally:
            self.kill()
        orphans_end(self.mark)
        return Ended(rc, *map(_text, self._output))

    @property
    def shown(self) -> str:
        """Return its stdout so far."""
        return _text(self._output[0])

    @property
    def said(self) -> str:
        """Return its stderr so far."""
        return _text(self._output[1])

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def relatives(self) -> list[int]:
        """Return the pids of vpo's running children and their children."""
        return [pid for pid in marked(self.mark) if pid != self.process.pid]


@dataclass(frozen=True)
class Rig:
    """A library, and a vpo with its own environment."""

    folder: Path
    corpus: Path
    place: Path | None = None
    """The library, if it is not in the folder."""
    forks: bool = False
    """Whether vpo may be started as a fork, too, which takes less time."""

    @property
    def library(self) -> Path:
        return self.place or self.folder / "library"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def database(self) -> Path:
        return self.data / "vpo.db"

    def add(self, name: str, folder: Path | None = None) -> Path:
        """Copy a sample (``new=sample`` under another name) into the library."""
        new, _, sample = name.rpartition("=")
        target = (folder or self.library) / (new or Path(sample).name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.corpus / sample, target)
        return target

    def configure(self, **sections: str) -> None:
        """Write the configuration: a section's keys as TOML; ``max_workers`` is always 2, so that
        nothing depends on the number of cores."""
        sections = {"processing": "", **sections}
        sections["processing"] = f"max_workers = 2\n{sections['processing']}"
        text = "".join(f"[{name}]\n{keys}\n" for name, keys in sections.items())
        (self.folder / "config.toml").write_text(text)

    def policy(self, text: str, name: str = "policy.yaml") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def fake_tool(self, tool: str, script: str) -> None:
        """Replace a tool with a shell script; ``real`` in it becomes the real one, and ``$here``
        is a folder for events."""
        folder = self.folder / "stand-ins"
        folder.mkdir(exist_ok=True)
        path = folder / tool
        real = f'exec {shutil.which(tool)} "$@"'
        path.write_text(f"#!/bin/sh\nhere='{self.folder}'\n{script.replace('exec real', real)}\n")
        path.chmod(0o755)

    def environment(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("VPO_", "XDG_"))}
        own: dict[str, str | None] = {
            "PATH": f"{self.folder / 'stand-ins'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "VPO_DATA_DIR": str(self.data),
            "VPO_CONFIG": str(self.folder / "config.toml"),
            "DRILL_MARK": uuid.uuid4().hex,
            "PYTHONUTF8": "1",
            **(changes or {}),
        }
        # The vpo of these sources, whatever else is installed.
        own["PYTHONPATH"] = (
            f"{own.get('PYTHONPATH', env.get('DRILL_PYTHONPATH', ''))}{os.pathsep}{ROOT / 'src'}".lstrip(
                ":"
            )
        )
        return {k: v for k, v in {**env, **own}.items() if v is not None}

    def start(
        self,
        *args: str | Path,
        env: Mapping[str, str | None] | None = None,
        before: Sequence[str] = (),
        terminal: int | None = None,
        anew: bool = False,
    ) -> Started:
        """Start ``vpo ARGS``; ``before`` are the words of a program that starts it; ``terminal``
        becomes its own, and takes its output. It is no fork if it is to be started ``anew``."""
        argv = [*before, sys.executable, "-m", "vpo", *args]
        environment, output = self.environment(env), self._new_output()
        forked = self.forks and not (before or anew) and _preloaded().serves(environment)
        with output[0].open("wb") as out, output[1].open("wb") as err:
            if forked:
                request = replace(
                    Request.of(args, environment, self.folder),
                    name=_short(environment["DRILL_MARK"]),
                    session=True,
                    terminal=terminal is not None,
                )
                fds = (out.fileno(), err.fileno()) if terminal is None else (terminal, terminal)
                fork = _preloaded().start(request, fds)
                return Started(fork, output, environment["DRILL_MARK"])
            process = subprocess.Popen(
                argv,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL if terminal is None else terminal,
                stdout=out if terminal is None else terminal,
                stderr=err if terminal is None else terminal,
                start_new_session=True,
                preexec_fn=None if terminal is None else _take_terminal,
            )
        return Started(process, output, environment["DRILL_MARK"])

    def run(
        self,
        *args: str | Path,
        env: Mapping[str, str | None] | None = None,
        before: Sequence[str] = (),
        limit: float = LIMIT,
    ) -> Ended:
        """Run vpo to its end: as a fork, unless its environment or its parent is another."""
        served = _preloaded().serves(self.environment(env)) if self.forks else env is None
        if before or not served:
            return self.start(*args, env=env, before=before).end(limit)
        return self.fork(_preloaded(), *args, env=env, limit=limit)

    def fork(
        self,
        preloaded: Preloaded,
        *args: str | Path,
        env: Mapping[str, str | None] | None = None,
        limit: float = LIMIT,
    ) -> Ended:
        """Run ``vpo ARGS`` as a fork of one that has its modules loaded."""
        environment, words = self.environment(env), [os.fspath(word) for word in args]
        try:
            rc, out, err = preloaded.run(words, environment, self.folder, limit)
        except subprocess.TimeoutExpired:
            raise Lost(f"vpo had not ended after {limit:g} s") from None
        orphans_end(environment["DRILL_MARK"])
        return Ended(rc, _decoded(out), _decoded(err))

    def _new_output(self) -> tuple[Path, Path]:
        name = uuid.uuid4().hex
        return self.folder / f"{name}.out", self.folder / f"{name}.err"

    def words(self, policy: Path | str, *more: str | Path) -> list[str | Path]:
        """Return the arguments of a normal run over the library."""
        if isinstance(policy, str):
            policy = self.policy(policy, f"{abs(hash(policy)):x}.yaml")
        return ["process", "--format", "jsonl", "-R", "-p", policy, *more, self.library]

    def process(self, policy: Path | str, *more: str | Path, limit: float = LIMIT) -> Ended:
        """Run vpo over the library to the end."""
        return self.run(*self.words(policy, *more), limit=limit)

    def throw_away(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.library, ignore_errors=True)


def until(condition: Callable[[], object], problem: str, limit: float = 30.0) -> None:
    """Wait for an event; raise ``Lost`` if it never happens."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise Lost(problem)
        time.sleep(0.002)


@cache
def _preloaded() -> Preloaded:
    found = Preloaded({"PYTHONPATH": str(ROOT / "src")})
    atexit.register(found.end)
    return found


def orphans_end(mark: str, limit: float = 5.0) -> None:
    """Raise ``Lost`` if a process with this mark outlives its vpo by so many seconds."""
    try:
        until(lambda: not marked(mark), "", limit)
    except Lost:
        left = marked(mark)
        names = [_command(pid) for pid in left]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise Lost(f"{limit:g} s after the end of vpo there still ran {names}") from None


def marked(mark: str) -> list[int]:
    """Return the running processes with this mark in their environment."""
    wanted, forked = f"DRILL_MARK={mark}".encode(), _short(mark).encode() + b"\n"
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if _read(f"/proc/{name}/comm") == forked or wanted in _read(
                    f"/proc/{name}/environ"
                ):
                    found.append(int(name))
    return found


def _read(path: str) -> bytes:
    """Read a file of /proc, of which there are many."""
    fd = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while some := os.read(fd, 1 << 16):
            data += some
        return data
    finally:
        os.close(fd)


def _short(mark: str) -> str:
    """Return what a fork is called, whose environment in /proc is that of its parent."""
    return mark[:15]


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:80]
    return str(pid)


def _text(path: Path) -> str:
    return _decoded(path.read_bytes())


def _decoded(output: bytes) -> str:
    return output.decode("utf-8", "surrogateescape")


class Watch:
    """A thread that checks the paths continuously; ``absent`` are those that were missing once.

    A path may have several names (a container is changed): then one of them must be there, and
    they are looked for in the order in which they are left. ``pause`` (seconds) leaves the others
    some of the processor.
    """

    def __init__(self, names: Sequence[Sequence[Path]], pause: float = 0.0005) -> None:
        self._pause = pause
        self._names = [[os.fspath(name) for name in names_] for names_ in names]
        self.absent: set[str] = set()
        self.looks = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.is_set():
            for names in self._names:
                if not any(map(os.path.exists, names)):
                    self.absent.add(names[0])
                self.looks += 1
            if self._pause:
                time.sleep(self._pause)
