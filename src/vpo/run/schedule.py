"""The schedule of a run: pauses, and the hours in which files are processed.

A pause is a file in the data folder, so it applies to every run of this library, including later
ones, and survives a restart of the machine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from vpo.config.hours import Span, next_start

_NAME = "paused"


class PauseState(NamedTuple):
    """The reason why nothing starts now; ``suspends`` also suspends running tools."""

    reason: str
    suspends: bool


def pause(data_dir: Path, until: datetime | None = None) -> None:
    """Pause all runs of this library, ``until`` a time with a time zone or without an end."""
    os.makedirs(data_dir, mode=0o700, exist_ok=True)
    part = data_dir / f"{_NAME}.{os.getpid()}"
    part.write_text(until.astimezone(timezone.utc).isoformat() if until else "", "utf-8")
    part.replace(data_dir / _NAME)


def resume(data_dir: Path) -> bool:
    """End the pause; return whether there was one."""
    try:
        os.unlink(data_dir / _NAME)
    except FileNotFoundError:
        return False
    return True


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Schedule:
    """Decides from the pause and the hours whether files may be started."""

    def __init__(
        self,
        data_dir: Path,
        hours: Sequence[Span] = (),
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._path = data_dir / _NAME
        self._hours, self._now = hours, now

    def pause_state(self) -> PauseState | None:
        """Return why nothing starts now, ``None`` if files may be started."""
        now = self._now()
        if paused := self._paused(now):
            return paused
        opens = next_start(self._hours, now.astimezone().replace(tzinfo=None))
        if opens is not None:
            return PauseState(f"waiting until {opens:%a %H:%M}", False)
        return None

    def _paused(self, now: datetime) -> PauseState | None:
        try:
            text = self._path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            return PauseState(f"paused; {self._path} cannot be read: {error.strerror}", True)
        until = _until(text)
        if until is None:
            return PauseState("paused; continue with: vpo resume", True)
        return PauseState(f"paused until {_clock(until)}", True) if now < until else None


def _until(text: str) -> datetime | None:
    """Return the end of the pause; unreadable text means a pause without an end."""
    with contextlib.suppress(ValueError):
        until = datetime.fromisoformat(text.strip())
        return until if until.tzinfo else None
    return None


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%a %H:%M}"


class Pauser:
    """Pauses the workers as the schedule says, and resumes them at the end.

    ``paused`` is why nothing starts, as of the last ``update``; ``suspend`` suspends and resumes
    the tools, and ``report`` takes a message about each change.
    """

    def __init__(
        self,
        schedule: Schedule | None,
        suspend: Callable[[bool], None],
        report: Callable[[str], None],
    ) -> None:
        self._schedule, self._suspend, self._report = schedule, suspend, report
        self.paused: PauseState | None = None

    def update(self) -> None:
        """Check the schedule; suspend or resume the tools."""
        before = self.paused
        self.paused = self._schedule.pause_state() if self._schedule else None
        self._suspend(self.paused is not None and self.paused.suspends)
        if self.paused != before:
            self._report(self.paused.reason if self.paused else "resumed")

    def __enter__(self) -> Pauser:
        return self

    def __exit__(self, *_: object) -> None:
        self._suspend(False)
