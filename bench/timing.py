"""Measuring commands: contestants take turns, and the shortest run of each counts.

Whatever else the machine does hits all contestants alike in the long run, so that ratios of minima
hold where absolute times do not.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

Argv = Sequence[str | Path]


class Cost(NamedTuple):
    """The time and memory of a command, with the children that it waited for.

    ``memory`` is the largest resident set of a single process in bytes; ``written`` the bytes of
    pages that were made dirty (``ru_oublock``, which Linux counts when a write reaches the cache),
    ``processor`` the seconds on all processors.
    """

    seconds: float
    memory: int
    written: int
    processor: float


def measure(argv: Argv, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Cost:
    """Run a command to its end and return its cost; it has to succeed."""
    began = time.perf_counter()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"exit status {process.returncode}: {' '.join(map(str, argv))}")
    processor = usage.ru_utime + usage.ru_stime
    return Cost(seconds, usage.ru_maxrss * 1024, usage.ru_oublock * 512, processor)


def turns(contestants: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """Let each contestant run once a round, in turn; return the cheapest run of each."""
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            costs[name].append(run())
    return {name: min(found) for name, found in costs.items()}


def xargs(files: Sequence[Path], workers: int, argv: Argv, listing: Path) -> list[str | Path]:
    """Return a command that runs ``argv`` per file, ``workers`` at a time; ``{}`` is the file."""
    listing.write_bytes(b"\0".join(os.fsencode(path) for path in files))
    return ["xargs", "-0", "-a", listing, "-I{}", "-P", str(workers), *argv]
