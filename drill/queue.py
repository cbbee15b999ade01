"""Queue: the server is killed at random moments while it works through its queue."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections import Counter
from dataclasses import replace

from drill.bench import Bench, Rig, Started, expect, until
from drill.checks import database_sound, litter, rows
from drill.killed import WORKS, Known, undisturbed

WORK = replace(WORKS[2], samples=("multi-audio.mkv",))
_LEFT = "SELECT count(*) FROM queue"
_DONE = "SELECT path, status FROM outcomes WHERE state = 'done'"


def server_killed(bench: Bench) -> None:
    """Kill ``vpo serve`` again and again: every file of its queue is processed once, none lost."""
    kills, files = bench.scale(3, 50), bench.scale(8, 100)
    known = undisturbed(bench, WORK)
    rig = _filled(bench, files)
    for number in range(kills):
        with bench.trial(f"kill {number}"):
            began = time.monotonic()
            server = rig.start("serve")
            # From its start until it has processed a few files.
            chance = random.Random(bench.random.random())  # noqa: S311
            _work_for(rig, server, chance.uniform(0, 3.0 * files / kills))
            time.sleep(chance.uniform(0, known.seconds))
            server.kill()
            expect(server.said == "" or "error" not in server.said, server.said)
            _all_there(rig, known, files)
            expect(time.monotonic() - began < _LIMIT, "the server did nothing")
    with bench.trial("the server that completes the queue", files):
        _complete(rig, known, files)
    bench.remarks.append(f"{kills} kills, {files} files")
    rig.throw_away()


_LIMIT = 120.0


def _filled(bench: Bench, files: int) -> Rig:
    rig = bench.rig(*(f"{number:03}.mkv={WORK.samples[0]}" for number in range(files)))
    policy = rig.policy(WORK.policy, "work.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rig.configure(serve=f"port = {port}")
    with (rig.folder / "config.toml").open("a") as config:
        config.write(
            f'[[libraries]]\nname = "films"\nfolders = ["{rig.library}"]\npolicy = "{policy}"\n'
        )
    ended = rig.run("queue", "add", rig.library)
    expect(ended.rc == 0, f"the queue was not filled: {ended}")
    return rig


def _work_for(rig: Rig, server: Started, files: float) -> None:
    """Wait until the queue is shorter by some files, or empty, or the server has ended."""
    target = max(0, _left(rig) - int(files))
    until(lambda: _left(rig) <= target or server.process.poll() is not None, "nothing was done")
    expect(server.process.poll() is None, f"the server has ended: {server.said}")


def _left(rig: Rig) -> int:
    count: int = rows(rig, _LEFT)[0][0]
    return count


def _all_there(rig: Rig, known: Known, files: int) -> None:
    """Check that each file is the original or the result, and that what is not done waits."""
    expected = known.expected[WORK.samples[0]]
    states = {path: expected.judge(path) for path in rig.library.glob("*.mkv")}
    expect(len(states) == files, f"{files - len(states)} files are gone")
    waiting = {path for (path,) in rows(rig, "SELECT path FROM queue")}
    lost = [path.name for path, state in states.items() if state == "original"]
    lost = [name for name in lost if str(rig.library / name).encode() not in waiting]
    expect(not lost, f"neither processed nor in the queue: {lost}")


def _complete(rig: Rig, known: Known, files: int) -> None:
    server = rig.start("serve")
    with contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        until(lambda: "open http" in server.shown, "the server did not begin")
        until(
            lambda: _left(rig) == 0 or server.process.poll() is not None,
            "it did not complete",
            _LIMIT,
        )
        server.process.terminate()
        ended = server.end()
    expect(ended.rc == 0, f"the server did not end well: {ended}")
    expected = known.expected[WORK.samples[0]]
    for path in rig.library.glob("*.mkv"):
        expect(expected.judge(path) == "result", f"{path.name} was not processed")
    changed = Counter(path for path, status in rows(rig, _DONE) if status == "changed")
    twice = [path for path, count in changed.items() if count > 1]
    expect(not twice, f"processed twice: {twice}")
    failed = [path for path, status in rows(rig, _DONE) if status not in ("changed", "unchanged")]
    expect(not failed, f"not processed well: {failed}")
    expect(len({path for path, _ in rows(rig, _DONE)}) == files, "files without an outcome")
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    database_sound(rig)
