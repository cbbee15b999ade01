"""Pauses and hours as a run sees them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from vpo.config.hours import span
from vpo.run.schedule import Pauser, PauseState, Schedule, pause, resume

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)


def schedule(folder: Path, *hours: str, now: datetime = NOW) -> Schedule:
    return Schedule(folder, [span(text) for text in hours], lambda: now)


def test_pause_holds_until_resume(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert schedule(folder).pause_state() is None
    pause(folder)
    assert schedule(folder).pause_state() == PauseState("paused; continue with: vpo resume", True)
    assert resume(folder)
    assert not resume(folder)
    assert schedule(folder).pause_state() is None
    assert list(folder.iterdir()) == []


def test_pause_with_an_end_expires(tmp_path: Path) -> None:
    pause(tmp_path, NOW + timedelta(hours=1))
    found = schedule(tmp_path).pause_state()
    assert found
    assert found.suspends
    assert schedule(tmp_path, now=NOW + timedelta(hours=1)).pause_state() is None


@pytest.mark.parametrize("data", [b"nonsense", b"\0", b"\xff\xfe", b"2020-01-01T00:00:00"])
def test_malformed_pause_file_is_a_pause(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "paused").write_bytes(data)
    assert schedule(tmp_path).pause_state() == PauseState("paused; continue with: vpo resume", True)


def test_unreadable_pause_file_is_a_pause(tmp_path: Path) -> None:
    (tmp_path / "paused").mkdir()
    found = schedule(tmp_path).pause_state()
    assert found
    assert found.suspends
    assert f"{tmp_path}/paused cannot be read" in found.reason


def test_outside_hours_running_tools_continue(tmp_path: Path) -> None:
    local = NOW.astimezone()
    later = f"{(local + timedelta(hours=2)):%H:%M}-{(local + timedelta(hours=3)):%H:%M}"
    found = schedule(tmp_path, later).pause_state()
    assert found
    assert not found.suspends
    assert f"{local + timedelta(hours=2):%H:%M}" in found.reason


def test_schedule_reports_changes_and_resumes_at_the_end(tmp_path: Path) -> None:
    suspended: list[bool] = []
    messages: list[str] = []
    pause(tmp_path)
    with Pauser(schedule(tmp_path), suspended.append, messages.append) as pauser:
        pauser.update()
        pauser.update()
        assert pauser.paused
        resume(tmp_path)
        pauser.update()
        assert pauser.paused is None
        pause(tmp_path)
        pauser.update()
    assert suspended == [True, True, False, True, False]
    assert messages == [
        "paused; continue with: vpo resume",
        "resumed",
        "paused; continue with: vpo resume",
    ]


def test_without_schedule_nothing_is_suspended() -> None:
    suspended: list[bool] = []
    Pauser(None, suspended.append, print).update()
    assert suspended == [False]
