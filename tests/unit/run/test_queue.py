"""What becomes of a file of the queue, whose turn it is, and which plan may be carried out."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from vpo.db.queue import QueueItem
from vpo.db.records import Status
from vpo.errors import (
    ApprovalError,
    CancelledError,
    DamagedError,
    FileError,
    InUseError,
    LinkedError,
    LockedError,
)
from vpo.execute.outcome import Failure, Outcome
from vpo.run.queue import Fate, Lane, fate, lane_of, wait_seconds
from vpo.run.request import Interrupt, RunInterrupt


def item(library: str, approved: str | None = None) -> QueueItem:
    now = datetime.now(timezone.utc)
    return QueueItem(
        1, "/a", library, "person", 0, 1.0, "waiting", now, None, 0, None, approved, False
    )


@pytest.mark.parametrize(
    ("status", "error", "fates"),
    [
        ("changed", None, ("done", "record")),
        ("unchanged", None, ("done", "record")),
        ("planned", None, ("done", "review")),
        ("failed", DamagedError("broken"), ("done", "record")),
        ("skipped", LinkedError("linked"), ("done", "record")),
        ("skipped", InUseError("it is played"), ("later", "later")),
        ("skipped", LockedError("another vpo"), ("later", "later")),
        ("skipped", ApprovalError("another plan"), ("later", "later")),
        ("cancelled", CancelledError("interrupted"), ("again", "again")),
        ("not_started", None, ("again", "again")),
    ],
)
def test_fate_of_a_file(status: Status, error: FileError | None, fates: tuple[Fate, Fate]) -> None:
    outcome = Outcome("/a", status, error=Failure.of(error) if error else None)
    assert (fate(outcome, False, False), fate(outcome, True, False)) == fates
    assert fate(outcome, False, True) == fate(outcome, True, True) == "done"


def test_plans_are_made_before_they_are_approved_where_they_are_reviewed() -> None:
    reviewed = {"films": True, "series": False}
    assert lane_of(item("films"), reviewed) == Lane("films", planning=True)
    assert lane_of(item("films", "hash"), reviewed) == Lane("films")
    assert lane_of(item("series"), reviewed) == Lane("series")


def test_files_are_tried_again_ever_later_up_to_an_hour() -> None:
    assert [wait_seconds(tries) for tries in (0, 1, 2, 10, 10**6)] == [60, 120, 240, 3600, 3600]


def test_the_interrupt_of_a_run_ends_no_other_run() -> None:
    every = Interrupt()
    one, two = RunInterrupt(every), RunInterrupt(every)
    one.stop = True
    assert (one.stop, two.stop, every.stop, one.signalled) == (True, False, False, False)
    every.signal()
    assert two.stop
    assert two.signalled
    assert not two.at_once
    every.signal()
    assert two.at_once
