"""A large library of sparse files that the database knows: ``python -m bench.seeding ...``.

Probing 100,000 real files takes too long, so the database is filled with vpo's own functions, with
each file's real size, time and inode. The result of the probe is left out: it is in another table,
which a second run does not read. It runs in its own process, so that its memory does not count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

PER_FOLDER = 100
SIZE = 10**9
GROUP = 1000
REPOSITORY = Path(__file__).parents[1]


def seed(policy: Path, library: Path, count: int, data: Path) -> None:
    """Make the library, and record each file as complying with the policy."""
    module = (sys.executable, "-m", "bench.seeding")
    subprocess.run((*module, policy, library, str(count), data), check=True, cwd=REPOSITORY)


def create(library: Path, count: int) -> Iterator[str]:
    """Create sparse files of a gigabyte, 100 to a folder; return their paths."""
    for number in range(count):
        folder = f"{library}/Series {number // PER_FOLDER:05}"
        if number % PER_FOLDER == 0:
            os.makedirs(folder)
        path = f"{folder}/Series {number // PER_FOLDER:05} - episode {number % PER_FOLDER:02}.mkv"
        fd = os.open(path, os.O_CREAT | os.O_WRONLY)
        os.ftruncate(fd, SIZE)
        os.close(fd)
        yield path


def record(policy: str, library: str, count: str, data: str) -> None:
    """Fill the database in the folder ``data``."""
    from vpo.db.connection import DaemonConnectionPool
    from vpo.db.records import NewRun, Result
    from vpo.db.store import Store
    from vpo.policy.policy_files import PolicyFiles

    fingerprint = PolicyFiles((policy,)).fingerprint
    paths = create(Path(library), int(count))
    run_id = str(uuid.uuid4())
    with DaemonConnectionPool(Path(data) / "vpo.db") as pool:
        store = Store(pool)
        store.start_run(NewRun(run_id, [policy], {}, workers=1, pid=0, host=""))
        while group := list(islice(paths, GROUP)):
            results = []
            for path, key in zip(group, store.start_outcomes(run_id, group), strict=True):
                stat = os.stat(path)
                results.append(
                    Result(
                        key,
                        path,
                        "unchanged",
                        stat=(stat.st_size, stat.st_mtime_ns, stat.st_ino),
                        fingerprint=fingerprint,
                        compliance="complies",
                    )
                )
            store.record(results)
        store.finish_run(run_id, "finished", {})


if __name__ == "__main__":
    record(*sys.argv[1:])
