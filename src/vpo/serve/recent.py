"""Keeps what many clients ask for at the same time for a moment, so that it is made once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Brief = TypeVar("Brief")


class Recent(Generic[Brief]):
    """A value that is made anew after some seconds, by one thread while the others wait."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._guard = threading.Lock()
        self._made: tuple[float, Brief] | None = None

    def get(self, make: Callable[[], Brief]) -> Brief:
        """Return the value, or what ``make`` returns if it is too old."""
        with self._guard:
            if self._made is None or self._clock() - self._made[0] >= self._seconds:
                self._made = self._clock(), make()
            return self._made[1]

    def forget(self) -> None:
        """Have the next value be made anew."""
        with self._guard:
            self._made = None
