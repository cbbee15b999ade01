"""Two programs at once: two runs of vpo, a user's mkvpropedit, and files in use that look left over."""

from __future__ import annotations

import signal
import subprocess
import threading

from tests.reading import read, stream_hashes

from drill.bench import Bench, Ended, Rig, expect, until
from drill.checks import database_sound, facts, litter, rows, sha
from drill.killed import WORKS, Work
from drill.policies import HEADER, NOTHING, REMUX

HOLD = ': > "$here/running"; until [ -e "$here/go" ]; do sleep 0.05; done; exec real'
DONE = ("unchanged", "skipped")


def two(bench: Bench) -> None:
    """Each file is processed once; the other vpo finds it locked or processed."""
    for number in range(bench.scale(1, 20)):
        work = WORKS[(0, 2, 4, 3)[number % 4]]
        own = number % 2 == 1
        with bench.trial(f"two over {work.name}{', each with its own database' if own else ''}"):
            _two(bench, work, own)


def _two(bench: Bench, work: Work, own: bool) -> None:
    rig = bench.rig(*(f"{n}{name}={name}" for n in range(4) for name in work.samples))
    paths = sorted(rig.library.iterdir())
    before = {path: sha(path) for path in paths}
    other = {"VPO_DATA_DIR": str(rig.folder / "other-data")} if own else {}
    first = rig.start(*rig.words(work.policy))
    second = rig.start(*rig.words(work.policy), env=other)
    ends = (first.end(), second.end())
    for path in paths:
        _once(path.name, [ended.status(path.name) for ended in ends], ends)
        now = work.names(path)[-1]
        expect(now.exists() and sha(now) != before[path], f"{path.name} was not done")
        facts(now)
    expect([ended.rc for ended in ends] == [0, 0], f"{ends[0]} {ends[1]}")
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    database_sound(rig)
    rig.throw_away()


def _once(name: str, states: list[str], ends: tuple[Ended, Ended]) -> None:
    expect(states.count("changed") == 1, f"{name} is {states}: {[e.error(name) for e in ends]}")
    rest = next((state for state in states if state != "changed"), "")
    # A file that the other vpo has given another suffix is not there to be found.
    expect(rest in (*DONE, "not mentioned"), f"{name} is {states}: {[e.error(name) for e in ends]}")


def user(bench: Bench) -> None:
    """mkvpropedit ignores locks; at most its edit or vpo's is lost."""
    for number in range(bench.scale(1, 10)):
        policy, sample = ((HEADER, "wrong-flags.mkv"), (REMUX, "multi-audio.mkv"))[number % 2]
        with bench.trial(f"a user's mkvpropedit among it, {number}"):
            _user(bench, policy, sample)


def _user(bench: Bench, policy: str, sample: str) -> None:
    rig = bench.rig(*(f"{n}.mkv={sample}" for n in range(bench.scale(2, 6))))
    paths = sorted(rig.library.iterdir())
    streams = set(stream_hashes(paths[0]))
    done = threading.Event()

    def edit() -> None:
        while not done.is_set():
            path = bench.random.choice(paths)
            argv = ["mkvpropedit", "-q", str(path), "--edit", "info", "--set", "title=mine"]
            subprocess.run(argv, capture_output=True, check=False)

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        ended = rig.process(policy)
    finally:
        done.set()
        thread.join()
    expect(ended.rc in (0, 1), f"{ended}")
    for path in paths:
        status = ended.status(path.name)
        expect("unexpected" not in ended.error(path.name), ended.error(path.name))
        found = read(path)
        lost = set(stream_hashes(path)) - streams
        expect(not lost, f"{path.name} ({status}) has other streams now: {lost}")
        expect(found.tracks, f"{path.name} has no tracks")
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    again = rig.process(policy)
    expect(again.rc == 0, f"when the user is done: {again}")
    for path in paths:
        facts(path)
    rig.throw_away()


def living(bench: Bench) -> None:
    """A running vpo keeps its temporary and undo files while another cleans up."""
    with bench.trial("temporary file of a living run"):
        rig = bench.rig("multi-audio.mkv")
        rig.fake_tool("mkvmerge", HOLD)
        first = rig.start(*rig.words(REMUX))
        until((rig.folder / "running").exists, "mkvmerge was not started")
        held = litter(rig.library)
        expect(held, "there is no temporary file")
        _cleans_up_beside(rig)
        expect(litter(rig.library) == held, "the temporary file of a living run was swept")
        (rig.folder / "go").touch()
        expect(first.end().status("multi-audio.mkv") == "changed", "it was not done")
        expect(not litter(rig.library), "left behind")
    with bench.trial("undo file of a living run"):
        _undo_file(bench)


def _cleans_up_beside(rig: Rig) -> None:
    for data in ("data", "other-data"):
        env = {"VPO_DATA_DIR": str(rig.folder / data)}
        ended = rig.run(*rig.words(NOTHING), env=env)
        expect(not ended.notes, f"cleaned up after a living run: {ended.notes}")
        expect(ended.rc == 0, f"{ended}")
    states = rows(rig, "SELECT state FROM runs ORDER BY started_at")
    expect(states[0][0] == "running", f"a living run is recorded as {states[0][0]}")


_STOPPER = '''\
"""Stops this process before it removes an undo file; seen by Python's own audit."""
import os, signal, sys, time
def stop(event, args):
    if event == "os.remove" and os.fsdecode(args[0]).endswith(".undo"):
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.2)  # another thread may be the first to stop
sys.addaudithook(stop)
'''


def _undo_file(bench: Bench) -> None:
    """Stop a run once its edit is done, so that the undo file remains."""
    rig = bench.rig("wrong-flags.mkv")
    folder = rig.folder / "stopper"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_STOPPER)
    first = rig.start(*rig.words(HEADER), env={"PYTHONPATH": str(folder)}, anew=True)
    until(lambda: any(path.suffix == ".undo" for path in litter(rig.library)), "no undo file")
    held = litter(rig.library)
    original = sha(bench.corpus / "wrong-flags.mkv")
    until(lambda: sha(rig.library / "wrong-flags.mkv") != original, "the file was not edited")
    edited = sha(rig.library / "wrong-flags.mkv")
    try:
        _cleans_up_beside(rig)
        expect(litter(rig.library) == held, "the undo file of a living run was swept")
        expect(sha(rig.library / "wrong-flags.mkv") == edited, "a living run was rolled back")
    finally:
        first.process.send_signal(signal.SIGCONT)
    expect(first.end().status("wrong-flags.mkv") == "changed", "it was not done")
    expect(not litter(rig.library), "left behind")
