"""Who does the work of a run: the threads of this process, or the nodes of a cluster."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from vpo.config.builder import Settings
from vpo.execute.outcome import Outcome
from vpo.execute.rewrite import Handling, Rewriter
from vpo.probe.service import Prober
from vpo.run.job import Job, process_file
from vpo.tools import process as processes
from vpo.tools.process import Tools


def _nothing_told() -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Crew:
    """What ``vpo.run.job.run_batch`` needs of those who work.

    ``slots`` is how many files they can work on at the same time, now. ``end_tools`` ends what runs
    for them at once. ``told`` is what there is to tell since it was last asked. ``hold`` lets what
    runs for them stand still (true), and go on.
    """

    executor: Executor
    slots: Callable[[], int]
    work: Callable[[Job], Outcome] = process_file
    end_tools: Callable[[], None] = processes.cancel
    told: Callable[[], Sequence[str]] = _nothing_told
    hold: Callable[[bool], None] = processes.hold


@contextlib.contextmanager
def threads(settings: Settings) -> Iterator[Crew]:
    """As many threads as there are workers."""
    processes.allow()
    wanted = settings.config.processing
    with ThreadPoolExecutor(
        settings.workers, "vpo", processes.stand_back, (wanted.nice, wanted.ionice)
    ) as pool:
        yield Crew(pool, lambda: settings.workers)


def tools(settings: Settings) -> Tools:
    """The programs of this machine, as it is configured."""
    configured = settings.config.tools
    paths = {
        name: str(path) if (path := getattr(configured, name)) else None for name in processes.TOOLS
    }
    return processes.find(paths, float(configured.stall_seconds))


def rewriter(settings: Settings, workers: int) -> Rewriter:
    """What carries out plans on this machine, as one of so many workers."""
    files = settings.config.files
    handling = Handling(
        timestamp="preserve" if files.preserve_mtime else "now",
        hardlinks=files.hardlinks,
        min_age=files.min_age,
        keep_free=files.keep_free,
        temporary_folder=os.fspath(files.temporary_folder) if files.temporary_folder else None,
        keep_originals=settings.config.originals.keep == "trash",
        hardware_sessions=settings.config.processing.hardware_sessions,
    )
    found = tools(settings)
    # Alone, an encode may have all of the processor; with others, its part.
    part = max(1, settings.cores // workers) if workers > 1 else None
    return Rewriter(found, handling, Prober(found.stall_seconds), threads=part)
