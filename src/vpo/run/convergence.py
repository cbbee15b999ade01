"""The check that a result needs no further change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vpo.errors import ConvergeError, OnError
from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate, known_of_result
from vpo.plan.model import Plan
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts


class Convergence:
    """The check that the policies want no further changes in the probed result of a plan.

    ``warnings`` are those about the result, which every later run would give again.
    """

    def __init__(
        self,
        plan: Plan,
        policies: Sequence[Policy],
        on_error: OnError | None,
        known: ExternalFacts,
    ) -> None:
        self._plan, self._policies, self._on_error = plan, policies, on_error
        self._known = known_of_result(plan, known)
        self.warnings: tuple[str, ...] = ()

    def __call__(self, found: MediaFile) -> None:
        """Raise ``ConvergeError`` if they do."""
        # It is still under the name, and with the time, of a temporary file.
        plan = self._plan
        found = replace(found, path=plan.after.path, mtime_ns=plan.before.mtime_ns)
        again = evaluate(self._policies, found, self._on_error, self._known)
        if again.changes:
            change = again.changes[0]
            raise ConvergeError(
                f"after processing, the policy still wants a change ({change.fact.label}, "
                f"{change.reason}); the result was discarded"
            )
        self.warnings = again.warnings
