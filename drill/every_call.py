"""Every system call: an error, or a kill, at each call by which vpo or a tool touches the library."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from tests.preloaded import Preloaded

from drill.bench import ROOT, Bench, Lost, Rig, Skip, expect
from drill.killed import WORKS, Work, kill_once, undisturbed

ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "ESTALE", "EINTR")
_SOURCE = Path(__file__).with_suffix(".c")
_CALLS = struct.Struct("lll4096s")
_KEPT = tuple(replace(work, name=f"{work.name}, kept", keep="trash") for work in WORKS)
_STRATEGIES = (WORKS[0], WORKS[2], _KEPT[4], _KEPT[0])
"""A header edit, a remux, another container, and an edit whose undo file is kept."""


class Injector:
    """The library that makes a call fail, in a vpo and in its tools."""

    def __init__(self, library: Path, calls: Path) -> None:
        self._calls = calls
        self._calls.write_bytes(bytes(_CALLS.size))
        self._env = {"LD_PRELOAD": str(library), "DRILL_CALLS": str(calls)}
        self._preloaded = Preloaded({**self._env, "PYTHONPATH": str(ROOT / "src")})

    def run(self, rig: Rig, words: Sequence[str | Path], at: int, error: int) -> int:
        """Run vpo with an error (0 is a kill) at this call; return how many there were."""
        # Not truncated: it is mapped.
        with self._calls.open("r+b") as calls:
            calls.write(_CALLS.pack(0, at, error, os.fsencode(rig.library)))
        rig.fork(self._preloaded, *words, env=self._env)
        return int(_CALLS.unpack(self._calls.read_bytes())[0])


class Shot(NamedTuple):
    """An error or a kill in a work, or in `vpo undo` of it; ``where`` is the share before it."""

    work: Work
    undo: bool
    name: str
    where: float

    @property
    def run(self) -> str:
        return f"{'undo of ' * self.undo}{self.work.name}"


def every_call(bench: Bench) -> None:
    """Let calls fail, or kill vpo or the tool there, in runs and in `vpo undo`."""
    errors, kills = bench.scale(1, 1000), bench.scale(1, 400)
    shoot(bench, _shots(bench, errors, kills))
    bench.remarks.append(f"{errors} errors and {kills} kills")


def shoot(bench: Bench, shots: Sequence[Shot]) -> None:
    """Let calls fail, or kill there, and check what becomes of the files."""
    library = _compiled(bench)
    injectors: SimpleQueue[Injector] = SimpleQueue()
    threads = bench.scale(1, 3)
    for number in range(threads):
        injectors.put(Injector(library, bench.folder / f"calls {number}"))
    known = {work: undisturbed(bench, work) for work in dict.fromkeys(s.work for s in shots)}
    calls: dict[str, int] = {}
    injector = injectors.get()
    for shot in shots:
        if shot.run not in calls:
            calls[shot.run] = _count(bench, injector, shot)
    injectors.put(injector)

    def one(shot: Shot) -> None:
        at = 1 + int(shot.where * calls[shot.run])
        with bench.trial(f"{shot.name} at call {at} of {shot.run}"):
            injector = injectors.get()
            try:
                strike = partial(_strike, injector, shot, at)
                kill_once(bench, shot.work, known[shot.work], strike, "--force")
            finally:
                injectors.put(injector)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, shots))
    numbers = ", ".join(f"{count} calls of {run}" for run, count in sorted(calls.items()))
    bench.remarks.append(numbers)


def _shots(bench: Bench, errors: int, kills: int) -> list[Shot]:
    works = [replace(work, samples=work.samples[:1]) for work in _STRATEGIES]
    works = works[-2:] if bench.short else works
    chance = bench.random
    return [
        Shot(
            work := works[number % len(works)],
            work.keep == "trash" and chance.random() < 0.3,
            chance.choice(ERRORS) if number < errors else "kill",
            chance.random(),
        )
        for number in range(errors + kills)
    ]


def _compiled(bench: Bench) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Skip("there is no C compiler")
    library = bench.folder / "every_call.so"
    argv = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"cc: {done.stderr.strip()[:200]}")
    return library


def _count(bench: Bench, injector: Injector, shot: Shot) -> int:
    """Return how many calls there are in a run without an error."""
    rig = shot.work.rig(bench)
    rig.policy(shot.work.policy, "work.yaml")
    found = _run(injector, shot, 0, 0, rig)
    rig.throw_away()
    if not found:
        raise Lost("no call was seen")
    return found


def _run(injector: Injector, shot: Shot, at: int, error: int, rig: Rig) -> int:
    words = rig.words(rig.folder / "work.yaml")
    if shot.undo:
        first = rig.run(*words)
        expect(first.rc == 0, f"the run to undo failed: {first}")
        path = shot.work.paths(rig)[0]
        words = ["undo", next(name for name in shot.work.names(path) if name.exists())]
    return injector.run(rig, words, at, error)


def _strike(injector: Injector, shot: Shot, at: int, rig: Rig) -> None:
    _run(injector, shot, at, 0 if shot.name == "kill" else getattr(errno, shot.name), rig)
