"""Work on files in threads, a file for each worker at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import NamedTuple, TypeVar

from vpo.run.request import Interrupt

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_WAIT_SECONDS = 0.5
"""The longest time until an interrupt is noticed."""


class Pool(NamedTuple):
    """The executor, the number of its workers, what ends their work, and what is called often.

    ``on_tick`` is called at least twice a second.
    """

    executor: Executor
    workers: int
    interrupt: Interrupt
    on_tick: Callable[[], None]


def completed(
    work: Callable[[_Item], _Answer], items: Iterable[_Item], pool: Pool
) -> Iterator[_Answer]:
    """Yield the answers as they come; an item is submitted when a worker is free for it."""
    queue = iter(items)
    running: set[Future[_Answer]] = set()
    while True:
        while len(running) < pool.workers and not pool.interrupt.stop:
            item = next(queue, None)
            if item is None:
                break
            running.add(pool.executor.submit(work, item))
        if not running:
            return
        done, running = wait(running, _WAIT_SECONDS, return_when=FIRST_COMPLETED)
        pool.on_tick()
        for future in done:
            yield future.result()
