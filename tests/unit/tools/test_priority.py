"""The priority of a thread's tools."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from vpo.tools.priority import lower_priority
from vpo.tools.process import Processes


def test_thread_of_a_cancelled_run_takes_its_job() -> None:
    """It ends the job as cancelled; a pool whose threads cannot begin would fail it."""
    processes = Processes()
    processes.cancel()
    with ThreadPoolExecutor(1, "vpo", lower_priority, (processes, 0, "idle")) as pool:
        assert pool.submit(str, 1).result(60) == "1"
