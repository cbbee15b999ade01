"""The threads of this process as workers, imported when there are files to process."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpo.config.builder import Settings
    from vpo.probe.service import Prober
    from vpo.run.workers import Assignment, Workers


class Threads:
    """Workers that are threads of this process."""

    def __init__(self) -> None:
        self._prober: Prober | None = None

    def prepare(self, settings: Settings) -> None:
        """Start the prober's child process while policies and modules are loaded."""
        if self._prober is None:
            from vpo.run.probers import new_prober

            self._prober = new_prober(settings)
            self._prober.start_early()

    def open(self, assignment: Assignment) -> AbstractContextManager[Workers]:
        """Return the workers, for one run."""
        from vpo.run.workers import threads

        prober, self._prober = self._prober, None
        return threads(assignment, prober)

    def close(self) -> None:
        """End the prober's child process if no run has used it."""
        if self._prober is not None:
            self._prober.processes.close()
            self._prober = None
