"""The cap, and the count of cores that it follows from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.config.worker_count import effective_workers, usable_cores


@pytest.mark.parametrize(
    ("requested", "source", "max_workers", "cores", "runs", "warned"),
    [
        (2, "default", None, 8, 2, False),
        (2, "default", None, 4, 2, False),
        (2, "default", None, 2, 1, False),
        (2, "default", None, 1, 1, False),
        (2, "default", 1, 64, 1, False),
        (4, "flag --workers", None, 8, 4, False),
        (5, "flag --workers", None, 8, 4, True),
        (2, "flag --workers", None, 3, 1, True),
        (1, "flag --workers", None, 1, 1, False),
        (9, "environment VPO_WORKERS", None, 9, 4, True),
        (9, "/etc/config.toml", 8, 64, 8, True),
        (9, "/etc/config.toml", 9, 2, 9, False),
    ],
)
def test_effective_workers_are_limited_with_a_warning(
    requested: int, source: str, max_workers: int | None, cores: int, runs: int, warned: bool
) -> None:
    count, warning = effective_workers(requested, source, max_workers, cores)
    assert count == runs
    assert (warning is not None) == warned
    if warning:
        assert f"{requested} workers" in warning
        assert f"running {runs}" in warning
        assert source in warning
        assert "max_workers" in warning


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 64 cores, all of which this process may use."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)


def group(root: Path, line: str, **limits: str) -> Path:
    """A process in these control groups; ``a__cpu_max`` is the file ``a/cpu.max``."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line)
    for name, text in limits.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("cpu_max", "cpu.max")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("line", "limits", "cores"),
    [
        ("0::/\n", {}, 64),
        ("0::/\n", {"cpu_max": "max 100000\n"}, 64),
        ("0::/\n", {"cpu_max": "400000 100000\n"}, 4),
        ("0::/\n", {"cpu_max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu_max": "1000 100000\n"}, 1),
        ("0::/\n", {"cpu_max": "6500000 100000\n"}, 64),
        ("0::/a/b\n", {"a__b__cpu_max": "max 100000", "a__cpu_max": "300000 100000"}, 3),
        ("0::/a/b\n", {"a__b__cpu_max": "200000 100000", "a__cpu_max": "300000 100000"}, 2),
        ("0::/a/b\n", {"a__b__cpu_max": "500000 100000", "cpu_max": "300000 100000"}, 3),
        ("0::/docker/not-here\n", {"cpu_max": "200000 100000"}, 2),
        ("0::/../../x\n", {"cpu_max": "200000 100000"}, 2),
        ("0::/a:b\n", {"a:b__cpu_max": "200000 100000"}, 2),
        ("0::/\n", {"cpu_max": "nonsense"}, 64),
        ("0::/\n", {"cpu_max": "200000 0"}, 64),
        ("nonsense\n", {}, 64),
        ("", {}, 64),
    ],
)
def test_usable_cores_respects_cgroup_v2_quota(
    tmp_path: Path, line: str, limits: dict[str, str], cores: int
) -> None:
    assert usable_cores(group(tmp_path, line, **limits)) == cores


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize(
    ("quota", "cores"), [("-1\n", 64), ("200000\n", 2), ("250000\n", 3), ("0\n", 64)]
)
def test_usable_cores_respects_cgroup_v1_quota(
    tmp_path: Path, mount: str, quota: str, cores: int
) -> None:
    lines = "9:memory:/m\n4:cpu,cpuacct:/docker/x\n0::/\n"
    period = {f"{mount}__cpu.cfs_period_us": "100000\n"}
    limits = {f"{mount}__cpu.cfs_quota_us": quota} | period
    assert usable_cores(group(tmp_path, lines, **limits)) == cores


def test_usable_cores_respects_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert usable_cores(tmp_path) == 3
    assert usable_cores(group(tmp_path, "0::/\n", cpu_max="200000 100000")) == 2


@pytest.mark.parametrize(("count", "cores"), [(8, 8), (None, 1)])
def test_usable_cores_falls_back_to_cpu_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert usable_cores(tmp_path) == cores


def test_usable_cores_of_this_machine_is_in_range() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
