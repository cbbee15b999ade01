"""The order, the forecast and the jobs of the files that a run processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import NamedTuple

from vpo.db.records import Cost, Timing
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.execute.options import RewriteOptions
from vpo.plan.evaluate import evaluate
from vpo.plugins.metadata import Metadata
from vpo.policy.external_facts import ExternalFacts
from vpo.run.cost import plan_cost
from vpo.run.forecast import Forecast
from vpo.run.job import Job
from vpo.run.recognition import KnownFiles
from vpo.run.request import Order, Request, StartOutcome
from vpo.run.sidecar_facts import named_sidecars

_PLANNED_IN_ADVANCE = 500
"""The number of files, the largest, whose cost comes from a plan made in advance from the database.
That takes a millisecond each, which is not worth it for small files."""


class ExternalFactsLookup(NamedTuple):
    """Facts about files that are not in them: metadata of plugins, encode history, the time."""

    metadata: Metadata
    files: KnownFiles
    now_ns: int | None = None

    def of(self, item: Candidate) -> ExternalFacts:
        """Return the external facts of one file."""
        history = self.files.history(item)
        return ExternalFacts(
            metadata=self.metadata.of(item.path),
            encoded=history == "encoded",
            futile=history == "futile",
            now_ns=self.now_ns,
        )


@dataclass(frozen=True)
class JobMaker:
    """Makes the jobs of a run; ``start`` returns the outcome's id for each."""

    request: Request
    options: RewriteOptions
    facts: ExternalFactsLookup
    run_id: str
    start: StartOutcome

    def job(self, item: Candidate) -> Job:
        """Return the job for a file, and record that it is started."""
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
            recorded=self.facts.files.contents(item),
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
    """Return the forecast for the candidates, learned from the outcomes in the database."""
    if store is None:
        return Forecast(candidates, workers)
    costs = {}
    for item in nlargest(_PLANNED_IN_ADVANCE, candidates, key=_size):
        # Errors are reported when the file is processed.
        with contextlib.suppress(Exception):
            if (expected := _expected_cost(request, store, item, facts)) is not None:
                costs[item.path] = expected
    record: list[Timing] = store.timings(list(request.policies.files))
    return Forecast(candidates, workers, record, costs)


def _expected_cost(
    request: Request, store: Store, item: Candidate, facts: ExternalFactsLookup
) -> Cost | None:
    """Return the cost of a file whose media is in the database, ``None`` if it is not."""
    media = store.media(item.path)
    if media is None or (media.size, media.mtime_ns) != (item.size, item.mtime_ns):
        return None
    policies, known = request.policies, facts.of(item)
    if policies.uses_sidecars:
        known = replace(known, sidecars=named_sidecars(item.path))
    return plan_cost(evaluate(policies.policies, media, request.on_error, known))


def in_order(
    candidates: list[Candidate], order: Order, workers: int, expected: Forecast
) -> list[Candidate]:
    """Return the candidates in order; ``auto`` is longest first if there are several workers."""
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
