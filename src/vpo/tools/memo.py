"""Values that are computed once in a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

CacheKey = TypeVar("CacheKey", bound=Hashable)
Computed = TypeVar("Computed")


class Memo(Generic[CacheKey, Computed]):
    """Computes a value for each key once; threads that ask for the same key wait for it.

    What fails is computed again by whoever asks next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[CacheKey, threading.Lock] = {}
        self._values: dict[CacheKey, Computed] = {}

    def get(self, key: CacheKey, compute: Callable[[], Computed]) -> Computed:
        """Return the value of ``key``."""
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if key not in self._values:
                self._values[key] = compute()
            return self._values[key]
