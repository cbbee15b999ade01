"""Two hosts of a cluster in network namespaces: one is disconnected, one is killed, while processing."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from drill.bench import Bench, Rig, Skip, expect, until
from drill.checks import Expected, database_sound, facts, litter, sha
from drill.policies import REMUX

_NET = "10.213.77"
_SCHEDULER = f"tcp://{_NET}.1:18786"
_PATIENCE = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s"}
"""After so long without an answer a host counts as gone; Dask's default is 30 s."""
_LIMIT = 180.0
_SAMPLE = "multi-audio.mkv"


def hosts(bench: Bench) -> None:
    """The file of a lost host is processed by the other, once, and nothing is left over."""
    if bench.short:
        raise Skip("only in the long form; the tests of clusters kill nodes on loopback")
    if importlib.util.find_spec("distributed") is None:
        raise Skip("the extra `cluster` is not installed")
    fates: dict[str, Callable[[_Network, str], None]] = {
        "cut off": _Network.cut,
        "killed": _Network.kill,
    }
    for what, fate in fates.items():
        with bench.trial(f"a host is {what}"):
            _one_host_less(bench, fate)


def _one_host_less(bench: Bench, fate: Callable[[_Network, str], None]) -> None:
    expected = _expected(bench)
    rig = bench.rig(_SAMPLE)
    rig.configure(tools="stall_seconds = 600", cluster="require_tls = false")
    # The first host that gets the file does not get on; it says which one it is.
    first = 'case "$*" in *--version*) ;; *) mkdir "$here/first" 2>/dev/null && {'
    rig.fake_tool(
        "mkvmerge", f'{first} hostname > "$here/who"; exec sleep 600; }} ;; esac; exec real'
    )
    with _network() as network, _running(rig, None, "scheduler", "--port", "18786"):
        for name in network.hosts:
            network.stack.enter_context(
                _running(rig, network.inside(name), "worker", _SCHEDULER, "--nthreads", "1")
            )
        vpo = rig.start(*rig.words(REMUX), "--cluster", _SCHEDULER, anew=True)
        until((rig.folder / "who").exists, "no host began", 60)
        fate(network, network.hosts[int((rig.folder / "who").read_text())])
        ended = vpo.end(_LIMIT)
        expect(ended.rc == 0, f"{ended}")
        expect(ended.status(_SAMPLE) == "changed", f"{ended}")
        expect(expected.judge(rig.library / _SAMPLE) == "result", "is the original")
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    database_sound(rig)


def _expected(bench: Bench) -> Expected:
    rig = bench.rig(_SAMPLE)
    before = sha(rig.library / _SAMPLE)
    expect(rig.process(REMUX).rc == 0, "the sample cannot be processed")
    return Expected(before, facts(rig.library / _SAMPLE))


class _Network:
    """A bridge with the scheduler on it, and two hosts."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.stack = stack
        mark = uuid.uuid4().hex[:6]
        self._bridge = f"vpo{mark}"
        self.hosts = [f"vpo{mark}{letter}" for letter in "ab"]

    def make(self) -> None:
        self._add("link", "add", self._bridge, "type", "bridge", gone=("link", "del", self._bridge))
        _ip("addr", "add", f"{_NET}.1/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number, name in enumerate(self.hosts):
            self._add("netns", "add", name, gone=("netns", "del", name))
            _ip("link", "add", f"{name}0", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"{name}0", "master", self._bridge, "up")
            _ip("-n", name, "addr", "add", f"{_NET}.{number + 2}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                _ip("-n", name, "link", "set", link, "up")

    def _add(self, *words: str, gone: tuple[str, ...]) -> None:
        _ip(*words)
        self.stack.callback(_ip, *gone)

    def inside(self, name: str) -> list[str]:
        """Return the prefix of a command that runs on the host, with its own host name."""
        number = self.hosts.index(name)
        own = f'hostname {number} && exec "$@"'
        return ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", own, "sh"]

    def cut(self, name: str) -> None:
        """Disconnect the host."""
        _ip("link", "set", f"{name}0", "down")

    def kill(self, name: str) -> None:
        """Kill all processes of the host."""
        for pid in _ip("netns", "pids", name).split():
            os.kill(int(pid), signal.SIGKILL)


@contextlib.contextmanager
def _network() -> Iterator[_Network]:
    if shutil.which("ip") is None:
        raise Skip("there is no `ip` (iproute2)")
    with contextlib.ExitStack() as stack:
        network = _Network(stack)
        try:
            network.make()
        except subprocess.CalledProcessError as error:
            raise Skip(f"no network namespaces here: {error.stderr.strip()}") from None
        yield network


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=True)
    return done.stdout


@contextlib.contextmanager
def _running(rig: Rig, inside: list[str] | None, *words: str) -> Iterator[None]:
    """Run a Dask scheduler or worker until the drill is over."""
    argv = [*(inside or []), str(Path(sys.executable).with_name("dask")), *words, "--no-dashboard"]
    with (rig.folder / f"{words[0]}-{uuid.uuid4().hex[:4]}.log").open("wb") as log:
        process = subprocess.Popen(
            argv,
            env=rig.environment(_PATIENCE),
            cwd=rig.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
