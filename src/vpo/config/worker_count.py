"""How many workers may run: half of the cores that this process may use, or what the file says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

DEFAULT = "default"
"""The source of a value that nobody asked for."""


def effective_workers(
    requested: int, source: str, max_workers: int | None, cores: int
) -> tuple[int, str | None]:
    """How many workers run, and a warning if fewer than somebody asked for."""
    most = cap(max_workers, cores)
    if requested <= most:
        return requested, None
    if source == DEFAULT:
        return most, None
    limit = "[processing] max_workers" if max_workers else f"half of the {cores} usable cores"
    advice = "" if max_workers else "; [processing] max_workers in the configuration allows more"
    return most, f"{requested} workers asked for ({source}), running {most}: {limit}{advice}"


def cap(max_workers: int | None, cores: int) -> int:
    """The most workers that run on a machine."""
    return max_workers or max(1, cores // 2)


def usable_cores(root: Path = Path("/")) -> int:
    """The cores that this process may use: affinity and container quota, at least 1.

    A quota of one and a half cores counts as two. ``root`` is where ``proc`` and ``sys`` are.
    """
    quotas = [-(-quota // period) for quota, period in _quotas(root) if quota > 0 and period > 0]
    return max(1, min([_affinity(), *quotas]))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[tuple[int, int]]:
    """Quota and period, in microseconds, of every control group that this process is in."""
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
    """The group's folder and those above it.

    In a container the group is often named as the host sees it: its folder is then missing here,
    and the mount itself is the container's.
    """
    parts = [part for part in group.split("/") if part not in ("", ".", "..")]
    for count in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:count])


def _pair(words: list[str]) -> tuple[int, int]:
    """Two numbers, or zeros: ``max`` and -1 mean no limit, as does a file that is not there."""
    if len(words) == 2 and all(word.isdecimal() for word in words):
        return int(words[0]), int(words[1])
    return 0, 0


def _words(path: Path, separator: str | None = None) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").split(separator)
    except OSError:
        return []
