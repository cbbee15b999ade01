"""The files of a run that need work: in which order, how long they will take, and as which jobs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple

from vpo.db.records import Load, Took
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.execute.options import RewriteOptions
from vpo.plan.evaluate import evaluate
from vpo.plugins.metadata import Answers
from vpo.policy.external_facts import ExternalFacts
from vpo.run.cost import plan_cost
from vpo.run.forecast import Forecast
from vpo.run.job import Job
from vpo.run.request import EncodeHistory, Order, Request, StartOutcome

_FORESEEN = 500
"""For so many files, the largest, the plan is made in advance where their media is in the database:
a millisecond each, which is not worth it for small ones."""


class ExternalFactsLookup(NamedTuple):
    """What is known of the files beside their content: metadata, and what came of encoding them."""

    answers: Answers
    encodes: EncodeHistory

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
    facts: ExternalFactsLookup
    run_id: str
    start: StartOutcome

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
            known=self.facts.of(item),
            encoding=policies.encode_fingerprint,
            files=policies.files,
        )


def forecast(
    request: Request,
    store: Store | None,
    candidates: Sequence[Candidate],
    facts: ExternalFactsLookup,
    workers: int,
) -> Forecast:
    """Return how long the candidates will take, by what is in the database."""
    if store is None:
        return Forecast(candidates, workers)
    foreseen = {}
    for item in nlargest(_FORESEEN, candidates, key=_size):
        # What cannot be foreseen is found out, and reported, when its turn comes.
        with contextlib.suppress(Exception):
            if (expected := _foreseen(request, store, item, facts)) is not None:
                foreseen[item.path] = expected
    record: list[Took] = store.took(list(request.policies.files))
    return Forecast(candidates, workers, record, foreseen)


def _foreseen(
    request: Request, store: Store, item: Candidate, facts: ExternalFactsLookup
) -> Load | None:
    """What the policies want done with a file whose media is in the database."""
    media = store.media(item.path)
    if media is None or (media.size, media.mtime_ns) != (item.size, item.mtime_ns):
        return None
    policies = request.policies.policies
    return plan_cost(evaluate(policies, media, request.on_error, facts.of(item)))


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
