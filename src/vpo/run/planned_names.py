"""The names that the files of a dry run would get: a run gives each to one file only."""

from __future__ import annotations

import os
import unicodedata

from vpo.errors import ErrorKind
from vpo.execute.outcome import Failure, Outcome
from vpo.text import display_path


class PlannedNames:
    """Finds files that want a name which another file of the same dry run gets.

    Names that differ in the case of letters count as one, as some file systems take them for that.
    """

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], str] = {}

    def checked(self, outcome: Outcome) -> Outcome:
        """Return the outcome of a file; failed if its new name is taken by an earlier one."""
        plan = outcome.plan
        if outcome.status != "planned" or plan is None or plan.after.path == plan.before.path:
            return outcome
        target = plan.after.path
        folder, name = os.path.split(target)
        key = folder, unicodedata.normalize("NFC", name).casefold()
        first = self._taken.setdefault(key, plan.before.path)
        if first == plan.before.path:
            return outcome
        message = (
            f"{target} is what {display_path(first)} becomes in the same run; choose another name"
        )
        return outcome._replace(status="failed", error=Failure(ErrorKind.PUBLISH.value, message))
