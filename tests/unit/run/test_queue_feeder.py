"""What the hours of a library add to the queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue
from vpo.db.reviews import Reviews
from vpo.db.store import Store
from vpo.run.observer import Silent
from vpo.run.queue import QueueTables
from vpo.run.queue_feeder import QueueFeeder
from vpo.run.queue_runner import QueueWork
from vpo.run.request import Interrupt
from vpo.run.threads import Threads

POLICY = "schema_version: 13\nphases: [{name: p}]\n"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A library at night, and one without hours of its own."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    text = ""
    for name, hours in (("night", 'hours = ["22:00-06:00"]\npriority = 3\n'), ("any", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "film.mkv").touch()
        text += f'[[libraries]]\nname = "{name}"\nfolders = ["{tmp_path / name}"]\n'
        text += f'policy = "./policy.yaml"\n{hours}'
    (tmp_path / "config.toml").write_text(text)
    monkeypatch.setenv("VPO_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("VPO_DATA_DIR", str(tmp_path / "data"))
    return build({})


@pytest.fixture
def work(settings: Settings) -> Iterator[QueueWork]:
    with DaemonConnectionPool(settings.database_path) as pool:
        tables = QueueTables(FileQueue(pool), Reviews(pool))
        yield QueueWork(settings, Store(pool), tables, Silent(), Interrupt(), Threads)


def test_a_library_is_searched_once_when_its_hours_begin(work: QueueWork) -> None:
    added: list[bool] = []
    feeder, queue = QueueFeeder(work, lambda: added.append(True)), work.tables.queue
    feeder.look_at_hours(datetime(2026, 1, 1, 21, 59))
    assert queue.items() == []
    feeder.look_at_hours(datetime(2026, 1, 1, 22, 0))
    (item,) = queue.items()
    assert (item.library, item.source, item.priority) == ("night", "schedule", 3)
    queue.cancel([item.id])
    feeder.look_at_hours(datetime(2026, 1, 2, 3, 0))
    assert queue.items() == []
    feeder.look_at_hours(datetime(2026, 1, 2, 12, 0))
    feeder.look_at_hours(datetime(2026, 1, 2, 23, 0))
    assert len(queue.items()) == len(added) - 1 == 1
