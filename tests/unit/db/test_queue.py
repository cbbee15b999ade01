"""The queue: its order, what a person does to it, and what is left when the server is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue, NewItem, QueueItem

FILMS = ["films", "series"]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock) -> Iterator[FileQueue]:
    with DaemonConnectionPool(tmp_path / "vpo.db") as pool:
        yield FileQueue(pool, clock=clock)


def fill(queue: FileQueue, *names: str, library: str = "films", priority: int = 0) -> list[int]:
    queue.add([NewItem(f"/{name}", library, "person", priority) for name in names])
    return [item.id for item in queue.find([f"/{name}" for name in names])]


def names(queue: FileQueue) -> str:
    return "".join(item.path[1:] for item in queue.items())


def take(queue: FileQueue) -> QueueItem:
    item = queue.take(FILMS, lambda _: True)
    assert item is not None
    return item


def test_priority_goes_before_age(queue: FileQueue) -> None:
    fill(queue, "a", "b")
    fill(queue, "c", priority=5)
    assert names(queue) == "cab"
    assert queue.counts() == {"running": 0, "waiting": 3, "held": 0, "review": 0}


def test_adding_twice_keeps_one_row_with_the_higher_priority(queue: FileQueue) -> None:
    fill(queue, "a", "b", "c")
    assert queue.add([NewItem("/b", "films", "hook", 3), NewItem("/d", "films", "hook")]) == 1
    assert names(queue) == "bacd"
    assert queue.items()[0].source == "person"


def test_names_that_are_no_text_are_kept(queue: FileQueue) -> None:
    queue.add([NewItem("/\udcff", "films", "watch")])
    assert queue.items()[0].path == "/\udcff"


def test_files_move_to_the_front_before_others_and_to_the_back(queue: FileQueue) -> None:
    a, b, c, d = fill(queue, "a", "b", "c", "d")
    assert queue.move([c, d], "front") == 2
    assert names(queue) == "cdab"
    assert queue.move_before([b], d) == 1
    assert names(queue) == "cbda"
    queue.move([c], "back")
    assert names(queue) == "bdac"
    fill(queue, "e", priority=9)
    queue.move([a], "front")
    assert names(queue) == "aebdc"


def test_any_number_of_moves_finds_room_between_two_files(queue: FileQueue) -> None:
    a, b, c = fill(queue, "a", "b", "c")
    for _ in range(70):
        queue.move_before([b], c)
        queue.move_before([a], c)
    assert names(queue) == "bac"


def test_the_first_of_the_libraries_is_taken_once(queue: FileQueue) -> None:
    fill(queue, "a", library="series")
    fill(queue, "b")
    assert queue.take(["films"], lambda item: item.path == "/a") is None
    assert queue.take(["films"], lambda _: True).path == "/b"  # type: ignore[union-attr]
    assert take(queue).path == "/a"
    assert queue.take(FILMS, lambda _: True) is None


def test_held_files_wait_for_release(queue: FileQueue) -> None:
    a, b = fill(queue, "a", "b")
    assert queue.hold([a]) == 1
    assert take(queue).path == "/b"
    assert queue.hold([b]) == 0  # runs
    assert queue.first(FILMS) is None
    assert queue.release([a, b, 99]) == 1
    assert take(queue).path == "/a"


def test_what_was_running_waits_again_after_a_kill(queue: FileQueue) -> None:
    a, b, _ = fill(queue, "a", "b", "c")
    queue.approve(a, "hash")
    take(queue)
    take(queue)
    queue.cancel([b])
    assert [item.path for item in queue.to_cancel()] == ["/b"]
    assert queue.reset() == 1
    assert names(queue) == "ac"
    assert queue.items()[0].approved == "hash"


def test_a_file_that_is_done_is_gone_unless_it_was_added_again(queue: FileQueue) -> None:
    a, b = fill(queue, "a", "b")
    take(queue)
    take(queue)
    fill(queue, "b")
    queue.finish(a)
    queue.finish(b)
    assert [(item.path, item.state) for item in queue.items()] == [("/b", "waiting")]


def test_a_file_in_use_is_tried_again_later(queue: FileQueue, clock: Clock) -> None:
    (a,) = fill(queue, "a")
    take(queue)
    queue.put_back(a, "somebody plays it", 60)
    assert queue.first(FILMS) is None
    (item,) = queue.items()
    assert (item.reason, item.tries, item.due) == ("somebody plays it", 1, 1060.0)
    clock.now += 60
    assert take(queue).tries == 1
    queue.put_back(a)
    assert take(queue).due is None


def test_cancelled_files_are_gone(queue: FileQueue) -> None:
    a, b = fill(queue, "a", "b")
    queue.hold([b])
    assert queue.cancel([a, b, 77]) == 2
    assert queue.items() == []


def test_ids_are_never_given_twice(queue: FileQueue) -> None:
    (a,) = fill(queue, "a")
    queue.cancel([a])
    assert fill(queue, "b") != [a]
