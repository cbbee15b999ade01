"""Observers, which get the events of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from vpo.discover import Discovery
from vpo.execute.outcome import Outcome
from vpo.run.progress import ProgressSource
from vpo.run.request import Request
from vpo.run.summary import Summary


class Observer(Protocol):
    """Receives the events of a run in the coordinator's thread.

    ``progress`` is called when the counts change, ``tick`` every half second.
    """

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None: ...
    def note(self, text: str) -> None: ...
    def started(self, path: str) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...
    def progress(self, get_progress: ProgressSource) -> None: ...
    def tick(self, get_progress: ProgressSource) -> None: ...
    def end(self, summary: Summary) -> None: ...


class Silent:
    """An observer that ignores everything, as a base class."""

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None:
        """Take the begin of the run."""

    def note(self, text: str) -> None:
        """Take a message that concerns no single file."""

    def started(self, path: str) -> None:
        """Take the path of a file that is started."""

    def finished(self, outcome: Outcome) -> None:
        """Take the outcome of a file."""

    def progress(self, get_progress: ProgressSource) -> None:
        """Take new counts; call ``get_progress`` for them."""

    def tick(self, get_progress: ProgressSource) -> None:
        """Take the progress every half second; call ``get_progress`` for it."""

    def end(self, summary: Summary) -> None:
        """Take the summary at the end of the run."""


class SafeObserver:
    """Wraps an observer so that its failure does not end the run.

    After an error, stored in ``error``, it gets no further events.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.error: Exception | None = None

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None:
        self._pass(self._observer.begin, run_id, request, workers, found)

    def note(self, text: str) -> None:
        self._pass(self._observer.note, text)

    def notes(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.note(text)

    def started(self, path: str) -> None:
        self._pass(self._observer.started, path)

    def finished(self, outcome: Outcome) -> None:
        self._pass(self._observer.finished, outcome)

    def progress(self, get_progress: ProgressSource) -> None:
        self._pass(self._observer.progress, get_progress)

    def tick(self, get_progress: ProgressSource) -> None:
        self._pass(self._observer.tick, get_progress)

    def end(self, summary: Summary) -> None:
        self._pass(self._observer.end, summary)

    def _pass(self, event: Callable[..., None], *values: object) -> None:
        if self.error is None:
            try:
                event(*values)
            except Exception as error:  # noqa: BLE001 - raised at the end of the run
                self.error = error
