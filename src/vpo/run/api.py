"""The functions of the public API, which use the user's configuration."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.discover import Discovery
from vpo.errors import BusyError
from vpo.execute.apply import apply_plan
from vpo.execute.lock import FileLock
from vpo.execute.outcome import Outcome
from vpo.execute.work import Applied, Work
from vpo.execute.writers import choose_writer
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.policy.policy_files import PolicyFiles
from vpo.run.coordinator import Coordinator
from vpo.run.observer import Observer
from vpo.run.probers import new_prober
from vpo.run.progress import ProgressSource
from vpo.run.request import Interrupt, Request
from vpo.run.summary import Summary
from vpo.run.threads import Threads
from vpo.run.workers import new_context, rewrite_options

StrPath = str | os.PathLike[str]


def probe(path: StrPath) -> MediaFile:
    """Probe a media file. Raises ``ProbeError``.

    The file is read in a child process, which takes a tenth of a second to start, because a damaged
    file can crash a parser.
    """
    prober = new_prober(build({}))
    with contextlib.closing(prober.processes):
        return prober.probe(os.path.realpath(path), frames=True)


def apply(plan: Plan) -> Applied | None:
    """Apply a plan to its file, all of it or nothing; return ``None`` if nothing changes.

    Raises ``FileError``; the file is then unchanged. ``BusyError`` if the file has changed since
    the plan was made.
    """
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
            work = Work(plan, lock, rewrite_options(settings), context, _accept)
            return apply_plan(writer, work)


def run(
    paths: Sequence[StrPath],
    policies: Sequence[StrPath],
    *,
    recursive: bool = True,
    dry_run: bool = False,
    observer: Observer | None = None,
) -> Summary:
    """Make videos match the policies, as ``vpo process`` does.

    ``paths`` are files and folders. Outcomes are reported to the observer and counted in the
    summary.
    """
    settings = build({})
    choice = PolicyFiles(tuple(os.fspath(path) for path in policies))
    request = Request(tuple(os.fspath(path) for path in paths), choice, recursive, dry_run)
    with _store(settings, dry_run) as store:
        coordinator = Coordinator(settings, store, observer or Silent(), Interrupt(), Threads())
        return coordinator.run(request)


class Silent:
    """An observer that ignores everything, as a base class."""

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None:
        """Take the begin of the run."""

    def note(self, text: str) -> None:
        """Take a message that concerns no single file."""

    def started(self, path: str) -> None:
        """Take the path of a file that is started."""

    def finished(self, outcome: Outcome) -> None:
        """Take the outcome of a file."""

    def progress(self, get_progress: ProgressSource) -> None:
        """Take new counts; call ``get_progress`` for them."""

    def tick(self, get_progress: ProgressSource) -> None:
        """Take the progress every half second; call ``get_progress`` for it."""

    def end(self, summary: Summary) -> None:
        """Take the summary at the end of the run."""


def _accept(media: MediaFile) -> None:
    """Accept every result: the policies of the plan are not known here."""


@contextlib.contextmanager
def _store(settings: Settings, dry_run: bool) -> Iterator[Store | None]:
    """Open the library database; a dry run does not create it."""
    path = settings.data_dir / "vpo.db"
    if dry_run and not path.exists():
        yield None
        return
    with DaemonConnectionPool(path, reading=dry_run) as pool:
        yield Store(pool)
