"""The files of a run that need work: in which order, how long they will take, and as which jobs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple

from vpo.db.records import Cost, Timing
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.execute.options import RewriteOptions
from vpo.plan.evaluate import evaluate
from vpo.plugins.metadata import Metadata
from vpo.policy.external_facts import ExternalFacts
from vpo.run.cost import load
from vpo.run.forecast import Forecast
from vpo.run.job import Job
from vpo.run.request import Encodes, Order, Request, Starter

_FORESEEN = 500
"""For so many files, the largest, the plan is made in advance where their media is in the database:
a millisecond each, which is not worth it for small ones."""


class Knowledge(NamedTuple):
    """What is known of the files beside their content: metadata, and what came of encoding them."""

    answers: Metadata
    encodes: Encodes

    def of(self, item: Candidate) -> ExternalFacts:
        """Return what is known of one file."""
        history, *state = self.encodes.get(os.fsencode(item.path), ("", 0, 0))
        same = state == [item.size, item.inode]
        return ExternalFacts(
            metadata=self.answers.of(item.path),
            encoded=same and history == "encoded",
            futile=same and history == "futile",
        )


@dataclass(frozen=True)
class JobMaker:
    """Makes the jobs of a run; ``start`` gives each its outcome's id."""

    request: Request
    options: RewriteOptions
    knowledge: Knowledge
    run_id: str
    start: Starter

    def job(self, item: Candidate) -> Job:
        """Return the job for a file; its work is recorded as begun."""
        policies = self.request.policies
        return Job(
            item.path,
            policies.policies,
            self.options,
            self.request.on_error,
            self.request.dry_run,
            run_id=self.run_id,
            outcome_id=self.start(item.path),
            seen=(item.size, item.mtime_ns),
            link=item.link,
            known=self.knowledge.of(item),
            encoding=policies.encode_fingerprint,
            files=policies.files,
        )


def forecast(
    request: Request,
    store: Store | None,
    candidates: Sequence[Candidate],
    knowledge: Knowledge,
    workers: int,
) -> Forecast:
    """Return how long the candidates will take, by what is in the database."""
    if store is None:
        return Forecast(candidates, workers)
    foreseen = {}
    for item in nlargest(_FORESEEN, candidates, key=_size):
        # What cannot be foreseen is found out, and reported, when its turn comes.
        with contextlib.suppress(Exception):
            if (expected := _foreseen(request, store, item, knowledge)) is not None:
                foreseen[item.path] = expected
    record: list[Timing] = store.timings(list(request.policies.files))
    return Forecast(candidates, workers, record, foreseen)


def _foreseen(request: Request, store: Store, item: Candidate, knowledge: Knowledge) -> Cost | None:
    """What the policies want done with a file whose media is in the database."""
    media = store.media(item.path)
    if media is None or (media.size, media.mtime_ns) != (item.size, item.mtime_ns):
        return None
    policies = request.policies.policies
    return load(evaluate(policies, media, request.on_error, knowledge.of(item)))


def in_order(
    candidates: list[Candidate], order: Order, workers: int, expected: Forecast
) -> list[Candidate]:
    """Return the candidates sorted; ``auto``: the longest first when several workers share them."""
    if order == "auto" and workers > 1:
        return expected.ordered(candidates)
    if order == "size":
        return sorted(candidates, key=_size, reverse=True)
    if order == "newest":
        return sorted(candidates, key=_modified, reverse=True)
    if order == "name":
        return sorted(candidates, key=_name)
    return candidates


def _size(item: Candidate) -> int:
    return item.size


def _modified(item: Candidate) -> int:
    return item.mtime_ns


def _name(item: Candidate) -> bytes:
    return os.fsencode(item.path)
