"""User-mode Linux: a kernel that runs as a program, with modules, mounts and disks of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from drill.bench import ROOT, Bench, Skip

KERNEL = "linux.uml"
MODULES = Path("/usr/lib/uml/modules")
_LIMIT = 7200.0
_IMAGE = 400 << 20
_NEEDS = {
    "vfat": ("mkfs.vfat",),
    "nfs": ("exportfs", "mount.nfs", "rpcbind"),
    "smb": ("smbd", "mount.cifs"),
}
_INIT = """\
#!/bin/sh
export PATH={path} HOME={home} PYTHONPATH={root}:{root}/src
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run
mount -t devtmpfs dev /dev; mkdir -p /dev/shm /dev/pts
mount -t tmpfs shm /dev/shm; mount -t devpts pts /dev/pts; ln -sf /proc/self/fd /dev/fd
ip link set lo up
{python} -m {command} > {home}/said 2>&1
sync; echo o > /proc/sysrq-trigger; sleep 5
"""


def run(bench: Bench, kind: str) -> None:
    """Run ``drill.guest`` in user-mode Linux, and count its trials as those of this drill."""
    need(*_NEEDS[kind])
    home = bench.folder / f"{kind}-{uuid.uuid4().hex[:6]}"
    home.mkdir()
    image = home / "image"
    with image.open("wb") as file:
        file.truncate(_IMAGE)
    make = ("mkfs.vfat",) if kind == "vfat" else ("mkfs.ext4", "-q", "-m", "0")
    subprocess.run([*make, image], check=True, capture_output=True)
    seed = bench.random.randrange(1 << 32)
    boot(home, f"drill.guest {kind} {home} {seed} {int(bench.short)}", image)
    _merge(bench, home)


def need(*tools: str) -> None:
    """Raise ``Skip`` unless this machine can boot it, and has these tools."""
    tools = (KERNEL, *tools)
    missing = [tool for tool in tools if shutil.which(tool, path=_path()) is None]
    if os.geteuid() != 0 or missing:
        raise Skip(f"needs root, and {', '.join(missing or tools)}")


def boot(home: Path, command: str, *disks: Path) -> None:
    """Boot, run a module of Python with its arguments, and halt; all it says is in ``home``."""
    (home / "modules/lib").mkdir(parents=True)
    (home / "modules/lib/modules").symlink_to(MODULES)
    init = home / "init"
    init.write_text(
        _INIT.format(path=_path(), home=home, root=ROOT, python=sys.executable, command=command)
    )
    init.chmod(0o755)
    argv = [KERNEL, "mem=1500M", "rootfstype=hostfs", "rootflags=/", "rw", f"init={init}",
            "con=null", "con0=null,fd:1", "quiet", f"uml_dir={home}",
            *(f"ubd{number}={disk}" for number, disk in enumerate(disks))]  # fmt: skip
    with (home / "boot").open("wb") as output:
        subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=_LIMIT,
            check=False,
        )


def _merge(bench: Bench, home: Path) -> None:
    try:
        found = json.loads((home / "result").read_text())
    except (OSError, ValueError):
        raise RuntimeError(f"the guest has no result: {said(home)}") from None
    bench.tried += found["tried"]
    for what in found["lost"]:
        bench.lose(what)
    for field in ("skipped", "remarks"):
        getattr(bench, field).extend(found[field])


def said(home: Path) -> str:
    """Return the end of what the guest's command said."""
    path = home / "said"
    return path.read_text(errors="replace")[-2000:] if path.exists() else ""


def save(bench: Bench, home: Path) -> None:
    """Write the guest's count for ``run``."""
    fields = ("tried", "lost", "skipped", "remarks")
    known = dataclasses.asdict(dataclasses.replace(bench, random=random.Random(0)))  # noqa: S311
    (home / "result").write_text(json.dumps({name: known[name] for name in fields}))


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"
