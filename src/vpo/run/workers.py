"""The workers of a run: threads of this process, or another executor of jobs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Protocol

from vpo.config.builder import Settings
from vpo.discover import Candidate
from vpo.execute.context import RunContext, ignore_progress, ignore_strategy, new_run_context
from vpo.execute.options import RewriteOptions
from vpo.execute.outcome import Outcome
from vpo.policy.policy_files import PolicyFiles
from vpo.probe.service import Prober
from vpo.run.job import Job
from vpo.run.probers import new_prober
from vpo.run.processing import process_file
from vpo.run.request import Interrupt
from vpo.tools.priority import lower_priority
from vpo.tools.process import Processes
from vpo.tools.programs import TOOLS, Tools, find_tools

MOST_WORKERS = 64
"""The most threads, which start when they are needed: their number can change while they work."""


def ignore_path(path: str) -> None:
    """Leave the file to its end."""


@dataclass(frozen=True)
class Workers:
    """The workers of one run.

    ``slots`` returns how many files can be processed at the same time now. ``work`` processes one
    job, ``end_tools`` kills the running tools, ``pause`` suspends (true) or resumes them,
    ``messages`` returns the messages since its last call, and ``cancel_file`` kills the tools of
    the file with this path.
    """

    executor: Executor
    slots: Callable[[], int]
    work: Callable[[Job], Outcome]
    end_tools: Callable[[], None]
    pause: Callable[[bool], None]
    messages: Callable[[], Sequence[str]] = tuple
    cancel_file: Callable[[str], None] = ignore_path


class Assignment(NamedTuple):
    """The run that workers are opened for.

    ``progress`` takes a path and the fraction of its work that is done, ``preparing`` that of a
    search or a measurement before it; ``chosen`` takes a path and the strategy.
    """

    policies: PolicyFiles
    settings: Settings
    candidates: Sequence[Candidate]
    interrupt: Interrupt
    progress: Callable[[str, float], object]
    preparing: Callable[[str, float], object] = ignore_progress
    chosen: Callable[[str, str], object] = ignore_strategy


class WorkerSource(Protocol):
    """A kind of workers, chosen by the caller of the coordinator."""

    def prepare(self, settings: Settings) -> None:
        """Start what takes long to start, while policies and modules are loaded."""

    def open(self, assignment: Assignment) -> AbstractContextManager[Workers]:
        """Return the workers, for one run."""

    def close(self) -> None:
        """Release what ``prepare`` started and no run has used."""


@contextlib.contextmanager
def threads(assignment: Assignment, prober: Prober | None = None) -> Iterator[Workers]:
    """Yield the configured number of threads, with a new context.

    ``prober`` is one that was started early.
    """
    settings = assignment.settings
    prober = prober or new_prober(settings)
    context = new_context(settings, settings.workers, prober, assignment.progress)
    context = replace(context, preparing=assignment.preparing, chosen=assignment.chosen)
    wanted = settings.config.processing
    priority = (context.tools.processes, wanted.nice, wanted.ionice)
    with (
        contextlib.closing(context),
        ThreadPoolExecutor(
            max(settings.workers, MOST_WORKERS), "vpo", lower_priority, priority
        ) as pool,
    ):
        yield Workers(
            pool,
            lambda: settings.workers,
            partial(process_file, context=context),
            context.cancel,
            context.pause,
            context.played.messages,
            context.cancel_file,
        )


def new_context(
    settings: Settings,
    workers: int,
    prober: Prober,
    progress: Callable[[str, float], object] = ignore_progress,
) -> RunContext:
    """Return the context that the workers of this machine share for one run."""
    context = new_run_context(
        tools=installed_tools(settings, prober.processes),
        prober=prober,
        # A single encode may use all cores; several share them.
        threads=max(1, settings.cores // workers) if workers > 1 else None,
        hardware_sessions=settings.config.processing.hardware_sessions,
        progress=progress,
    )
    if settings.config.files.in_use is None:
        return context
    from vpo.plugins.playing import played_files  # imported late: few configurations name a server

    return replace(context, played=played_files(settings.config) or context.played)


def installed_tools(settings: Settings, processes: Processes | None = None) -> Tools:
    """Return the tools of this machine, as configured."""
    configured = settings.config.tools
    paths = {name: str(path) if (path := getattr(configured, name)) else None for name in TOOLS}
    return find_tools(paths, float(configured.stall_seconds), processes or Processes())


def rewrite_options(settings: Settings) -> RewriteOptions:
    """Return the options for rewriting files, as configured."""
    files = settings.config.files
    return RewriteOptions(
        timestamp="preserve" if files.preserve_mtime else "now",
        hardlinks=files.hardlinks,
        min_age=files.min_age,
        keep_free=files.keep_free,
        temporary_folder=os.fspath(files.temporary_folder) if files.temporary_folder else None,
        keep_originals=settings.config.originals.keep == "trash",
        verify=files.verify,
        damaged=files.damaged,
    )
