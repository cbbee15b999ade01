"""What a policy would change in the library, counted from what is on record; no file is opened."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts


class Impact(NamedTuple):
    """How many files would change, and of how many that was found out.

    ``total`` is how many files there are, ``files`` how many were looked at; ``strategies`` and
    ``kinds`` count the files by how and by what would change, ``errors`` those that could not be
    planned by the message; ``whole``: every file was looked at.
    """

    total: int
    files: int
    changed: int
    strategies: dict[str, int]
    kinds: dict[str, int]
    errors: dict[str, int]
    whole: bool


def impact(
    policies: Sequence[Policy],
    library: tuple[int, Iterable[MediaFile]],
    facts: Callable[[MediaFile], ExternalFacts],
    seconds: float,
) -> Impact:
    """Evaluate the policies for each file, for this many seconds at most.

    ``library`` is the number of files, and the files in an order of which every part is a sample.
    """
    ends = time.monotonic() + seconds
    strategies, kinds, errors = Counter[str](), Counter[str](), Counter[str]()
    files, whole = 0, True
    total, found = library
    for media in found:
        if time.monotonic() > ends:
            whole = False
            break
        files += 1
        plan = evaluate(policies, media, known=facts(media))
        if plan.error:
            errors[str(plan.error)] += 1
        elif plan.changes:
            strategies[plan.strategy] += 1
            kinds.update({change.fact.label for change in plan.changes})
    changed = sum(strategies.values())
    counts = (_ordered(strategies), _ordered(kinds), _ordered(errors))
    return Impact(total, files, changed, *counts, whole)


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(counts.most_common())
