"""Whether work may begin: it may not while it is paused, nor outside of the hours for it.

A pause is a file in the data folder, so that it holds for every run of this library, for those that
begin later too, and over a restart of the machine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from vpo.config.hours import Span, opening

_NAME = "paused"


class PauseState(NamedTuple):
    """Why nothing may begin; ``stops`` if what runs is to stand still, too."""

    reason: str
    stops: bool


def pause(data_dir: Path, until: datetime | None = None) -> None:
    """Pause all runs of this library, for good or ``until`` then (an aware time)."""
    os.makedirs(data_dir, mode=0o700, exist_ok=True)
    part = data_dir / f"{_NAME}.{os.getpid()}"
    part.write_text(until.astimezone(timezone.utc).isoformat() if until else "", "utf-8")
    part.replace(data_dir / _NAME)


def resume(data_dir: Path) -> bool:
    """End a pause; whether there was one."""
    try:
        os.unlink(data_dir / _NAME)
    except FileNotFoundError:
        return False
    return True


class Schedule:
    """Looks at the pause and at the clock."""

    def __init__(
        self,
        data_dir: Path,
        hours: Sequence[Span] = (),
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._path = data_dir / _NAME
        self._hours, self._now = hours, now

    def closed(self) -> PauseState | None:
        """Why nothing may begin now, ``None`` if it may."""
        now = self._now()
        if paused := self._paused(now):
            return paused
        opens = opening(self._hours, now.astimezone().replace(tzinfo=None))
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
            return PauseState("paused; vpo resume goes on", True)
        return PauseState(f"paused until {_clock(until)}", True) if now < until else None


def _until(text: str) -> datetime | None:
    """A file that nobody can read stands for a pause without an end: who paused can resume."""
    with contextlib.suppress(ValueError):
        until = datetime.fromisoformat(text.strip())
        return until if until.tzinfo else None
    return None


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%a %H:%M}"


class Pauser:
    """Holds a crew while the gate is closed, and lets go of it in the end.

    ``closed`` is why nothing may begin, as of the last ``look``; ``tell`` is told of changes.
    """

    def __init__(
        self, gate: Schedule | None, hold: Callable[[bool], None], tell: Callable[[str], None]
    ) -> None:
        self._gate, self._hold, self._tell = gate, hold, tell
        self.closed: PauseState | None = None

    def look(self) -> None:
        """See whether the gate is open."""
        before, self.closed = self.closed, self._gate.closed() if self._gate else None
        self._hold(self.closed is not None and self.closed.stops)
        if self.closed != before:
            self._tell(self.closed.reason if self.closed else "going on")

    def __enter__(self) -> Pauser:
        return self

    def __exit__(self, *_: object) -> None:
        self._hold(False)
