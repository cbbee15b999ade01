"""Slows down who tries tokens."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_FREE, _LONGEST, _ADDRESSES = 5, 60.0, 1024


class Logins:
    """Counts wrong tokens by client address: after five, each doubles the wait, up to a minute.

    Only the last thousand addresses are kept, so that it cannot be made to fill the memory.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Return the seconds until this client's next token is looked at; 0 if at once."""
        _, until = self._failed.get(client, (0, 0.0))
        return max(0.0, until - self._clock())

    def failed(self, client: str) -> None:
        """Count a wrong token."""
        count = self._failed.pop(client, (0, 0.0))[0] + 1
        wait = 0.0 if count < _FREE else min(_LONGEST, 2.0 ** min(count - _FREE, 6))
        self._failed[client] = count, self._clock() + wait
        while len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

    def succeeded(self, client: str) -> None:
        """Forget what this client tried."""
        self._failed.pop(client, None)
