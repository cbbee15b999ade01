"""The power fails while vpo works: every write to the disk is recorded, and any moment is a cut."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.media import make

from drill import user_mode
from drill.bench import Bench, Ended, Lost, Rig, Skip, expect
from drill.checks import Expected, compliance_true, database_sound, litter, sha
from drill.killed import WORKS, Work, undisturbed
from drill.mounts import MAKERS
from drill.policies import NOTHING
from drill.write_log import WriteLog

_HEADER, _, _REMUX, _, _CONTAINER, _ = WORKS
_KEPT = tuple(
    replace(w, name=f"{w.name}, kept", keep="trash") for w in (_HEADER, _REMUX, _CONTAINER)
)
_WORKS = (_HEADER, _REMUX, _CONTAINER, *_KEPT)
_DISKS = {
    "ext4": ("ext4", 64, ""),
    "ext4, data=writeback": ("ext4", 64, "data=writeback,noauto_da_alloc,commit=300"),
    "btrfs": ("btrfs", 256, ""),
    "xfs": ("xfs", 320, ""),
}
"""File systems: the kind, MiB, and how they are mounted."""
_CUTS = 10
"""For each job on each file system."""
_OLD = 1_600_000_000


@dataclass(frozen=True)
class Job:
    """What vpo does on the disk: a work, or to undo it."""

    work: Work
    undo: bool = False

    @property
    def name(self) -> str:
        return f"{self.work.name}, undone" if self.undo else self.work.name

    def do(self, rig: Rig) -> Iterator[Ended]:
        if not self.undo:
            yield rig.process(self.work.policy)
            return
        for path in self.work.paths(rig):
            yield rig.run("undo", self.work.names(path)[-1])


JOBS = (*(Job(work) for work in _WORKS), *(Job(work, undo=True) for work in _KEPT))


def rig(disk: Path, work: Work) -> Rig:
    """Return the rig of a work: it is on the disk with all that belongs to it."""
    return Rig(disk / work.name.replace(" ", "-").replace(",", ""), make.cached())


def power_loss(bench: Bench) -> None:
    """Cut the power at any moment; each film is old or new, and the next run goes on."""
    if bench.short:
        raise Skip("only in the long form")
    user_mode.need("dmsetup")
    known = {work.name: undisturbed(bench, work).expected for work in _WORKS}
    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(_disk, bench, name, known) for name in _DISKS}
        for name, job in jobs.items():
            with bench.trial(f"{name}: record"):
                job.result()


def _disk(bench: Bench, name: str, known: dict[str, dict[str, Expected]]) -> None:
    """Record one disk, and judge it as it is after cuts at random moments of each job."""
    kind, size, options = _DISKS[name]
    user_mode.need(MAKERS[kind][0])
    chance = random.Random(bench.random.random())  # noqa: S311
    home = bench.folder / f"{kind}-{uuid.uuid4().hex[:6]}"
    (home / "disk").mkdir(parents=True)
    log = _recorded(home, kind, size << 20, options)
    marks = {write.mark: number for number, write in enumerate(log.writes) if write.mark}
    points: dict[int, int] = {}
    for number in range(len(JOBS)):
        span = range(marks[f"begin-{number}"] + 1, marks[f"end-{number}"] + 2)
        some = chance.sample(span, min(len(span), _CUTS))
        points.update((point, number) for point in (*some, span[-1]))
    for point in log.cuts(set(points), home / "cut", chance):
        number = points[point]
        label = f"{name}, {JOBS[number].name}, before write {point}"
        ended = point > marks[f"end-{number}"]
        with bench.trial(label), _mounted(home / "cut", home / "disk", kind):
            _judge(_Cut(home / "disk", number, ended, chance), known)
    shutil.rmtree(home)


def _recorded(home: Path, kind: str, size: int, options: str) -> WriteLog:
    """Do all jobs on a new disk, in user-mode Linux."""
    before, disk, log = home / "before", home / "image", home / "log"
    for path, length in ((before, size), (log, 2 << 30)):
        with path.open("wb") as file:
            file.truncate(length)
    subprocess.run([*MAKERS[kind], before], check=True, capture_output=True)
    with _mounted(before, home / "disk", kind):
        for work in _WORKS:
            _fill(rig(home / "disk", work), work)
    subprocess.run(["cp", "--sparse=always", before, disk], check=True)
    mount = f"-t {kind} -o {options}" if options else f"-t {kind}"
    user_mode.boot(home, f"drill.power_guest {home} {mount}", disk, log)
    if not (home / "done").exists():
        raise RuntimeError(f"nothing was recorded: {user_mode.said(home)}")
    return WriteLog(log, before)


def _fill(rig: Rig, work: Work) -> None:
    for path in (rig.folder, rig.library, rig.home):
        path.mkdir()
    rig.configure(originals=f'keep = "{work.keep}"', tools="stall_seconds = 60")
    for name in work.samples:
        os.utime(rig.add(name), (_OLD, _OLD))


@contextlib.contextmanager
def _mounted(image: Path, point: Path, kind: str) -> Iterator[None]:
    if kind == "btrfs":  # else it takes an earlier disk, as after another cut, for the same one
        subprocess.run(["btrfs", "device", "scan", "--forget"], check=True, capture_output=True)
    done = subprocess.run(
        ["mount", "-t", kind, "-o", "loop", image, point],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Lost(f"the file system cannot be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", point], check=True, capture_output=True)


@dataclass(frozen=True)
class _Cut:
    """A disk after a power cut within the job of this number, or just after vpo had ended it."""

    disk: Path
    number: int
    ended: bool
    chance: random.Random

    def states(self, work: Work) -> set[str]:
        """Return what the films of a work may be."""
        found = {"original"}
        for number, job in enumerate(JOBS[: self.number + 1]):
            if job.work == work:
                new = "original" if job.undo else "result"
                found = {new} if number < self.number or self.ended else {*found, new}
        return found


def _judge(cut: _Cut, known: dict[str, dict[str, Expected]]) -> None:
    last = cut.number and cut.chance.random() < 0.2
    job = JOBS[cut.number - 1 if last else cut.number]
    for work in _WORKS:
        if work not in (JOBS[cut.number].work, job.work):
            _as_promised(cut, work, known)
    _recover(cut, job.work, known[job.work.name])


def _as_promised(cut: _Cut, work: Work, known: dict[str, dict[str, Expected]]) -> None:
    """Check the films of a work that was over, or had not begun, and the originals it kept."""
    place = rig(cut.disk, work)
    for path in work.paths(place):
        state = known[work.name][path.name].judge(*work.names(path))
        expect(state in cut.states(work), f"{path} is the {state} again")
    undo_files = [path for path in litter(place.library) if path.suffix == ".undo"]
    expect(not undo_files, f"an edit that was over would be taken back: {undo_files}")
    if work in _KEPT[1:] and cut.states(work) == {"result"}:
        kept = {sha(path) for path in (place.library / ".vpo-originals").iterdir()}
        for name, expected in known[work.name].items():
            expect(expected.original in kept, f"{work.name}: the original of {name} is gone")


def _recover(cut: _Cut, work: Work, known: dict[str, Expected]) -> None:
    """Let vpo repair and go on: all is done in the end, and what was kept can be undone."""
    place = rig(cut.disk, work)
    if cut.chance.random() < 0.2:  # the database was on another disk, or is lost
        shutil.rmtree(place.data, ignore_errors=True)
    states = partial(_states, work, place, known)
    if not {path.suffix for path in litter(place.library)} & {".undo", ".rename"}:
        expect(states() <= cut.states(work), f"{states()} right after the cut")
    if cut.chance.random() < 0.3:
        ended = place.process(NOTHING)
        expect(ended.rc == 0, f"the run that cleans up failed: {ended}")
        expect(states() <= {"original", "result"}, f"{states()}: {ended}")
    ended = place.process(work.policy)
    expect(ended.rc == 0, f"the next run failed: {ended}")
    expect(states() == {"result"}, f"not done by the next run: {ended}")
    if work.keep == "trash":
        path = cut.chance.choice(work.paths(place))
        undone = place.run("undo", work.names(path)[-1])
        state = known[path.name].judge(*work.names(path))
        expect(state == "original", f"not restored: {undone}")
        kept = list(place.library.rglob(".vpo-originals/*"))
        expect(len(kept) == len(work.samples) - 1, f"there are still kept: {kept}")
    expect(not litter(place.library), f"left behind: {litter(place.library)}")
    database_sound(place)
    compliance_true(place)


def _states(work: Work, place: Rig, known: dict[str, Expected]) -> set[str]:
    return {known[path.name].judge(*work.names(path)) for path in work.paths(place)}
