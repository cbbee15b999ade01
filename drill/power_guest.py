"""What runs inside user-mode Linux for *power loss*: vpo at work on a disk whose writes are recorded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from drill.policies import NOTHING
from drill.power_loss import JOBS, rig

_MAPPED = "/dev/mapper/recorded"


def main() -> None:
    """Do all jobs on the first disk, record its writes on the second; mark where each begins."""
    home, mount = Path(sys.argv[1]), sys.argv[2:]
    for module in ("dm-mod", "dm-log-writes"):
        _run("modprobe", "-d", home / "modules", module)
    sectors = _run("blockdev", "--getsz", "/dev/ubda").strip()
    table = f"0 {sectors} log-writes /dev/ubda /dev/ubdb"
    _run("dmsetup", "create", "--noudevsync", "recorded", "--table", table)
    _run("dmsetup", "mknodes")
    _run("mount", *mount, _MAPPED, home / "disk")
    for number, job in enumerate(JOBS):
        place = rig(home / "disk", job.work)
        if not job.undo:  # another policy that all films comply with, as is on record
            place.process(NOTHING)
        _mark(f"begin-{number}")
        for ended in job.do(place):
            if ended.rc:
                raise RuntimeError(f"{job.name}: {ended}")
        _mark(f"end-{number}")
    _run("umount", home / "disk")
    _run("dmsetup", "remove", "--noudevsync", "recorded")
    (home / "done").touch()


def _mark(text: str) -> None:
    _run("dmsetup", "message", "recorded", "0", "mark", text)


def _run(*argv: str | Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
