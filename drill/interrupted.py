"""Interrupted: Ctrl-C once and twice, SIGTERM, a closed terminal."""

from __future__ import annotations

import os
import pty
import random
import signal
import time

from tests.unsized import without_size

from drill.bench import Bench, Rig, Started, expect, until
from drill.checks import database_sound, facts, hashes, litter, unchanged
from drill.killed import WORKS, undisturbed
from drill.policies import HEADER, REMUX

HOLD = ': > "$here/running"; until [ -e "$here/go" ]; do sleep 0.05; done; exec real'
STUBBORN = ": > \"$here/running\"; trap '' TERM INT HUP; while :; do sleep 0.2; done"
AT_ONCE = 5.0
"""Seconds within which everything has to end."""
FILES = ("a.mkv=multi-audio.mkv", "b.mkv=multi-audio.mkv", "c.mkv=multi-audio.mkv")
EDITS = ("a.mkv=wrong-flags.mkv", "b.mkv=wrong-flags.mkv", "c.mkv=wrong-flags.mkv")


def interrupted(bench: Bench) -> None:
    """A first Ctrl-C lets the current file complete; everything else ends it at once."""
    with bench.trial("Ctrl-C once"):
        _politely(bench)
    cases = {
        "Ctrl-C twice": (HOLD, (signal.SIGINT, signal.SIGINT)),
        "SIGTERM": (HOLD, (signal.SIGTERM,)),
        "SIGHUP": (HOLD, (signal.SIGHUP,)),
        "Ctrl-C twice, a tool that will not end": (STUBBORN, (signal.SIGINT, signal.SIGINT)),
        "Ctrl-C, then SIGTERM": (STUBBORN, (signal.SIGINT, signal.SIGTERM)),
    }
    for name, (script, numbers) in cases.items():
        for tool, policy in (("mkvmerge", REMUX), ("mkvpropedit", HEADER)):
            if bench.short and (tool == "mkvpropedit" or script == STUBBORN) and name != "SIGTERM":
                continue
            with bench.trial(f"{name}, {tool}"):
                _at_once(bench, tool, policy, script, numbers)
    with bench.trial("the terminal is closed"):
        _closed(bench)


def _held(bench: Bench, tool: str, script: str) -> Rig:
    rig = bench.rig(*(EDITS if tool == "mkvpropedit" else FILES))
    if tool == "mkvpropedit":
        without_size(*rig.library.iterdir())
    rig.configure(processing="workers = 1")
    rig.fake_tool(tool, script)
    return rig


def _running(rig: Rig) -> None:
    until((rig.folder / "running").exists, "no tool was started")


def _politely(bench: Bench) -> None:
    rig = _held(bench, "mkvmerge", HOLD)
    before = hashes(sorted(rig.library.iterdir()))
    vpo = rig.start(*rig.words(REMUX))
    _running(rig)
    vpo.process.send_signal(signal.SIGINT)
    (rig.folder / "go").touch()
    ended = vpo.end()
    expect(ended.rc == 130, f"{ended}")
    states = [ended.status(name) for name in ("a.mkv", "b.mkv", "c.mkv")]
    expect(states == ["changed", "not_started", "not_started"], f"{states}")
    facts(rig.library / "a.mkv")
    unchanged({path: digest for path, digest in before.items() if path.name != "a.mkv"})
    _tidy(rig)


def _at_once(
    bench: Bench, tool: str, policy: str, script: str, numbers: tuple[signal.Signals, ...]
) -> None:
    rig = _held(bench, tool, script)
    before = hashes(sorted(rig.library.iterdir()))
    vpo = rig.start(*rig.words(policy))
    _running(rig)
    for place, number in enumerate(numbers, 1):
        vpo.process.send_signal(number)
        if place < len(numbers):
            # Two at the same time would count as one.
            until(lambda: "Ctrl-C again" in vpo.said, "the signal was not taken")
    _ends_at_once(vpo)
    unchanged(before)
    _tidy(rig)


def _ends_at_once(vpo: Started) -> None:
    began = time.monotonic()
    ended = vpo.end(AT_ONCE + 5)
    seconds = time.monotonic() - began
    expect(seconds < AT_ONCE, f"it took {seconds:.1f} s")
    expect(ended.rc == 130, f"{ended}")


def _tidy(rig: Rig) -> None:
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    expect(not list((rig.data / "runs").iterdir()), "the run's mark was left behind")
    database_sound(rig)
    rig.throw_away()


def _closed(bench: Bench) -> None:
    """Close the terminal, so that vpo's output fails, too."""
    rig = _held(bench, "mkvmerge", HOLD)
    before = hashes(sorted(rig.library.iterdir()))
    ours, theirs = pty.openpty()
    vpo = rig.start("process", "-p", rig.policy(REMUX), rig.library, terminal=theirs)
    os.close(theirs)
    _running(rig)
    os.close(ours)
    _ends_at_once(vpo)
    unchanged(before)
    _tidy(rig)


def at_random(bench: Bench) -> None:
    """Signals at random moments of real work: each file is the original or the result."""
    works = WORKS[: bench.scale(1, len(WORKS))]
    known = {work.name: undisturbed(bench, work) for work in works}
    for number in range(bench.scale(2, 60)):
        work = works[number % len(works)]
        chance = random.Random(bench.random.random())  # noqa: S311
        with bench.trial(f"signal {number}, {work.name}"):
            rig = work.rig(bench)
            vpo = rig.start(*rig.words(work.policy))
            event = rig.folder / "tool-runs"
            until(lambda: event.exists() or vpo.process.poll() is not None, "nothing began")  # noqa: B023
            time.sleep(chance.uniform(0, known[work.name].seconds))
            for _ in range(chance.choice((1, 2))):
                how = chance.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
                if vpo.process.poll() is None:
                    vpo.process.send_signal(how)
            ended = vpo.end()
            # It may come when all is done, and Python has restored what a signal does by itself.
            expect(ended.rc in (0, 130, *(-s for s in (1, 2, 15))), f"{ended}")
            for path in work.paths(rig):
                known[work.name].expected[path.name].judge(*work.names(path))
            expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
            if ended.rc >= 0:
                _tidy(rig)
