"""Which workers a command uses: this process, or the nodes of a cluster."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from vpo.run.threads import Threads

if TYPE_CHECKING:
    from vpo.config.builder import Settings
    from vpo.run.workers import Assignment, Workers, WorkerSource


class LoggingWorkers:
    """Sets up the log when there is work: before, there is nothing to log."""

    def __init__(self, source: WorkerSource) -> None:
        self._source = source

    def prepare(self, settings: Settings) -> None:
        self._source.prepare(settings)

    def open(self, assignment: Assignment) -> AbstractContextManager[Workers]:
        _configure_logging(assignment.settings)
        return self._source.open(assignment)

    def close(self) -> None:
        self._source.close()


def chosen_workers(cluster: str | None) -> WorkerSource:
    """Return the nodes of a Dask scheduler at this address, or else the threads of this process."""
    if cluster is None:
        return LoggingWorkers(Threads())
    from vpo.cluster.nodes import Nodes  # late: nobody else needs Dask

    return LoggingWorkers(Nodes(cluster))


def _configure_logging(settings: Settings) -> None:
    from vpo.logs import configure

    wanted = settings.config.logging
    # The report names failures already; on the same screen the log would only repeat them.
    quiet = wanted.file is None and settings.sources["logging.level"] == "default"
    configure("error" if quiet else wanted.level, wanted.file, wanted.format)
