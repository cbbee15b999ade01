"""What a person can do with one file: the same as the commands, for files in libraries alone."""

from __future__ import annotations

import contextlib
import os

from vpo.db.library import Library
from vpo.db.queue import FileQueue
from vpo.errors import BusyError, UsageError
from vpo.execute.outcome import Outcome
from vpo.library.scan import Scanner
from vpo.probe.service import Prober
from vpo.run.dry_run import planned
from vpo.run.enqueue import new_items
from vpo.run.ignored import ignore_file, stop_ignoring
from vpo.run.undo import kept_originals, settle_beside, undo
from vpo.run.workers import installed_tools
from vpo.serve.context import ServeContext
from vpo.serve.file_view import FileView, file_view
from vpo.serve.library_paths import LibraryFile, library_file, opened
from vpo.tools.still_picture import still_picture

_AT = 1 / 3
"""Where in a film the picture is taken, if nothing is said: there are no titles any more."""
_BEFORE_END = 0.5
"""Seconds; a later picture than this before the end may not be there."""


def process_now(context: ServeContext, path: str) -> None:
    """Put a file at the front of the queue."""
    place = _place(context, path)
    view = file_view(context, place.path)
    if view is not None and view.ignored:
        raise UsageError("vpo leaves this file alone; end that first")
    queue = FileQueue(context.pool)
    item = queue.at(place.path)
    if item is not None and item.state == "running":
        raise UsageError("it is being processed")
    items = new_items(context.settings, [place.path], "person")
    if not items:
        raise UsageError("it is excluded from the library, by a pattern or as a sample")
    queue.add(items)
    item = queue.at(place.path)
    if item is not None:
        queue.release([item.id])
        queue.move([item.id], "front")


def leave_alone(context: ServeContext, path: str) -> None:
    """Leave a file alone from now on, as `vpo ignore`; it is taken out of the queue."""
    place = _place(context, path)
    ignore_file(context.store, place.path)
    queue = FileQueue(context.pool)
    item = queue.at(place.path)
    if item is not None and item.state != "running":
        queue.cancel([item.id])


def end_leaving_alone(context: ServeContext, path: str) -> None:
    """Process a file again from now on, as `vpo ignore --remove`."""
    stop_ignoring(context.store, _place(context, path).path)


def restore_file(context: ServeContext, path: str, alone: bool) -> str:
    """Restore the last original of a file, as `vpo undo`, and return its path.

    ``alone``: and leave it alone from now on. Raises ``UsageError`` if there is none to restore,
    ``BusyError`` if that is impossible now.
    """
    place, store = _place(context, path), context.store
    settle_beside(store, place.path)
    item = kept_originals(store, context.settings, place.path)[0]
    if (problem := undo(store, item)) is not None:
        raise BusyError(problem)
    if alone:
        ignore_file(store, item.path)
    _index(context, item.path)
    if item.result_path != item.path and not os.path.lexists(item.result_path):
        Library(context.pool).forget([item.result_path])
    return item.path


def plan_file(context: ServeContext, path: str) -> tuple[Outcome, list[str]]:
    """Return what `vpo process --dry-run` finds for a file, and its messages."""
    place = _place(context, path)
    interrupt = context.work.interrupt()
    return planned(context.settings, context.store, place.library, place.path, interrupt)


def picture_of(context: ServeContext, view: FileView, original: bool, at: float | None) -> bytes:
    """Return a picture of a file, or of its kept original, at a time in seconds, as JPEG."""
    path = view.path
    if original:
        if view.kept is None or not view.has_both_pictures:
            raise UsageError("no original of this file is kept")
        path = os.path.realpath(view.kept.kept_path)
    elif view.library is None:
        raise UsageError("the file is not in the folder of a library")
    settings, work = context.settings, context.work
    with opened(settings, path) as descriptor, work.processes() as processes:
        prober = Prober(processes, float(settings.config.tools.stall_seconds))
        media = prober.headers(path)
        if not media.of("video"):
            raise UsageError("the file has no video")
        tools = installed_tools(settings, processes)
        return still_picture(tools, media, descriptor, picture_time(view, at))


def picture_time(view: FileView, at: float | None) -> float:
    """Return the time of a picture in seconds, within the film; a third of it by default."""
    seconds = view.detail.media.duration if view.detail.media else None
    if not seconds or seconds < 0:
        return max(0.0, at or 0.0)
    wanted = seconds * _AT if at is None else at
    return max(0.0, min(wanted, seconds - _BEFORE_END))


def _place(context: ServeContext, path: str) -> LibraryFile:
    found = library_file(context.settings, path)
    if found is None:
        raise UsageError("there is no such video in the folder of a library")
    return found


def _index(context: ServeContext, path: str) -> None:
    """Probe a file that has another content now, so that its page has its tracks."""
    scanner = Scanner(
        context.settings,
        Library(context.pool),
        context.work.interrupt(),
        lambda _: None,
        context.store.forget_file,
    )
    with contextlib.suppress(OSError):  # the next scan does it
        scanner.scan([path])
