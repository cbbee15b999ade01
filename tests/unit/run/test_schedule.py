"""Pauses and hours as a run sees them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from vpo.config.hours import span
from vpo.run.schedule import Pauser, PauseState, Schedule, pause, resume

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)


def gate(folder: Path, *hours: str, now: datetime = NOW) -> Schedule:
    return Schedule(folder, [span(text) for text in hours], lambda: now)


def test_pause_holds_until_resume(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert gate(folder).closed() is None
    pause(folder)
    assert gate(folder).closed() == PauseState("paused; vpo resume goes on", True)
    assert resume(folder)
    assert not resume(folder)
    assert gate(folder).closed() is None
    assert list(folder.iterdir()) == []


def test_pause_with_an_end_expires(tmp_path: Path) -> None:
    pause(tmp_path, NOW + timedelta(hours=1))
    found = gate(tmp_path).closed()
    assert found
    assert found.stops
    assert gate(tmp_path, now=NOW + timedelta(hours=1)).closed() is None


@pytest.mark.parametrize("data", [b"nonsense", b"\0", b"\xff\xfe", b"2020-01-01T00:00:00"])
def test_malformed_pause_file_is_a_pause(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "paused").write_bytes(data)
    assert gate(tmp_path).closed() == PauseState("paused; vpo resume goes on", True)


def test_unreadable_pause_file_is_a_pause(tmp_path: Path) -> None:
    (tmp_path / "paused").mkdir()
    found = gate(tmp_path).closed()
    assert found
    assert found.stops
    assert f"{tmp_path}/paused cannot be read" in found.reason


def test_outside_hours_running_tools_continue(tmp_path: Path) -> None:
    local = NOW.astimezone()
    later = f"{(local + timedelta(hours=2)):%H:%M}-{(local + timedelta(hours=3)):%H:%M}"
    found = gate(tmp_path, later).closed()
    assert found
    assert not found.stops
    assert f"{local + timedelta(hours=2):%H:%M}" in found.reason


def test_schedule_reports_changes_and_resumes_at_the_end(tmp_path: Path) -> None:
    held: list[bool] = []
    told: list[str] = []
    pause(tmp_path)
    with Pauser(gate(tmp_path), held.append, told.append) as pauser:
        pauser.look()
        pauser.look()
        assert pauser.closed
        resume(tmp_path)
        pauser.look()
        assert pauser.closed is None
        pause(tmp_path)
        pauser.look()
    assert held == [True, True, False, True, False]
    assert told == ["paused; vpo resume goes on", "going on", "paused; vpo resume goes on"]


def test_without_schedule_nothing_is_suspended() -> None:
    held: list[bool] = []
    Pauser(None, held.append, print).look()
    assert held == [False]
