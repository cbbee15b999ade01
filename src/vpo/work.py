"""The candidates that are not known to comply, through the workers."""

from __future__ import annotations

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

from vpo import tools as processes
from vpo.batch import Job, run_batch
from vpo.config.builder import Settings
from vpo.discover import Candidate
from vpo.draft import Known
from vpo.execute.rewrite import Handling, Rewriter
from vpo.logs import configure
from vpo.outcome import Outcome
from vpo.prober import Prober
from vpo.request import Encodes, Interrupt, Request, Starter
from vpo.sources import Answers


def work(
    request: Request,
    settings: Settings,
    candidates: list[Candidate],
    answers: Answers,
    encodes: Encodes,
    run_id: str,
    start: Starter,
    interrupt: Interrupt,
) -> Generator[Outcome, None, None]:
    """The outcomes of all candidates, as they come; ``start`` gives each its outcome's id."""
    _configure_logging(settings)
    rewriter = _rewriter(settings)
    policies = request.policies.policies

    def job(item: Candidate) -> Job:
        return Job(
            item.path,
            policies,
            rewriter,
            request.on_error,
            request.dry_run,
            run_id=run_id,
            outcome_id=start(item.path),
            seen=(item.size, item.mtime_ns),
            link=item.link,
            known=_known(item, answers, encodes),
            encoding=request.policies.encoding,
        )

    items = _ordered(candidates, request.order, settings.workers)
    processes.allow()
    with ThreadPoolExecutor(settings.workers, thread_name_prefix="vpo") as pool:
        yield from run_batch(
            pool,
            items,
            job,
            workers=settings.workers,
            interrupt=interrupt,
            end_tools=processes.cancel,
        )


def _known(item: Candidate, answers: Answers, encodes: Encodes) -> Known:
    history, *state = encodes.get(os.fsencode(item.path), ("", 0, 0))
    same = state == [item.size, item.inode]
    return Known(
        metadata=answers.of(item.path),
        encoded=same and history == "encoded",
        futile=same and history == "futile",
    )


def _ordered(candidates: list[Candidate], order: str, workers: int) -> list[Candidate]:
    """``auto``: the largest first when several workers share them, so that none is left last."""
    if order == "size" or (order == "auto" and workers > 1):
        return sorted(candidates, key=lambda item: -item.size)
    if order == "newest":
        return sorted(candidates, key=lambda item: -item.mtime_ns)
    if order == "name":
        return sorted(candidates, key=lambda item: os.fsencode(item.path))
    return candidates


def _rewriter(settings: Settings) -> Rewriter:
    configured, files = settings.config.tools, settings.config.files
    paths = {
        name: str(path) if (path := getattr(configured, name)) else None for name in processes.TOOLS
    }
    tools = processes.find(paths, float(configured.stall_seconds))
    handling = Handling(
        timestamp="preserve" if files.preserve_mtime else "now",
        hardlinks=files.hardlinks,
        min_age=files.min_age,
        keep_free=files.keep_free,
        temporary_folder=os.fspath(files.temporary_folder) if files.temporary_folder else None,
        keep_originals=settings.config.originals.keep == "trash",
        hardware_sessions=settings.config.processing.hardware_sessions,
    )
    # Alone, an encode may have all of the processor; with others, its part.
    threads = max(1, settings.cores // settings.workers) if settings.workers > 1 else None
    return Rewriter(tools, handling, Prober(tools.stall_seconds), threads=threads)


def _configure_logging(settings: Settings) -> None:
    wanted = settings.config.logging
    # The report tells of failures already; on the same screen the log would only repeat it.
    quiet = wanted.file is None and settings.sources["logging.level"] == "default"
    configure("error" if quiet else wanted.level, wanted.file, wanted.format)
