"""Where changes of folders come from: the system, or searches at an interval."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

import pytest

from vpo.run import folder_changes
from vpo.run.folder_changes import FolderChanges


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which only sleeping takes time."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(folder_changes, "is_network_folder", lambda path: path.startswith("/net"))


def test_folders_are_polled_at_the_interval() -> None:
    found = FolderChanges(3.0, True, lambda: False, print)
    changes = list(itertools.islice(found(["/a", "/b"]), 7))
    assert [len(changed) for changed in changes] == [0, 0, 2, 0, 0, 2, 0]
    assert changes[2] == {"/a", "/b"}


def reported(folders: Sequence[str]) -> Iterator[set[str]]:
    """One change a second."""
    for number in itertools.count():
        time.sleep(1.0)
        yield {f"{folders[0]}/{number}"}


def test_network_folders_are_polled_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    monkeypatch.setattr(folder_changes, "reported_changes", reported)
    found = FolderChanges(2.0, False, lambda: False, notes.append)
    for _ in range(2):
        changes = list(itertools.islice(found(["/a", "/net"]), 4))
        assert changes == [{"/a/0"}, {"/a/1", "/net"}, {"/a/2"}, {"/a/3", "/net"}]
    assert notes == ["/net is on a network file system; it is searched for changes every 2 s"]


def test_folders_that_the_system_cannot_watch_are_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folders: Sequence[str]) -> Iterator[set[str]]:  # noqa: ARG001
        raise OSError("OS file watch limit reached.")
        yield

    notes: list[str] = []
    monkeypatch.setattr(folder_changes, "reported_changes", refused)
    found = FolderChanges(2.0, False, lambda: False, notes.append)
    assert list(itertools.islice(found(["/a"]), 3)) == [set(), {"/a"}, set()]
    (note,) = notes
    assert note.startswith("the system cannot watch the folders (OS file watch limit reached.);")


def test_polling_ends_when_it_is_to_stop() -> None:
    assert len(list(FolderChanges(9.0, True, lambda: True, print)(["/a"]))) == 1
