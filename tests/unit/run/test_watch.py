"""When a file that is news is worked on."""

from __future__ import annotations

import math

from vpo.run.watch import Waitlist

ONE, TWO = (1, 1, 1, 1), (2, 2, 1, 1)


def test_waitlist_file_is_due_when_settled() -> None:
    files = Waitlist(30)
    files.see("/a", ONE, 0)
    files.see("/a", ONE, 20)
    assert files.due(29) == []
    assert files.due(30) == ["/a"]


def test_waitlist_file_that_grows_settles_again() -> None:
    files = Waitlist(30)
    files.see("/a", ONE, 0)
    files.see("/a", TWO, 20)
    assert files.due(49) == []
    assert files.due(50) == ["/a"]


def test_waitlist_forgets_deleted_file() -> None:
    files = Waitlist(0)
    files.see("/a", ONE, 0)
    files.see("/a", None, 1)
    assert files.due(100) == []


def test_waitlist_retries_failed_file_at_growing_intervals() -> None:
    files, now, waits = Waitlist(30), 0.0, []
    files.see("/a", ONE, now)
    for _ in range(12):
        due = files.waiting["/a"].due
        waits.append(due - now)
        now = due
        files.failed("/a", ONE, now)
    assert waits == sorted(waits)
    assert waits[:4] == [30, 60, 120, 240]
    assert waits[-1] == 6 * 3600
    files.see("/a", TWO, now)  # another file: it settles, and is tried
    assert files.waiting["/a"].due == now + 30


def test_waitlist_delays_failed_file_without_settle_time() -> None:
    files = Waitlist(0)
    files.see("/a", ONE, 0)
    assert files.due(0) == ["/a"]
    files.failed("/a", ONE, 0)
    assert files.due(1) == []


def test_waitlist_tries_parked_file_only_when_it_has_changed() -> None:
    files = Waitlist(30)
    files.see("/a", ONE, 0)
    files.park("/a", ONE, math.inf)
    files.done("/a")  # the database knows that it is damaged
    files.see("/a", ONE, 10)
    assert files.due(10**9) == []
    touched = (*ONE[:3], 2)  # written again, and its time set back
    files.see("/a", touched, 100)
    files.done("/a")  # by its size and time
    assert files.due(129) == []
    assert files.due(130) == ["/a"]
    files.see("/a", None, 140)
    assert files.waiting == {}


def test_waitlist_looks_at_all_files_in_turn() -> None:
    files = Waitlist(30)
    for name in "abcde":
        files.see(name, ONE, 0)
    assert files.next(9) == list("abcde")
    assert [files.next(2) for _ in range(3)] == [["a", "b"], ["c", "d"], ["e", "a"]]


def test_waitlist_makes_one_batch_of_what_settles_together() -> None:
    files = Waitlist(30)
    for second in range(0, 50, 10):
        files.see(f"/{second}", ONE, second)
    assert files.due(30) == []  # the others settle soon
    assert files.due(59) == []
    assert files.due(60) == ["/0", "/10", "/20", "/30"]  # the first has waited twice
    for path in files.due(60):
        files.see(path, None, 60)
    assert files.due(70) == ["/40"]


def test_waitlist_does_not_wait_for_what_failed_or_is_parked() -> None:
    files = Waitlist(30)
    files.see("/a", ONE, 0)
    files.failed("/b", ONE, -20)
    files.park("/c", ONE, 40)
    assert files.waiting["/b"].due == 40
    assert files.due(30) == ["/a"]
