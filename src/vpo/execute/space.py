"""Room on the file systems, shared among the files that are worked on at the same time.

Free space alone does not tell: what the other workers will still write is not taken yet.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vpo.errors import CancelledError, SpaceError

_WAIT_SECONDS = 1.0
_MEBIBYTE = 1 << 20


@dataclass(eq=False)
class _Reservation:
    device: int
    size: int
    output: str
    keep_free: int

    @property
    def outstanding(self) -> int:
        """Bytes that are promised and not yet written."""
        try:
            return max(0, self.size - os.stat(self.output).st_blocks * 512)
        except OSError:
            return self.size


class _Ledger:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[_Reservation] = []

    @contextlib.contextmanager
    def hold(self, wanted: _Reservation, cancelled: Callable[[], bool]) -> Iterator[None]:
        with self._changed:
            while not self._fits(wanted):
                if cancelled():
                    raise CancelledError("interrupted while waiting for free space")
                self._changed.wait(_WAIT_SECONDS)
            self._held.append(wanted)
        try:
            yield
        finally:
            with self._changed:
                self._held.remove(wanted)
                self._changed.notify_all()

    def _fits(self, wanted: _Reservation) -> bool:
        others = [item for item in self._held if item.device == wanted.device]
        free = free_bytes(os.path.dirname(wanted.output)) - wanted.keep_free
        if wanted.size + sum(item.outstanding for item in others) <= free:
            return True
        if others:
            return False
        raise SpaceError(
            f"not enough room: about {_mebibytes(wanted.size)} are needed and "
            f"{_mebibytes(max(0, free))} are free in {os.path.dirname(wanted.output)}"
            f"{besides(wanted.keep_free)}; make room and run again"
        )


_ledger = _Ledger()


def reserve(
    output: str, size: int, cancelled: Callable[[], bool] = lambda: False, keep_free: int = 0
) -> contextlib.AbstractContextManager[None]:
    """Hold ``size`` bytes for the file ``output`` (which exists) while the context is entered.

    ``keep_free`` bytes are left free on top. Waits while other workers hold the room;
    ``SpaceError`` if it would not fit without them either.
    """
    return _ledger.hold(_Reservation(os.stat(output).st_dev, size, output, keep_free), cancelled)


def free_bytes(folder: str) -> int:
    """What an ordinary user may still write there."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def besides(keep_free: int) -> str:
    """A few words for a message, where the configuration wants room to be left."""
    return f" besides the {_mebibytes(keep_free)} of [files] keep_free" if keep_free else ""


def _mebibytes(size: int) -> str:
    return f"{size / _MEBIBYTE:,.0f} MiB"
