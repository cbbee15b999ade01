"""What runs have saved, counted from their outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from vpo.db.connection import DaemonConnectionPool
from vpo.db.savings import Savings

NOON = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
_ROW = """
    INSERT INTO outcomes
        (id, run, path, state, status, strategy, started_at, seconds, size_before, size_after,
         undone_at)
    VALUES (?, 'run', ?, 'done', ?, ?, ?, 2.0, ?, ?, ?)
"""


@pytest.fixture
def savings(tmp_path: Path) -> Iterator[Savings]:
    with DaemonConnectionPool(tmp_path / "vpo.db") as pool:
        found = Savings(pool)
        rows = [
            ("changed", "transcode", "2026-03-01T10:00:00.000000+00:00", 1000, 400, None),
            ("changed", "transcode", "2026-03-02T13:00:00.000000+00:00", 1000, 200, None),
            ("changed", "remux", "2026-03-02T14:00:00.000000+00:00", 500, 520, None),
            ("changed", "transcode", "2026-03-02T15:00:00.000000+00:00", 900, 1, "2026-03-03"),
            ("failed", None, "2026-03-02T16:00:00.000000+00:00", 70, None, None),
        ]
        with pool.transaction() as connection:
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute(
                "INSERT INTO runs VALUES"
                " ('run', '2026-03-01', NULL, '[]', '{}', 1, 0, 1, 'host', 'finished', NULL)"
            )
            for number, (status, strategy, started, before, after, undone) in enumerate(rows):
                values = (status, strategy, started, before, after, undone)
                connection.execute(_ROW, (str(number), str(number).encode(), *values))
        yield found


def test_savings_leave_out_what_was_undone(savings: Savings) -> None:
    assert savings.since() == (3, 600 + 800 - 20)


def test_savings_count_from_the_time_at_which_files_were_begun(savings: Savings) -> None:
    assert savings.since(NOON) == (2, 800 - 20)


def test_encode_ratio_is_that_of_encodes_alone(savings: Savings) -> None:
    assert savings.encode_ratio() == pytest.approx(600 / 2000)


def test_encode_ratio_is_unknown_without_encodes(tmp_path: Path) -> None:
    with DaemonConnectionPool(tmp_path / "empty.db") as pool:
        assert Savings(pool).encode_ratio() is None


def test_statuses_and_seconds_count_every_outcome(savings: Savings) -> None:
    assert savings.statuses() == {"changed": 4, "failed": 1}
    assert savings.seconds() == {"transcode": 6.0, "remux": 2.0}
