"""Finds files of the library that do not comply with policies, or comply with a warning."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from vpo.db.records import Stat
from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.policy_files import PolicyFiles


class Checked(NamedTuple):
    """A file, the warnings about it, and the plan that would change it: ``None`` if it complies.

    A plan can have an error in place of changes.
    """

    media: MediaFile
    plan: Plan | None
    warnings: tuple[str, ...]


def _nothing_known(media: MediaFile) -> ExternalFacts:  # noqa: ARG001
    return ExternalFacts()


def check_files(
    choice: PolicyFiles,
    library: Iterable[tuple[MediaFile, Stat]],
    known: Mapping[bytes, Stat],
    warned: Mapping[bytes, tuple[str, ...]],
    facts: Callable[[MediaFile], ExternalFacts] = _nothing_known,
) -> Iterator[Checked]:
    """Yield for each file whether it complies, with what is known besides the file itself.

    ``known`` are files that comply as long as they have this stat, ``warned`` their warnings.
    """
    for media, stat in library:
        path = os.fsencode(media.path)
        if known.get(path) == stat:
            yield Checked(media, None, warned.get(path, ()))
            continue
        plan = evaluate(choice.policies, media, known=facts(media))
        yield Checked(media, plan if plan.changes or plan.error else None, plan.warnings)
