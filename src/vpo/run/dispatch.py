"""The candidates that are not known to comply, through the workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from heapq import nlargest

from vpo.config.builder import Settings
from vpo.db.records import Cost
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.execute.outcome import Outcome
from vpo.execute.rewrite import Rewriter
from vpo.logs import configure
from vpo.plan.evaluate import evaluate
from vpo.plugins.metadata import Metadata
from vpo.policy.desired_state import Known
from vpo.run.cost import load
from vpo.run.forecast import Forecast
from vpo.run.job import Job, run_batch
from vpo.run.progress import Parts
from vpo.run.request import Encodes, Interrupt, Request, Starter
from vpo.run.workers import Crew, rewriter, threads

_FORESEEN = 500
"""For so many files, the largest, the plan is made in advance where their media is on record: a
millisecond each, which is not worth it for small ones."""


def work(
    request: Request,
    settings: Settings,
    candidates: list[Candidate],
    answers: Metadata,
    encodes: Encodes,
    run_id: str,
    start: Starter,
    interrupt: Interrupt,
    crew: Crew,
    parts: Parts,
    look: Callable[[], None],
) -> Generator[Outcome, None, None]:
    """The outcomes of all candidates, begun in this order, as they come; ``start`` gives each its
    outcome's id, and ``parts`` is told how far they are."""
    _configure_logging(settings)
    carry_out = rewriter(settings, settings.workers)
    policies = request.policies.policies

    def job(item: Candidate) -> Job:
        return Job(
            item.path,
            policies,
            carry_out if request.cluster else _telling(carry_out, parts, item.path),
            request.on_error,
            request.dry_run,
            run_id=run_id,
            outcome_id=start(item.path),
            seen=(item.size, item.mtime_ns),
            link=item.link,
            known=_known(item, answers, encodes),
            encoding=request.policies.encoding,
            files=request.policies.files,
        )

    return run_batch(
        crew.executor,
        candidates,
        job,
        workers=crew.slots,
        interrupt=interrupt,
        end_tools=crew.end_tools,
        look=look,
        work=crew.work,
    )


def _telling(carry_out: Rewriter, parts: Parts, path: str) -> Rewriter:
    return replace(carry_out, progress=partial(parts.note, path))


def crew_for(
    request: Request, settings: Settings, candidates: list[Candidate], interrupt: Interrupt
) -> AbstractContextManager[Crew]:
    """Who works: threads here, or the nodes of the cluster that the request names."""
    if request.cluster is None:
        return threads(settings)
    from vpo.cluster.nodes import nodes  # late: nobody else needs Dask

    return nodes(request.cluster, request.policies.policies, settings, candidates, interrupt)


def _known(item: Candidate, answers: Metadata, encodes: Encodes) -> Known:
    history, *state = encodes.get(os.fsencode(item.path), ("", 0, 0))
    same = state == [item.size, item.inode]
    return Known(
        metadata=answers.of(item.path),
        encoded=same and history == "encoded",
        futile=same and history == "futile",
    )


def forecast(
    request: Request,
    store: Store | None,
    candidates: list[Candidate],
    answers: Metadata,
    encodes: Encodes,
    workers: int,
) -> Forecast:
    """How long the candidates will take, by what is on record."""
    if store is None:
        return Forecast(candidates, workers)
    foreseen = {}
    for item in nlargest(_FORESEEN, candidates, key=lambda item: item.size):
        # What cannot be foreseen is found out, and reported, when its turn comes.
        with contextlib.suppress(Exception):
            if found := _load(request, store, item, _known(item, answers, encodes)):
                foreseen[item.path] = found
    record = store.timings(list(request.policies.files))
    return Forecast(candidates, workers, record, foreseen)


def _load(request: Request, store: Store, item: Candidate, known: Known) -> Cost | None:
    """What the policies want done with a file whose media is on record."""
    media = store.media(item.path)
    if media is None or (media.size, media.mtime_ns) != (item.size, item.mtime_ns):
        return None
    return load(evaluate(request.policies.policies, media, request.on_error, known))


def ordered(
    candidates: list[Candidate], order: str, workers: int, expected: Forecast
) -> list[Candidate]:
    """``auto``: the longest work first when several workers share it."""
    if order == "auto" and workers > 1:
        return expected.ordered(candidates)
    if order == "size":
        return sorted(candidates, key=lambda item: -item.size)
    if order == "newest":
        return sorted(candidates, key=lambda item: -item.mtime_ns)
    if order == "name":
        return sorted(candidates, key=lambda item: os.fsencode(item.path))
    return candidates


def _configure_logging(settings: Settings) -> None:
    wanted = settings.config.logging
    # The report tells of failures already; on the same screen the log would only repeat it.
    quiet = wanted.file is None and settings.sources["logging.level"] == "default"
    configure("error" if quiet else wanted.level, wanted.file, wanted.format)
