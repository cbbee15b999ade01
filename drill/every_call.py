"""Every system call: an error, or a kill, at each call by which vpo or a tool touches the library."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from drill.bench import Bench, Ended, Lost, Rig, Skip, expect
from drill.killed import WORKS, Known, Work, kill_once, undisturbed

ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "ESTALE", "EINTR")
_SOURCE = Path(__file__).with_suffix(".c")
_KEPT = tuple(replace(work, name=f"{work.name}, kept", keep="trash") for work in WORKS)
_STRATEGIES = (WORKS[0], WORKS[2], _KEPT[4], _KEPT[0])
"""A header edit, a remux, another container, and an edit whose undo file is kept."""


@dataclass(frozen=True)
class Injector:
    """The library that makes a call fail."""

    library: Path

    def run(self, rig: Rig, words: Sequence[str | Path], at: int, error: int) -> tuple[Ended, int]:
        """Run vpo with an error (0 is a kill) at this call; return also how many there were."""
        counter = rig.folder / "calls"
        counter.write_bytes(bytes(8))
        env = {
            "LD_PRELOAD": str(self.library),
            "DRILL_COUNT": str(counter),
            "DRILL_PREFIX": str(rig.library),
            "DRILL_AT": str(at),
            "DRILL_ERROR": str(error),
        }
        ended = rig.run(*words, env=env)
        return ended, int.from_bytes(counter.read_bytes(), "little")


def every_call(bench: Bench) -> None:
    """Let calls fail, or kill vpo or the tool there, in runs and in `vpo undo`."""
    injector = _compiled(bench)
    works = [replace(work, samples=work.samples[:1]) for work in _STRATEGIES]
    works = works[-2:] if bench.short else works
    errors, kills = bench.scale(1, 1000), bench.scale(1, 400)
    known: dict[str, Known] = {}
    calls: dict[tuple[str, bool], int] = {}
    for number in range(errors + kills):
        work = works[number % len(works)]
        undo = work.keep == "trash" and bench.random.random() < 0.3
        if work.name not in known:
            known[work.name] = undisturbed(bench, work)
        if (work.name, undo) not in calls:
            calls[work.name, undo] = _count(bench, injector, work, undo)
        at = bench.random.randint(1, calls[work.name, undo])
        name = bench.random.choice(ERRORS) if number < errors else "kill"
        what = "undo" if undo else work.name
        with bench.trial(f"{name} at call {at} of {what}, {work.name}"):
            shot = partial(_shoot, injector, work, undo, at, name)
            kill_once(bench, work, known[work.name], shot, "--force")
    bench.remarks.append(
        f"{errors} errors and {kills} kills at "
        + ", ".join(f"{n} calls of {'undo of ' * u}{w}" for (w, u), n in sorted(calls.items()))
    )


def _compiled(bench: Bench) -> Injector:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Skip("there is no C compiler")
    library = bench.folder / "every_call.so"
    argv = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"cc: {done.stderr.strip()[:200]}")
    return Injector(library)


def _count(bench: Bench, injector: Injector, work: Work, undo: bool) -> int:
    """Return how many calls there are in a run without an error."""
    rig = work.rig(bench)
    rig.policy(work.policy, "work.yaml")
    _, found = _run(injector, work, undo, 0, 0, rig)
    rig.throw_away()
    if not found:
        raise Lost("no call was seen")
    return found


def _run(
    injector: Injector, work: Work, undo: bool, at: int, error: int, rig: Rig
) -> tuple[Ended, int]:
    words = rig.words(rig.folder / "work.yaml")
    if not undo:
        return injector.run(rig, words, at, error)
    first = rig.run(*words)
    expect(first.rc == 0, f"the run to undo failed: {first}")
    path = work.paths(rig)[0]
    there = next(name for name in work.names(path) if name.exists())
    return injector.run(rig, ["undo", there], at, error)


def _shoot(injector: Injector, work: Work, undo: bool, at: int, name: str, rig: Rig) -> None:
    number = 0 if name == "kill" else getattr(errno, name)
    _run(injector, work, undo, at, number, rig)
