"""Row cluster: jobs on the nodes of a real Dask scheduler on loopback, which only sleep.

The overhead of a job over one in a thread; the speed-up of two nodes over one; and 5,000
jobs on 32 simulated workers against the best schedule, with the scheduler's memory after them.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.table import Figure, seconds
from vpo.cluster.executor import NodesExecutor
from vpo.discover import Candidate
from vpo.execute.outcome import Outcome
from vpo.run.batch import Batch, Listed, Queue
from vpo.run.job import Job
from vpo.run.request import Interrupt
from vpo.run.workers import Workers

ROOT = Path(__file__).parents[1]
COUNT = 5_000
PROCESSES, THREADS = 4, 8


def figures(folder: Path) -> Iterator[Figure]:
    with _cluster(folder, 2, 1) as (client, _):
        one, two = _nodes(client, 1, 1), _nodes(client, 2, 1)
        _batch(two, 2, [0.0] * 20)  # what is loaded at the first job is loaded
        idle = [0.0] * 200
        with ThreadPoolExecutor(1) as pool:
            alone = _batch(pool, 1, idle)
        cost = (_batch(one, 1, idle) - alone) / len(idle) * 1000
        yield Figure(
            "cluster", "a job on a node, beside one in a thread", "", f"{cost:.1f} ms", cost, 10
        )
        equal = [0.5] * 16
        single, double = _batch(one, 1, equal), _batch(two, 2, equal)
        name = "16 equal jobs on 2 nodes instead of 1"
        yield Figure(
            "cluster", name, seconds(single), seconds(double), single / double, 1.8, "≥", " times"
        )
    with _cluster(folder, PROCESSES, THREADS) as (client, scheduler):
        workers = PROCESSES * THREADS
        nodes = _nodes(client, PROCESSES, THREADS)
        _batch(nodes, workers, [0.0] * 2 * workers)
        lengths = sorted(_lengths(), reverse=True)
        least = max(*lengths, sum(lengths) / workers)
        took = _batch(nodes, workers, lengths)
        name = f"{COUNT:,} jobs on {workers} workers, against the best schedule"
        yield Figure("cluster", name, seconds(least), seconds(took), took / least, 1.05)
        memory = _peak(scheduler) / 1e6
        yield Figure("cluster", "the scheduler's memory", "", f"{memory:.0f} MB", memory)


def _lengths() -> list[float]:
    """Return seconds, 0.5 on average: many short jobs and a few long ones, the same in each run."""
    chance = random.Random(6)
    return [min(5.0, chance.lognormvariate(-1.0, 0.8)) for _ in range(COUNT)]


def _batch(executor: Executor, workers: int, lengths: Sequence[float]) -> float:
    items = [Candidate(f"{length}", 1, number, number, 1) for number, length in enumerate(lengths)]
    began = time.perf_counter()
    queue = Queue(Listed(items), lambda item: Job(item.path, ()))
    crew = Workers(executor, lambda: workers, sleep, _ignore, _never_paused)
    for outcome in Batch(queue, crew, Interrupt(), _ignore):
        assert outcome.status == "unchanged", outcome
    return time.perf_counter() - began


def _never_paused(paused: bool) -> None:
    """Do nothing: no job is paused."""


def _ignore() -> None:
    """Do nothing."""


def sleep(job: Job) -> Outcome:
    """Sleep on a node, as long as a tool would take."""
    time.sleep(float(job.path))
    return Outcome(job.path, "unchanged")


def _nodes(client: Any, count: int, slots: int) -> NodesExecutor:
    executor = NodesExecutor(sleep)
    workers = list(client.scheduler_info(n_workers=-1)["workers"])
    for name in workers[:count]:
        executor.add(name, client.get_executor(workers=[name], pure=False, retries=0), slots)
    return executor


@contextlib.contextmanager
def _cluster(folder: Path, processes: int, threads: int) -> Iterator[tuple[Any, int]]:
    """Yield a client of a scheduler with workers, and the scheduler's process id."""
    from distributed import Client

    dask = Path(sys.executable).with_name("dask")
    address = folder / f"scheduler-{processes}.json"
    with contextlib.ExitStack() as stack:
        file: list[str | Path] = ["--scheduler-file", address]
        local: list[str | Path] = ["--host", "127.0.0.1", "--no-dashboard"]
        scheduler = stack.enter_context(_running(dask, "scheduler", "--port", "0", *file, *local))
        _until(address.exists)
        size = ["--nworkers", str(processes), "--nthreads", str(threads)]
        stack.enter_context(
            _running(dask, "worker", *file, *local, *size, "--local-directory", folder)
        )
        client: Any = stack.enter_context(Client(scheduler_file=str(address)))  # type: ignore[no-untyped-call]
        client.wait_for_workers(processes, timeout=60)
        yield client, scheduler.pid


@contextlib.contextmanager
def _running(*argv: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the scheduler did not start")
        time.sleep(0.05)


def _peak(pid: int) -> int:
    """Return the peak memory of the process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
