"""What runs now, as the database and the lock files of the runs say."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from vpo.db.records import Run
from vpo.db.store import Store
from vpo.run.progress import RunningFile, RunProgress, read_progress
from vpo.run.recorder import is_alive, lock_path


class RunStatus(NamedTuple):
    """A run in progress; the seconds left and the parts done are ``None`` where unknown."""

    run: Run
    progress: RunProgress

    @property
    def waiting(self) -> int:
        """The number of files that have not begun."""
        return max(0, self.progress.total - self.progress.done - len(self.progress.running))


def running_runs(store: Store, data_dir: Path) -> list[RunStatus]:
    """Return the runs whose process is alive, oldest first."""
    begun: dict[str, list[RunningFile]] = {}
    for item in store.running_outcomes():
        begun.setdefault(item.run_id, []).append(RunningFile(item.path))
    found = []
    for run in store.running_runs():
        path = lock_path(data_dir, run.id)
        if is_alive(path):
            files = tuple(begun.get(run.id, ()))
            known = read_progress(path) or RunProgress(0, len(files), len(files))
            if not known.running:
                known = known._replace(running=files)
            found.append(RunStatus(run, known))
    return found
