"""Finds files of the library that do not comply with policies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vpo.db.records import Stat
from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.policy.policy_files import PolicyFiles


class NonCompliant(NamedTuple):
    """A file that does not comply with the policies, and the plan that would change it."""

    media: MediaFile
    plan: Plan


def find_noncompliant(
    choice: PolicyFiles,
    library: Iterable[tuple[MediaFile, Stat]],
    known: Mapping[bytes, Stat],
) -> Iterator[NonCompliant | None]:
    """Yield for each file how it does not comply, or ``None`` if it does.

    ``known`` are files that comply as long as they have this stat.
    """
    for media, stat in library:
        if known.get(os.fsencode(media.path)) == stat:
            yield None
            continue
        plan = evaluate(choice.policies, media)
        yield NonCompliant(media, plan) if plan.changes or plan.error else None
