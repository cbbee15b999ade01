"""File systems other than ext4: all that vpo does, on each of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from drill import user_mode
from drill.bench import Bench, Ended, Rig, expect, orphans_end, until
from drill.checks import Expected, database_sound, facts, litter, sha
from drill.killed import WORKS, Work
from drill.mounts import mounted
from drill.policies import HEADER

_SIZE = 300 << 20
_HEADER, _, _REMUX, _, _CONTAINER, _ENCODE = WORKS
_SUITE = (_REMUX, _HEADER, _CONTAINER, _ENCODE)
_LOCAL = ("exfat", "overlay", "casefold", "btrfs", "xfs")
_OLD = 1_600_000_000
_LATE = 3.0
"""Seconds until a file server knows the time of a file: its client closes it late, for another use."""
SHIM = Path(__file__).parent / "shim"
"""A ``sitecustomize`` with the rule of flock(2) for NFS."""


@dataclass(frozen=True)
class Place:
    """A folder on the file system in question."""

    name: str
    folder: Path
    cases: bool = True
    """Whether names that differ by case are two."""
    second: Path | None = None
    """The same folder as another machine sees it: mounted again, and nothing remembered in common."""
    served: bool = False
    """Whether it is on a file server."""


def local(bench: Bench) -> None:
    """The file systems that this kernel can mount itself."""
    for kind in _LOCAL[: bench.scale(1, 99)]:
        with contextlib.ExitStack() as stack, bench.trial(f"{kind}: mount"):
            point = stack.enter_context(mounted(bench.folder, kind, _SIZE))
            if kind == "casefold":
                subprocess.run(["chattr", "+F", point], check=True)
            suite(bench, Place(kind, point, cases=kind not in ("exfat", "casefold")))


def network(bench: Bench) -> None:
    """NFS and SMB, mounted in user-mode Linux; else only the rule of flock(2) for NFS."""
    with shimmed():
        suite(bench, Place("the rule of NFS", bench.folder))
    if bench.short:
        bench.skipped.append("user-mode Linux: only in the long form")
        return
    with ThreadPoolExecutor(2) as pool:
        for kind in ("smb", "nfs", "vfat"):
            pool.submit(_booted, bench, kind)


def _booted(bench: Bench, kind: str) -> None:
    with bench.trial(f"{kind}: boot"):
        user_mode.run(bench, kind)


@contextlib.contextmanager
def shimmed() -> Iterator[None]:
    """Let every vpo that is started find flock as NFS has it."""
    os.environ["DRILL_PYTHONPATH"] = os.fspath(SHIM)
    try:
        yield
    finally:
        del os.environ["DRILL_PYTHONPATH"]


def suite(bench: Bench, place: Place) -> None:
    """Do all works; kill vpo in each of them; run it twice at once."""
    for work in _SUITE[: bench.scale(1, 4)]:
        samples = work.samples[: bench.scale(1, 2)]
        kept = replace(work, name=f"{place.name}: {work.name}", keep="trash", samples=samples)
        with bench.trial(kept.name):
            expected = _done(bench, place, kept)
            for number in range(bench.scale(1, 3)):
                with bench.trial(f"{kept.name}, killed {number}"):
                    _killed(bench, place, replace(kept, keep="none"), expected, number)
            with bench.trial(f"{kept.name}, two at once"):
                _together(bench, place, replace(kept, keep="none"), expected)
    if not place.cases:
        with bench.trial(f"{place.name}: renamed by case"):
            _renamed(bench, place)


def _rig(bench: Bench, place: Place, work: Work) -> Rig:
    rig = bench.rig(*work.samples, place=place.folder)
    rig.configure(originals=f'keep = "{work.keep}"', tools="stall_seconds = 60")
    _age(place, work.paths(rig))
    return rig


def _age(place: Place, paths: list[Path]) -> None:
    """Make new files old, and that for good."""
    if place.served:
        time.sleep(_LATE)
    for path in paths:
        os.utime(path, (_OLD, _OLD))


def _done(bench: Bench, place: Place, work: Work) -> dict[str, Expected]:
    """Do the work, run again, undo it; return what the results are to be."""
    rig = _rig(bench, place, work)
    paths = work.paths(rig)
    originals = {path.name: sha(path) for path in paths}
    ended = rig.process(work.policy)
    expect(ended.rc == 0, f"{ended}")
    expected = {}
    for path in paths:
        expect(ended.status(path.name) == "changed" or work.suffix, f"{ended}")
        result = work.names(path)[-1]
        expect(result.exists(), f"{result.name} is not there: {ended}")
        expect(sha(result) != originals[path.name], f"{path.name}: nothing was done: {ended}")
        expected[path.name] = Expected(originals[path.name], facts(result), {sha(result)})
    again = rig.process(work.policy)
    expect(again.rc == 0, f"{again}")
    _all(again, {work.names(path)[-1].name for path in paths}, "unchanged")
    _clean(rig)
    if work.keep != "none":
        for path in paths:
            undone = rig.run("undo", work.names(path)[-1])
            expect(undone.rc == 0, f"undo: {undone}")
            state = expected[path.name].judge(*work.names(path))
            expect(state == "original", f"undo left {path.name} as it was: {undone}")
        _clean(rig)
    rig.throw_away()
    return expected


def _all(ended: Ended, names: set[str], status: str) -> None:
    expect(set(ended.files) == names, f"{ended}")
    expect(all(ended.status(name) == status for name in names), f"{ended}")


def _clean(rig: Rig) -> None:
    left = [*litter(rig.library), *rig.library.rglob(".nfs*"), *rig.library.rglob(".smb*")]
    expect(not left, f"left behind: {left}")
    database_sound(rig)


def _killed(
    bench: Bench, place: Place, work: Work, expected: dict[str, Expected], number: int
) -> None:
    """Kill vpo and its tools while a tool runs, or soon after; the next run repairs and goes on."""
    rig = _rig(bench, place, work)
    for tool in ("mkvpropedit", "mkvmerge", "ffmpeg"):
        rig.fake_tool(tool, 'case "$*" in *-version*) ;; *) : > "$here/runs" ;; esac; exec real')
    vpo = rig.start(*rig.words(work.policy))
    until(lambda: (rig.folder / "runs").exists() or vpo.process.poll() is not None, "no tool", 60)
    with contextlib.suppress(subprocess.TimeoutExpired):
        vpo.process.wait(bench.random.random() * 0.2 * number)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(vpo.process.pid, signal.SIGKILL)
    vpo.process.wait()
    orphans_end(vpo.mark)
    for path in work.paths(rig):
        there = [name for name in work.names(path) if name.exists()]
        expect(there, f"{path.name} was gone after the kill")
    ended = rig.process(work.policy)
    expect(ended.rc == 0, f"{ended}")
    for path in work.paths(rig):
        state = expected[path.name].judge(*work.names(path))
        expect(state == "result", f"{path.name} was not done by the next run: {ended}")
    _clean(rig)
    rig.throw_away()


def _together(bench: Bench, place: Place, work: Work, expected: dict[str, Expected]) -> None:
    """Two vpo, each with its own database, over the same folder: each file is done once."""
    rig = _rig(bench, place, work)
    names = [f"{number}{sample}={sample}" for sample in work.samples for number in range(2)]
    _age(place, [rig.add(name) for name in names])
    paths = sorted(rig.library.iterdir())
    other = {"VPO_DATA_DIR": str(rig.folder / "other-data")}
    first = rig.start(*rig.words(work.policy))
    there = (place.second or place.folder) / rig.library.name
    second = rig.start(*rig.words(work.policy)[:-1], there, env=other)
    ends = (first.end(), second.end())
    expect([ended.rc for ended in ends] == [0, 0], f"{ends[0]} {ends[1]}")
    for path in paths:
        sample = path.name.lstrip("01")
        state = expected[sample].judge(*work.names(path))
        expect(state == "result", f"{path.name} was done by neither: {ends[0]} {ends[1]}")
        result = work.names(path)[-1].name
        done = [e for e in ends for f in (path.name, result) if e.status(f) == "changed"]
        expect(len({id(e) for e in done}) == 1, f"{path.name} was done {len(done)} times: {ends}")
    _clean(rig)
    rig.throw_away()


def _renamed(bench: Bench, place: Place) -> None:
    """A film that gets a name in other case stays one film, and is not processed again."""
    rig = bench.rig("Film.mkv=wrong-flags.mkv", place=place.folder)
    expect(rig.process(HEADER).status("Film.mkv") == "changed", "it was not done")
    # In two steps: FAT takes both names for one, and a rename for done.
    (rig.library / "Film.mkv").rename(rig.library / "other").rename(rig.library / "film.mkv")
    ended = rig.process(HEADER)
    expect(os.listdir(rig.library) == ["film.mkv"], f"there is {os.listdir(rig.library)}")
    _all(ended, {"film.mkv"}, "unchanged")
    _clean(rig)
    rig.throw_away()
