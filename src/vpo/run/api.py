"""What other programs call, with the settings of the configuration: ``vpo.probe`` and its like."""

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
    """Return what a media file is. Raises ``ProbeError``.

    It is read in a child process, which takes a tenth of a second to start: a damaged file can
    crash a parser.
    """
    prober = new_prober(build({}))
    with contextlib.closing(prober.processes):
        return prober.probe(os.path.realpath(path), frames=True)


def apply(plan: Plan) -> Applied | None:
    """Carry out a plan on its file, all of it or nothing; ``None`` if there is nothing to do.

    Raises ``FileError``; the file is then byte for byte what it was. ``BusyError`` if it is not
    what it was when the plan was made.
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
                raise BusyError("it has changed since the plan was made; make another one")
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
    """Make the videos in files and folders match the policies, as ``vpo process`` does.

    What happens to single files is reported to the observer, and counted in the summary.
    """
    settings = build({})
    choice = PolicyFiles(tuple(os.fspath(path) for path in policies))
    request = Request(tuple(os.fspath(path) for path in paths), choice, recursive, dry_run)
    with _store(settings, dry_run) as store:
        coordinator = Coordinator(settings, store, observer or Silent(), Interrupt(), Threads())
        return coordinator.run(request)


class Silent:
    """An observer that does nothing; subclasses override what they want to know."""

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None:
        """The run begins."""

    def note(self, text: str) -> None:
        """Something that concerns no single file."""

    def started(self, path: str) -> None:
        """The work on a file begins."""

    def finished(self, outcome: Outcome) -> None:
        """A file is done."""

    def progress(self, look: ProgressSource) -> None:
        """The counts have changed; call ``look`` for them."""

    def advance(self, look: ProgressSource) -> None:
        """Half a second has passed; call ``look`` for how far the files are."""

    def end(self, summary: Summary) -> None:
        """The run is over."""


def _accept(media: MediaFile) -> None:
    """Whoever made the plan knows whether the policy is content with it."""


@contextlib.contextmanager
def _store(settings: Settings, dry_run: bool) -> Iterator[Store | None]:
    """The library database; a dry run does not create it."""
    path = settings.data_dir / "vpo.db"
    if dry_run and not path.exists():
        yield None
        return
    with DaemonConnectionPool(path, reading=dry_run) as pool:
        yield Store(pool)
