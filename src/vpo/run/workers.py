"""The workers of a run: the threads of this process, or whatever else does jobs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from vpo.config.builder import Settings
from vpo.discover import Candidate
from vpo.execute.context import RunContext, ignore_progress
from vpo.execute.options import RewriteOptions
from vpo.execute.outcome import Outcome
from vpo.policy.choice import PolicyChoice
from vpo.probe.service import Prober
from vpo.run.job import Job, process_file
from vpo.run.probers import new_prober
from vpo.run.request import Interrupt
from vpo.tools.process import Processes, lower_priority
from vpo.tools.programs import TOOLS, Tools, find_tools


@dataclass(frozen=True)
class Workers:
    """What does the jobs of a run.

    ``slots`` is how many files can be processed at the same time, now. ``work`` does one job,
    ``end_tools`` ends what runs at once, ``pause`` suspends it (true) and resumes it, ``messages``
    returns what there is to report since it was last called.
    """

    executor: Executor
    slots: Callable[[], int]
    work: Callable[[Job], Outcome]
    end_tools: Callable[[], None]
    pause: Callable[[bool], None]
    messages: Callable[[], Sequence[str]] = tuple


class Assignment(NamedTuple):
    """What workers have to know before they begin.

    ``progress`` takes a path and the part of its work that is done.
    """

    policies: PolicyChoice
    settings: Settings
    candidates: Sequence[Candidate]
    interrupt: Interrupt
    progress: Callable[[str, float], object]


class WorkerSource(Protocol):
    """A kind of workers; whoever composes a run chooses one."""

    def prepare(self, settings: Settings) -> None:
        """Start what takes long to start, while other things are loaded."""

    def open(self, assignment: Assignment) -> AbstractContextManager[Workers]:
        """Return the workers, for one run."""

    def close(self) -> None:
        """Release what ``prepare`` started and no run has used."""


@contextlib.contextmanager
def threads(assignment: Assignment, prober: Prober | None = None) -> Iterator[Workers]:
    """Yield as many threads as there are workers, with a context of their own.

    ``prober`` is one that was started early.
    """
    settings = assignment.settings
    prober = prober or new_prober(settings)
    context = new_context(settings, settings.workers, prober, assignment.progress)
    wanted = settings.config.processing
    priority = (context.tools.processes, wanted.nice, wanted.ionice)
    with (
        contextlib.closing(context),
        ThreadPoolExecutor(settings.workers, "vpo", lower_priority, priority) as pool,
    ):
        yield Workers(
            pool,
            lambda: settings.workers,
            partial(process_file, context=context),
            context.cancel,
            context.pause,
        )


def new_context(
    settings: Settings,
    workers: int,
    prober: Prober,
    progress: Callable[[str, float], object] = ignore_progress,
) -> RunContext:
    """Return what so many workers on this machine share for one run."""
    return RunContext(
        tools=installed_tools(settings, prober.processes),
        prober=prober,
        # Alone, an encode may have all of the processor; with others, its part.
        threads=max(1, settings.cores // workers) if workers > 1 else None,
        hardware_sessions=settings.config.processing.hardware_sessions,
        progress=progress,
    )


def installed_tools(settings: Settings, processes: Processes | None = None) -> Tools:
    """Return the programs of this machine, as it is configured."""
    configured = settings.config.tools
    paths = {name: str(path) if (path := getattr(configured, name)) else None for name in TOOLS}
    return find_tools(paths, float(configured.stall_seconds), processes or Processes())


def rewrite_options(settings: Settings) -> RewriteOptions:
    """Return what the configuration says about rewriting files."""
    files = settings.config.files
    return RewriteOptions(
        timestamp="preserve" if files.preserve_mtime else "now",
        hardlinks=files.hardlinks,
        min_age=files.min_age,
        keep_free=files.keep_free,
        temporary_folder=os.fspath(files.temporary_folder) if files.temporary_folder else None,
        keep_originals=settings.config.originals.keep == "trash",
    )
