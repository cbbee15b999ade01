"""The number of workers: at most half of the usable cores, or ``max_workers``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

DEFAULT = "default"
"""The source of a value that is not set anywhere."""


def effective_workers(
    requested: int, source: str, max_workers: int | None, cores: int
) -> tuple[int, str | None]:
    """Return the number of workers, and a warning if it is lower than an explicit request."""
    most = cap(max_workers, cores)
    if requested <= most:
        return requested, None
    if source == DEFAULT:
        return most, None
    limit = "[processing] max_workers" if max_workers else f"half of the {cores} usable cores"
    advice = "" if max_workers else "; [processing] max_workers in the configuration allows more"
    return most, f"{requested} workers requested ({source}), running {most}: {limit}{advice}"


def cap(max_workers: int | None, cores: int) -> int:
    """Return the maximum number of workers on a machine."""
    return max_workers or max(1, cores // 2)


def usable_cores(root: Path = Path("/")) -> int:
    """Return the number of cores that this process may use, by affinity and container quota.

    A quota of one and a half cores counts as two. ``root`` is the parent of ``proc`` and ``sys``.
    """
    quotas = [-(-quota // period) for quota, period in _quotas(root) if quota > 0 and period > 0]
    return max(1, min([_affinity(), *quotas]))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[tuple[int, int]]:
    """Yield quota and period, in microseconds, of every control group that this process is in."""
    for line in _words(root / "proc/self/cgroup", "\n"):
        _, controllers, group = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            for folder in _upwards(root / "sys/fs/cgroup", group):
                yield _pair(_words(folder / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for mount in {controllers, "cpu"}:
                for folder in _upwards(root / "sys/fs/cgroup" / mount, group):
                    period = _words(folder / "cpu.cfs_period_us")
                    yield _pair(_words(folder / "cpu.cfs_quota_us") + period)


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """Yield the group's folder and its parents.

    In a container the group often has the host's name: that folder is then missing here, and the
    mount itself is the container's group.
    """
    parts = [part for part in group.split("/") if part not in ("", ".", "..")]
    for count in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:count])


def _pair(words: list[str]) -> tuple[int, int]:
    """Return two numbers, or zeros for no limit: ``max``, -1, or a missing file."""
    if len(words) == 2 and all(word.isdecimal() for word in words):
        return int(words[0]), int(words[1])
    return 0, 0


def _words(path: Path, separator: str | None = None) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").split(separator)
    except OSError:
        return []
