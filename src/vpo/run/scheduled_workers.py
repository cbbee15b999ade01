"""Workers that start nothing while the schedule does not allow it, and what they return."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from vpo.execute.outcome import Outcome
from vpo.run.request import Interrupt, WaitingFiles
from vpo.run.schedule import Pauser
from vpo.run.tally import Tally
from vpo.run.workers import Workers


@dataclass(frozen=True)
class ScheduledWorkers:
    """Workers that start nothing while the schedule does not allow it.

    ``waiting`` are the files of the run, if they wait somewhere.
    """

    source: Workers
    pauser: Pauser
    tally: Tally
    waiting: WaitingFiles | None = None

    def workers(self) -> Workers:
        """Return the workers as the schedule allows them."""
        return replace(self.source, slots=self.slots)

    def slots(self) -> int:
        """Return how many jobs may run at the same time now."""
        if self.pauser.paused:
            return 0
        number = self.waiting.workers() if self.waiting is not None else None
        return self.source.slots() if number is None else number

    def on_tick(self) -> None:
        """Check the schedule, and show the progress."""
        self.tally.on_tick(self.pauser)
        for path in self.waiting.to_cancel() if self.waiting is not None else ():
            self.source.cancel_file(path)

    def report(self) -> None:
        """Pass on the messages of the workers."""
        self.tally.observer.notes(self.source.messages())

    def take(self, outcome: Outcome) -> None:
        """Count and record an outcome."""
        self.report()
        self.tally.take(outcome)
        if self.waiting is not None:
            # Whatever ends vpo in between: a file is in the queue until its outcome is recorded.
            self.tally.flush()
            self.waiting.end(outcome)


def take_all(
    outcomes: Iterator[Outcome], take: Callable[[Outcome], None], interrupt: Interrupt
) -> None:
    """Take every outcome.

    If that fails, nothing new starts, but running jobs complete and are taken, too, before the
    error is raised.
    """
    failure: BaseException | None = None
    ended = False
    while not ended:
        try:
            for outcome in outcomes:
                take(outcome)
            ended = True
        except BaseException as error:  # noqa: BLE001 - raised again when nothing runs any more
            interrupt.fail(error)
            failure = failure or error
    if failure is not None:
        raise failure
