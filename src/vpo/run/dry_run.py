"""The plan of one file, as a dry run makes it."""

from __future__ import annotations

from vpo.config.builder import Settings
from vpo.config.libraries import settings_of
from vpo.config.models import ConfiguredLibrary
from vpo.db.store import Store
from vpo.errors import CancelledError
from vpo.execute.outcome import Outcome
from vpo.run.coordinator import Coordinator
from vpo.run.libraries import library_request
from vpo.run.observer import Silent
from vpo.run.request import Interrupt
from vpo.run.threads import Threads


class _Collector(Silent):
    """Keeps what a run reports."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.outcomes: list[Outcome] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def finished(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def planned(
    settings: Settings,
    store: Store,
    library: ConfiguredLibrary,
    path: str,
    interrupt: Interrupt,
) -> tuple[Outcome, list[str]]:
    """Return what `vpo process --dry-run` finds for a file of a library, and its messages.

    Raises what a run raises that cannot begin, such as ``PolicyError``.
    """
    seen = _Collector()
    by = Coordinator(settings_of(settings, library), store, seen, interrupt, Threads())
    by.run(library_request(settings, library)._replace(paths=(path,), dry_run=True))
    outcome = seen.outcomes[0] if seen.outcomes else None
    if outcome is None or outcome.status in ("cancelled", "not_started"):
        raise CancelledError("the server ends; the plan was not made")
    return outcome, seen.notes
