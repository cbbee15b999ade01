"""The threads of ``vpo serve`` that work on the queue and fill it."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import threading
from collections.abc import Callable, Iterator

import click

from vpo.cli.workers import chosen_workers
from vpo.config.builder import Settings
from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue
from vpo.db.reviews import Reviews
from vpo.db.store import Store
from vpo.run.folder_changes import FolderChanges
from vpo.run.observer import Silent
from vpo.run.queue import QueueTables
from vpo.run.queue_feeder import QueueFeeder
from vpo.run.queue_runner import QueueRunner, QueueWork
from vpo.run.request import Interrupt

_POLL, _EVERY = 60.0, 3600.0
"""Seconds between two searches for changes, and between two searches of whole libraries."""
log = logging.getLogger(__name__)


class _Notes(Silent):
    """Prints the messages of runs."""

    def note(self, text: str) -> None:
        click.echo(text, err=True)


@contextlib.contextmanager
def queue_threads(settings: Settings, pool: DaemonConnectionPool) -> Iterator[QueueRunner]:
    """Work on the queue, and fill it; at the end, the tools are ended and their files wait."""
    interrupt, observer = Interrupt(), _Notes()
    tables = QueueTables(FileQueue(pool), Reviews(pool))
    work = QueueWork(
        settings, Store(pool), tables, observer, interrupt, lambda: chosen_workers(None)
    )
    runner = QueueRunner(work)
    feeder = QueueFeeder(work, runner.wake)
    polls = importlib.util.find_spec("watchfiles") is None
    changes = FolderChanges(_POLL, polls, lambda: interrupt.stop, observer.note)
    threads = [
        threading.Thread(target=_guarded(runner.run), name="vpo queue"),
        threading.Thread(target=_guarded(lambda: feeder.follow(changes, _EVERY)), name="vpo watch"),
        threading.Thread(target=_guarded(feeder.keep_hours), name="vpo hours"),
    ]
    for thread in threads:
        thread.start()
    try:
        yield runner
    finally:
        interrupt.signal()
        interrupt.at_once = True
        runner.wake()
        for thread in threads:
            thread.join()


def _guarded(work: Callable[[], object]) -> Callable[[], None]:
    """Return a function that reports what ended the work, which nobody else would."""

    def run() -> None:
        try:
            work()
        except Exception as error:
            log.exception("unexpected error")
            click.echo(f"error: {threading.current_thread().name} has ended: {error}", err=True)

    return run
