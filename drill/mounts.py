"""Small file systems, mounted while a drill runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

from drill.bench import Skip

MAKERS = {
    "ext4": ("mkfs.ext4", "-q", "-m", "0"),
    "xfs": ("mkfs.xfs", "-q", "-m", "reflink=1"),
    "btrfs": ("mkfs.btrfs", "-q"),
    "casefold": ("mkfs.ext4", "-q", "-m", "0", "-O", "casefold"),
    "vfat": ("mkfs.vfat",),
    "exfat": ("mkfs.exfat",),
}


@contextlib.contextmanager
def mounted(folder: Path, kind: str, size: int) -> Iterator[Path]:
    """Mount a new file system of ``size`` bytes in ``folder``; raise ``Skip`` if that fails."""
    if os.geteuid() != 0:
        raise Skip("mounting needs root")
    point = folder / f"{kind}-{uuid.uuid4().hex[:6]}"
    point.mkdir()
    if kind == "overlay":
        layers = [folder / f"{point.name}-{name}" for name in ("lower", "upper", "work")]
        for layer in layers:
            layer.mkdir()
        lower, upper, work = layers
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        _run("mount", "-t", "overlay", "-o", options, "drill", str(point))
    elif kind == "tmpfs":
        _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "drill", str(point))
    else:
        image = point.with_suffix(".image")
        if shutil.which(MAKERS[kind][0]) is None:
            raise Skip(f"{MAKERS[kind][0]} is not installed")
        with image.open("wb") as file:
            file.truncate(size)
        _run(*MAKERS[kind], str(image))
        if kind == "exfat" and shutil.which("mount.exfat-fuse"):
            # The device is detached when the file system is unmounted.
            mount = f"mount.exfat-fuse $d {point} && losetup -d $d"
            _run("sh", "-c", f"d=$(losetup -f --show {image}) && {mount}")
        else:
            _run("mount", "-o", "loop", str(image), str(point))
    try:
        yield point
    finally:
        if os.path.ismount(point):
            done = subprocess.run(["umount", point], capture_output=True, check=False)
            if done.returncode:
                subprocess.run(["umount", "-l", point], capture_output=True, check=False)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"{argv[0]} {argv[2]}: {done.stderr.strip()}")


def fill(folder: Path, leave: int = 0) -> Path:
    """Fill a file system except for so many bytes; return the file that fills it."""
    path = folder / "fill"
    status = os.statvfs(folder)
    size = max(0, status.f_bavail * status.f_frsize - leave)
    with path.open("wb") as file, contextlib.suppress(OSError):
        for _ in range(size // 65536 + 1):
            file.write(bytes(65536 if leave == 0 else min(65536, size)))
            size -= 65536
            if size <= 0:
                break
    return path
