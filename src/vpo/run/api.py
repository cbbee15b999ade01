"""The functions of the public API, which use the user's configuration."""

from __future__ import annotations

import contextlib
import logging
import os
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from vpo.config.builder import build, require_temporary_folder
from vpo.db.store import open_store
from vpo.errors import BusyError, ProbeError
from vpo.execute.apply import apply_plan
from vpo.execute.lock import FileLock
from vpo.execute.work import Applied, Work
from vpo.execute.writers import choose_writer
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.policy.policy_files import PolicyFiles
from vpo.run.coordinator import Coordinator
from vpo.run.observer import Observer, Silent
from vpo.run.probers import new_prober
from vpo.run.request import Interrupt, Request
from vpo.run.summary import Summary
from vpo.run.threads import Threads
from vpo.run.workers import new_context, rewrite_options

StrPath = str | os.PathLike[str]

# Without any handler, Python would print the warnings in a program that has not set up logging.
logging.getLogger("vpo").addHandler(logging.NullHandler())


class RunOptions(NamedTuple):
    """The options of a run.

    ``recursive``: folders with everything below. ``dry_run``: only plan, and change nothing.
    """

    recursive: bool = True
    dry_run: bool = False


def probe(path: StrPath) -> MediaFile:
    """Probe a media file. Raises ``ProbeError``.

    The file is read in a child process, which takes a tenth of a second to start, because a damaged
    file can crash a parser.
    """
    if "\0" in os.fspath(path):
        raise ProbeError("the path has a null character, which no file name can have")
    prober = new_prober(build({}))
    with contextlib.closing(prober.processes):
        return prober.probe(os.path.realpath(path), frames=True)


def apply(plan: Plan) -> Applied | None:
    """Apply a plan to its file, all of it or nothing; return ``None`` if nothing changes.

    Raises ``FileError``; the file is then unchanged. ``BusyError`` if the file has changed since
    the plan was made; the plan's own error if that is why it has no changes.
    """
    if plan.error is not None and not plan.changes:
        raise plan.error
    settings = build({})
    prober = new_prober(settings)
    with contextlib.closing(new_context(settings, 1, prober)) as context:
        writer = choose_writer(plan, context)
        if writer is None:
            return None
        before = plan.before
        with FileLock(before.path, context.turns) as lock:
            if (lock.stamp.size, lock.stamp.mtime_ns) != (before.size, before.mtime_ns):
                raise BusyError(
                    "it has changed since the plan was made; probe and evaluate it again"
                )
            key = str(uuid.uuid4())
            applied = apply_plan(
                writer, Work(plan, lock, rewrite_options(settings), context, _accept, key)
            )
            return replace(applied, warnings=(*writer.warnings, *applied.warnings))


def run(
    paths: StrPath | Iterable[StrPath],
    policies: StrPath | Iterable[StrPath],
    *,
    options: RunOptions | None = None,
    observer: Observer | None = None,
    interrupt: Interrupt | None = None,
) -> Summary:
    """Make videos match the policies, as ``vpo process`` does.

    ``paths`` are files and folders. Outcomes are reported to the observer and counted in the
    summary. Another thread, or a signal handler, can end the run with the interrupt.
    """
    settings = build({})
    observer, options = observer or Silent(), options or RunOptions()
    for text in settings.warnings:
        observer.note(f"warning: {text}")
    require_temporary_folder(settings)
    choice = PolicyFiles(_paths(policies))
    request = Request(_paths(paths), choice, options.recursive, options.dry_run)
    with open_store(settings.database_path, dry_run=options.dry_run) as store:
        coordinator = Coordinator(settings, store, observer, interrupt or Interrupt(), Threads())
        return coordinator.run(request)


# ``import vpo.run.api as api`` finds the module through this name, as ``vpo.run`` is the function.
probe.__name__, run.__name__ = "vpo.probe", "vpo.run"


def _paths(given: StrPath | Iterable[StrPath]) -> tuple[str, ...]:
    """Return the paths as text; a single path, which as text is an iterable too, is one path."""
    if isinstance(given, str | os.PathLike):
        given = (given,)
    return tuple(os.fspath(path) for path in given)


def _accept(media: MediaFile) -> None:
    """Accept every result: the policies of the plan are not known here."""
