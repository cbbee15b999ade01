"""Killed: SIGKILL at random moments and at every single step, alone or with all children."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from drill.bench import Bench, Ended, Rig, Started, Watch, expect, until
from drill.checks import Expected, database_sound, facts, litter, rows, sha, unchanged
from drill.mounts import mounted
from drill.policies import CONTAINER, HEADER, NOTHING, REMUX, TRANSCODE


@dataclass(frozen=True)
class Work:
    """Work of vpo on a few files, and its expected results."""

    name: str
    policy: str
    samples: tuple[str, ...]
    suffix: str = ""
    """Of the results, if another than that of the samples."""
    keep: str = "none"
    encodes: bool = False
    """Whether streams of the results are others than the originals'."""
    linked: bool = False
    scratch: bool = False
    elsewhere: Path | None = None
    """The temporary folder, on another file system."""

    def names(self, path: Path) -> tuple[Path, ...]:
        return (path, path.with_suffix(self.suffix)) if self.suffix else (path,)

    def rig(self, bench: Bench) -> Rig:
        rig = bench.rig(*self.samples)
        files = f'temporary_folder = "{rig.folder}/scratch"' if self.scratch else ""
        if self.elsewhere is not None:
            files = f'temporary_folder = "{self.elsewhere}"'
            (rig.folder / "scratch").symlink_to(self.elsewhere)
        else:
            (rig.folder / "scratch").mkdir()
        if self.linked:
            files += '\nhardlinks = "replace"'
        rig.configure(originals=f'keep = "{self.keep}"', files=files, tools="stall_seconds = 20")
        for tool in ("mkvpropedit", "mkvmerge", "ffmpeg"):
            rig.fake_tool(tool, ': > "$here/tool-runs"; exec real')
        if self.linked:
            for path in self.paths(rig):
                os.link(path, rig.folder / f"link-{path.name}")
        return rig

    def paths(self, rig: Rig) -> list[Path]:
        return [rig.library / Path(name).name for name in self.samples]


IN_PLACE = ("wrong-flags.mkv", "front-tags.mkv")
TO_REMUX = ("multi-audio.mkv", "bitmap-subtitles.mkv")
MP4 = ("mov-text.mp4", "cover.mp4")

WORKS = (
    Work("header edit", HEADER, IN_PLACE),
    Work("header edit, hard links", HEADER, IN_PLACE, linked=True),
    Work("remux with mkvmerge", REMUX, TO_REMUX),
    Work("remux with ffmpeg", REMUX, ("mov-text.mp4",)),
    Work("MP4 to MKV", CONTAINER, MP4, suffix=".mkv"),
    Work("transcode", TRANSCODE, TO_REMUX[:1], encodes=True),
)
ALL = (*WORKS, *(replace(work, name=f"{work.name}, kept", keep="trash") for work in WORKS))


@dataclass(frozen=True)
class Known:
    """The results of an undisturbed run of the work, and its duration in seconds."""

    expected: dict[str, Expected]
    seconds: float


def undisturbed(bench: Bench, work: Work) -> Known:
    """Do the work; the results must keep the streams of the originals."""
    rig = work.rig(bench)
    originals = {path.name: (sha(path), facts(path)) for path in work.paths(rig)}
    vpo = rig.start(*rig.words(work.policy))
    until(lambda: _begun(rig), "vpo did not begin")
    began = time.monotonic()
    ended = vpo.end()
    seconds = time.monotonic() - began
    expect(ended.rc == 0, f"undisturbed: {ended}")
    expected = {}
    for path in work.paths(rig):
        result = work.names(path)[-1]
        original, before = originals[path.name]
        found = facts(result)
        expect(sha(result) != original, f"{path.name}: there was nothing to do")
        if not (work.suffix or work.encodes):
            strange = _hashes(found) - _hashes(before)
            expect(not strange, f"{path.name}: streams that are not the original's: {strange}")
        expected[path.name] = Expected(original, found, {sha(result)})
    rig.throw_away()
    return Known(expected, seconds)


def _hashes(found: tuple[object, ...]) -> set[str]:
    streams = found[-1]
    return set(streams) if isinstance(streams, tuple) else set()


def at_random(bench: Bench) -> None:
    """Kill after a random time of the work, or shortly after a tool has begun."""
    total = bench.scale(3, 300)
    works = (WORKS[0], WORKS[2], WORKS[4]) if bench.short else ALL
    known = {work.name: undisturbed(bench, work) for work in works}
    for number in range(total):
        work = works[number % len(works)]
        chance = random.Random(bench.random.random())  # noqa: S311
        with bench.trial(f"kill {number}, {work.name}"):
            shot = partial(_shot, seconds=known[work.name].seconds, chance=chance)
            kill_once(bench, work, known[work.name], shot)


def _policy(rig: Rig) -> Path:
    return rig.folder / "work.yaml"


def _begun(rig: Rig) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return any(name.endswith(".lock") for name in os.listdir(rig.data / "runs"))
    return False


def _shot(rig: Rig, seconds: float, chance: random.Random) -> Ended:
    vpo = rig.start(*rig.words(_policy(rig)))
    if chance.random() < 0.4:
        event = rig.folder / "tool-runs"
        until(lambda: event.exists() or vpo.process.poll() is not None, "no tool was started")
        time.sleep(chance.uniform(0, 0.06))
    else:
        until(lambda: _begun(rig) or vpo.process.poll() is not None, "vpo did not begin")
        time.sleep(chance.uniform(0, seconds * 1.05))
    _kill(vpo, chance.choice(("alone", "group", "all")))
    return vpo.end()


def _kill(vpo: Started, how: str) -> None:
    victims = [vpo.process.pid]
    if how == "all":
        victims = [*vpo.relatives(), *victims]
    if how == "group":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(vpo.process.pid, signal.SIGKILL)
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


_STEPPER = '''\
"""Kills this process before its nth step that changes something; seen by Python's own audit."""
import os, signal, sys
left = int(os.environ.pop("VPO_DRILL_STEP", "0"))
STEPS = {"os.rename", "os.remove", "os.link", "os.truncate", "os.utime", "os.chmod", "os.chown",
         "os.mkdir", "os.rmdir", "os.setxattr", "subprocess.Popen", "fcntl.flock", "fcntl.ioctl"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
begun = False
def step(event, args):
    global left, begun
    if event == "fcntl.flock":
        begun = True
    if begun and (event in STEPS or event == "open" and isinstance(args[2], int) and args[2] & WRITES):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
if left:
    sys.addaudithook(step)
'''


def at_every_step(bench: Bench) -> None:
    """Kill before each system call by which vpo changes a file, one after the other."""
    works = (ALL[0], ALL[7]) if bench.short else ALL
    for work in works:
        work = replace(work, samples=work.samples[:1])
        known = undisturbed(bench, work)
        steps = iter(sorted(bench.random.sample(range(3, 25), 2))) if bench.short else None
        for number in steps or range(1, _MOST_STEPS):
            ended: list[Ended] = []
            with bench.trial(f"killed before step {number}, {work.name}"):
                kill_once(bench, work, known, partial(_step, number=number, ended=ended))
            if ended and ended[0].rc == 0:
                break


_MOST_STEPS = 100


def _step(rig: Rig, number: int, ended: list[Ended]) -> None:
    folder = rig.folder / "stepper"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_STEPPER)
    env = {"VPO_DRILL_STEP": str(number), "PYTHONPATH": str(folder)}
    ended.append(rig.run(*rig.words(_policy(rig)), env=env))


_COPIER = '''\
"""Kills this process in the nth call by which the result is copied; a write is half done then."""
import os, signal, sys
left = int(os.environ.pop("VPO_DRILL_COPY", "0"))
def wrapped(real):
    def call(*args):
        global left
        if sys._getframe(1).f_code.co_filename.endswith("execute/copy.py"):
            left -= 1
            if left == 0:
                if real is pwrite:
                    real(args[0], args[1][: len(args[1]) // 2], *args[2:])
                os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    return call
if left:
    pwrite = os.pwrite
    os.pread, os.pwrite, os.fsync = wrapped(os.pread), wrapped(os.pwrite), wrapped(os.fsync)
'''


def while_copying(bench: Bench) -> None:
    """Kill in each call that copies a result from a temporary folder on another file system."""
    works = (WORKS[2],) if bench.short else (*WORKS[2:], replace(WORKS[2], keep="trash"))
    with mounted(bench.folder, "tmpfs", _ELSEWHERE) as elsewhere:
        for work in works:
            work = replace(work, samples=work.samples[:1], elsewhere=elsewhere)
            known = undisturbed(bench, work)
            for number in (2,) if bench.short else range(1, _MOST_STEPS):
                ended: list[Ended] = []
                kept = ", kept" if work.keep == "trash" else ""
                with bench.trial(f"killed in call {number}, {work.name}{kept}"):
                    kill_once(bench, work, known, partial(_copy, number=number, ended=ended))
                if ended and ended[0].rc == 0:
                    break


_ELSEWHERE = 64 << 20
"""Bytes."""


def _copy(rig: Rig, number: int, ended: list[Ended]) -> None:
    folder = rig.folder / "copier"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_COPIER)
    env = {"VPO_DRILL_COPY": str(number), "PYTHONPATH": str(folder)}
    ended.append(rig.run(*rig.words(_policy(rig)), env=env))


def kill_once(
    bench: Bench, work: Work, known: Known, shoot: Callable[[Rig], object], *always: str
) -> None:
    """Kill vpo once, and check what follows; ``always`` are options of the run that completes."""
    rig = work.rig(bench)
    rig.policy(work.policy, "work.yaml")
    paths = work.paths(rig)
    with Watch([work.names(path) for path in paths], 0.002) as watch:
        shoot(rig)
        _after_kill(work, known, rig)
        ended = rig.process(_policy(rig), *always)
    expect(ended.rc == 0, f"the next run failed: {ended}")
    expect(not watch.absent, f"gone for a moment: {watch.absent}")
    for path in paths:
        state = known.expected[path.name].judge(*work.names(path))
        expect(state == "result", f"{path.name} was not done by the next run")
    _nothing_left(rig)
    _others_intact(work, known, rig)
    if work.keep == "trash":
        _can_be_undone(work, known, rig)
    rig.throw_away()


def _after_kill(work: Work, known: Known, rig: Rig) -> None:
    """Check that each file is the original or the result.

    If anything was left behind, a run with nothing to do has to clean it up first.
    """
    left = litter(rig.library, rig.folder / "scratch")
    running = _running(rig)
    if left or running or _locks(rig):
        ended = rig.process(NOTHING)
        expect(ended.rc == 0, f"the run that cleans up failed: {ended}")
        if any(path.suffix in (".part", ".undo") for path in left):
            expect(ended.notes, f"not a word about {[path.name for path in left]}")
    for path in work.paths(rig):
        known.expected[path.name].judge(*work.names(path))
    _nothing_left(rig)
    for table, key in running:
        query = f"SELECT state FROM {table} WHERE id = ?"  # noqa: S608
        state = rows(rig, query, key)[0][0]
        expect(state == "interrupted", f"a killed row of {table} is {state}")


def _running(rig: Rig) -> list[tuple[str, object]]:
    """Return the rows that the killed run has left as running."""
    found: list[tuple[str, object]] = []
    if rig.database.exists():
        with contextlib.suppress(Exception):  # killed before there were tables
            for table in ("runs", "outcomes"):
                query = f"SELECT id FROM {table} WHERE state = 'running'"  # noqa: S608
                found += [(table, row[0]) for row in rows(rig, query)]
    return found


def _nothing_left(rig: Rig) -> None:
    left = litter(rig.library, rig.folder / "scratch")
    expect(not left, f"left behind: {[path.name for path in left]}")
    expect(not _locks(rig), f"left behind: {_locks(rig)}")
    database_sound(rig)


def _locks(rig: Rig) -> list[Path]:
    return list((rig.data / "runs").glob("*.lock"))


def _others_intact(work: Work, known: Known, rig: Rig) -> None:
    """Check that hard links outside the library keep the old content."""
    if work.linked:
        links = {rig.folder / f"link-{path.name}": path.name for path in work.paths(rig)}
        unchanged({link: known.expected[name].original for link, name in links.items()})


def _can_be_undone(work: Work, known: Known, rig: Rig) -> None:
    """Check that kept originals can be restored, also those of a killed run."""
    paths = work.paths(rig)
    for run in dict.fromkeys(
        row[0] for row in rows(rig, "SELECT run FROM outcomes WHERE kept IS NOT NULL")
    ):
        ended = rig.run("undo", str(run))
        expect(ended.rc == 0, f"undo: {ended}")
    for path in paths:
        state = known.expected[path.name].judge(*work.names(path))
        expect(state == "original", f"{path.name} was not restored")
    kept = list(rig.library.rglob(".vpo-originals/*"))
    expect(not kept, f"kept for nobody: {kept}")
