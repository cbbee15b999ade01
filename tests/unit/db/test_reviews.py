"""Reviews: what is approved or rejected, by the hash of a plan, and how long that holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue, NewItem
from vpo.db.reviews import Reviewed, Reviews


class Tables(NamedTuple):
    queue: FileQueue
    reviews: Reviews


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    with DaemonConnectionPool(tmp_path / "vpo.db") as pool:
        yield Tables(FileQueue(pool), Reviews(pool))


def plan(path: str, digest: str = "h", kinds: tuple[str, ...] = ("flag",)) -> Reviewed:
    changes = [{"kind": kind, "to": "\udcff"} for kind in kinds]
    return Reviewed(path, "films", digest, "header", changes, kinds, ("careful",))


def in_review(tables: Tables, *plans: Reviewed) -> None:
    for one in plans:
        tables.queue.add([NewItem(one.path, "films", "person")])
        tables.reviews.put(one)
        tables.queue.send_to_review(tables.queue.find([one.path])[0].id)


def states(tables: Tables) -> dict[str, tuple[str, str | None]]:
    return {item.path: (item.state, item.approved) for item in tables.queue.items()}


def test_an_approved_plan_waits_with_its_hash(tables: Tables) -> None:
    in_review(tables, plan("/a"), plan("/b"))
    assert [item.plan for item in tables.reviews.waiting()] == [plan("/a"), plan("/b")]
    assert tables.reviews.approve({"/a": "h", "/b": "another", "/c": "h"}) == ["/a"]
    assert states(tables) == {"/a": ("waiting", "h"), "/b": ("review", None)}
    assert [item.plan.path for item in tables.reviews.waiting()] == ["/b"]


def test_rejected_files_are_gone_and_not_asked_about_again(tables: Tables) -> None:
    in_review(tables, plan("/a"), plan("/\udcff"))
    assert tables.reviews.reject(["/\udcff", "/none"]) == 1
    assert list(states(tables)) == ["/a"]
    assert tables.reviews.put(plan("/\udcff")) == "rejected"
    assert tables.reviews.put(plan("/\udcff", "other")) is None
    assert tables.reviews.put(plan("/\udcff")) is None


def test_plans_are_found_by_what_they_change(tables: Tables) -> None:
    in_review(tables, plan("/a"), plan("/b", kinds=("title", "flag")), plan("/c"))
    assert tables.reviews.kinds() == {("flag",): 2, ("flag", "title"): 1}
    assert [item.plan.path for item in tables.reviews.of_kinds(["flag"])] == ["/a", "/c"]
    assert len(tables.reviews.of_kinds(["title", "flag", "codec"])) == 3


def test_a_file_that_is_taken_out_has_no_plan_to_decide_about(tables: Tables) -> None:
    in_review(tables, plan("/a"))
    tables.queue.cancel([item.id for item in tables.queue.items()])
    assert tables.reviews.waiting() == []


def test_a_plan_that_was_carried_out_is_forgotten(tables: Tables) -> None:
    in_review(tables, plan("/a"))
    tables.reviews.approve({"/a": "h"})
    tables.reviews.forget("/a")
    assert tables.reviews.of("/a") is None
    assert tables.reviews.put(plan("/a")) is None
