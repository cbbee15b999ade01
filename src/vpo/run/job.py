"""A job: one file to process, with everything that a worker needs for it. It can be pickled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from vpo.errors import OnError
from vpo.execute.options import RewriteOptions
from vpo.plan.evaluate import NOTHING_KNOWN, STRICTNESS
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.run.approval import Approval
from vpo.run.recognition import KnownContents


@dataclass(frozen=True)
class Job:
    """One file to process, with everything that a worker needs for it.

    ``on_error`` overrides the policies; ``seen`` is the file's (size, mtime_ns) when it was found;
    ``known`` has the facts that are not in the file, ``recorded`` those of contents that it may
    turn out to have; ``link`` is a symbolic link to it; ``encoding`` is the cache key of the
    policies' encodes; ``beside`` is the state of its sidecars when they were read; ``files`` are
    the policy files, for the log; ``approval`` is the plan that a person has approved, if one is
    asked.
    """

    path: str
    policies: tuple[Policy, ...]
    options: RewriteOptions = field(default_factory=RewriteOptions)
    on_error: OnError | None = None
    dry_run: bool = False
    run_id: str = ""
    outcome_id: str = ""
    seen: tuple[int, int] | None = None
    known: ExternalFacts = NOTHING_KNOWN
    recorded: KnownContents = field(default_factory=KnownContents)
    link: str | None = None
    encoding: str = ""
    beside: str | None = None
    files: tuple[str, ...] = ()
    approval: Approval | None = None

    @property
    def mode(self) -> OnError:
        return strictest(self.policies, self.on_error)

    @property
    def about(self) -> dict[str, str]:
        """The fields of log records about the job."""
        return {"run": self.run_id, "file": self.path, "policy": ", ".join(self.files)}


def strictest(policies: Iterable[Policy], on_error: OnError | None) -> OnError:
    """Return what to do on an error that belongs to no phase."""
    if on_error is not None:
        return on_error
    return max((policy.config.on_error for policy in policies), key=STRICTNESS.index)
