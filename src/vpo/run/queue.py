"""The order of the queue: which library goes, what becomes of a file, and the files of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from vpo.db.queue import FileQueue, QueueItem
from vpo.db.reviews import Reviewed, Reviews
from vpo.errors import ErrorKind
from vpo.execute.outcome import Outcome
from vpo.plan.model import changes_to_json
from vpo.run.approval import NO_CHANGES, Approval, plan_hash

Fate = Literal["done", "review", "record", "later", "again"]
"""What becomes of a file: out of the queue; its plan waits for a person; it is processed to record
that nothing is to be done; it is tried again later, or as soon as there is a server."""

_RETRIED = {ErrorKind.BUSY, ErrorKind.LOCKED, ErrorKind.IN_USE, ErrorKind.APPROVAL}
_WAIT, _LONGEST = 60.0, 3600.0
"""The seconds until a file is tried again, doubled each time, and the most of them."""


class Lane(NamedTuple):
    """What one run works on: the files of a library; ``planning``: for their plans alone."""

    library: str
    planning: bool = False


class QueueTables(NamedTuple):
    """The queue and the reviews, of one database."""

    queue: FileQueue
    reviews: Reviews


def lane_of(item: QueueItem, reviewed: Mapping[str, bool]) -> Lane:
    """Return the lane of a file; ``reviewed`` says of each library whether plans are reviewed."""
    planning = reviewed.get(item.library, False) and item.approved is None
    return Lane(item.library, planning)


def fate(outcome: Outcome, planning: bool, cancelled: bool) -> Fate:
    """Return what becomes of a file after a run; ``cancelled``: by a person."""
    if cancelled:
        return "done"
    if outcome.status in ("cancelled", "not_started"):
        return "again"
    if outcome.error is not None and outcome.error.kind in _RETRIED:
        return "later"
    if planning:
        return "review" if outcome.status == "planned" else "record"
    return "done"


def wait_seconds(tries: int) -> float:
    """Return the seconds until a file is tried again that was tried this often."""
    return min(_LONGEST, _WAIT * 2.0 ** min(tries, 16))


class QueuedFiles:
    """The files of one run, taken from the queue (``vpo.run.request.WaitingFiles``).

    ``open_lanes`` returns the libraries whose files may start now, and whether each is reviewed;
    ``fingerprint`` is that of the library's policy, ``number`` returns how many files may be
    processed at the same time.
    """

    def __init__(
        self,
        tables: QueueTables,
        lane: Lane,
        open_lanes: Callable[[], Mapping[str, bool]],
        fingerprint: str,
        number: Callable[[], int | None],
    ) -> None:
        self._queue, self._reviews = tables
        self._lane, self._open_lanes = lane, open_lanes
        self._fingerprint, self.workers = fingerprint, number
        self._taken: dict[str, QueueItem] = {}
        self._running: dict[str, QueueItem] = {}
        self._cancelled: set[int] = set()

    def left(self) -> bool:
        lanes = self._open_lanes()
        item = self._queue.first(list(lanes))
        return item is not None and lane_of(item, lanes) == self._lane

    def next(self) -> str | None:
        lanes = self._open_lanes()
        item = self._queue.take(list(lanes), lambda each: lane_of(each, lanes) == self._lane)
        if item is None:
            return None
        self._taken[item.path] = item
        return item.path

    def begin(self, path: str, real: str) -> Approval | None:
        item = self._running[real] = self._taken.pop(path)
        if item.approved is None:
            return None
        return Approval(item.approved, self._fingerprint)

    def pass_by(self, path: str) -> None:
        item = self._taken.pop(path)
        self._queue.finish(item.id)
        self._reviews.forget(path)

    def end(self, outcome: Outcome) -> None:
        item = self._running.pop(outcome.was or outcome.path, None)
        if item is None:  # it was not started: its failure was known, and ``pass_by`` follows
            return
        found = fate(outcome, self._lane.planning, item.id in self._cancelled)
        reason = outcome.error.message if outcome.error else None
        if found == "review":
            self._review(item, outcome)
        elif found == "record":
            self._queue.approve(item.id, NO_CHANGES)
        elif found == "later":
            self._try_later(item, outcome, reason)
        elif found == "again":
            self._queue.put_back(item.id)
        else:
            self._queue.finish(item.id)
            self._reviews.forget(item.path)

    def to_cancel(self) -> list[str]:
        wanted = {item.id for item in self._queue.to_cancel()}
        paths = [path for path, item in self._running.items() if item.id in wanted]
        self._cancelled |= wanted
        return paths

    def give_back(self) -> None:
        """Have files wait again that were taken and have no outcome, at the end of the run."""
        for item in (*self._taken.values(), *self._running.values()):
            self._queue.put_back(item.id)
        self._taken, self._running = {}, {}

    def _try_later(self, item: QueueItem, outcome: Outcome, reason: str | None) -> None:
        unapproved = outcome.error is not None and outcome.error.kind is ErrorKind.APPROVAL
        # The first time at once: a person is to see the new plan.
        seconds = 0.0 if unapproved and not item.tries else wait_seconds(item.tries)
        self._queue.put_back(item.id, reason, seconds, unapproved)

    def _review(self, item: QueueItem, outcome: Outcome) -> None:
        """Have the plan wait for a person, unless it was decided about before."""
        if outcome.plan is None or outcome.stamp is None:
            self._queue.put_back(item.id, "it changed while it was planned", wait_seconds(0))
            return
        digest = plan_hash(outcome.plan, outcome.stamp, self._fingerprint)
        changes = changes_to_json(outcome.plan.changes)
        kinds = tuple(sorted({change["kind"] for change in changes}))
        plan = Reviewed(
            *(item.path, item.library, digest, outcome.strategy, changes, kinds, outcome.warnings)
        )
        decision = self._reviews.put(plan)
        if decision == "approved":
            self._queue.approve(item.id, digest)
        elif decision == "rejected":
            self._queue.finish(item.id)
        else:
            self._queue.send_to_review(item.id, item.reason)
