"""Values that are computed once in a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Memo(Generic[_Key, _Value]):
    """Computes a value for each key once; threads that ask for the same key wait for it.

    What fails is computed again by whoever asks next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[_Key, threading.Lock] = {}
        self._values: dict[_Key, _Value] = {}

    def get(self, key: _Key, compute: Callable[[], _Value]) -> _Value:
        """Return the value of ``key``."""
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if key not in self._values:
                self._values[key] = compute()
            return self._values[key]
