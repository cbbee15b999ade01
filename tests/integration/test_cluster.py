"""The work on nodes: real ``dask scheduler`` and ``dask worker`` processes on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Result, ToolsOnPath, Vpo
from tests.integration.facts import tree
from tests.integration.stage import until
from tests.reading import read, stream_hashes

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

POLICY = """\
schema_version: 13
config: {audio_languages: [eng, und]}
phases:
  - name: filter
    keep_audio: {languages: [eng, und], fallback: {mode: keep_first}}
  - name: flags
    default_flags: {}
"""
NVENC = """\
schema_version: 13
phases: [{name: t, transcode: {video: {to: hevc, hw: nvenc, hw_fallback: false}}}]
"""
MERGE = 'case "$*" in *--version*) ;; *) {} ;; esac; exec "$REAL_MKVMERGE" "$@"'
"""A stand-in for mkvmerge that does something else when there is work."""
FILES = ("wrong-flags.mkv", "multi-audio.mkv", "ietf.mkv", "front-tags.mkv", "bad/text.mkv")


@dataclass
class Cluster:
    """A scheduler, and nodes that can be added, each with a configuration of its own."""

    folder: Path
    address: str = ""
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *words: str, **env: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.started[name] = subprocess.Popen(
                [Path(sys.executable).with_name("dask"), *words],
                env={**Vpo(self.folder).environment(), **env},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.started[name]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def schedule(self) -> None:
        self.start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        until(lambda: "Scheduler at:" in self.log("scheduler"), "no scheduler")
        (line,) = (ln for ln in self.log("scheduler").splitlines() if "Scheduler at:" in ln)
        self.address = line.split()[-1]

    def node(self, name: str, config: str = "", **env: str) -> None:
        path = self.folder / f"{name}.toml"
        path.write_text(config)
        words = ("worker", self.address, "--name", name, "--nthreads", "1", "--no-dashboard")
        env = {"VPO_CONFIG": str(path), "VPO_DATA_DIR": str(self.folder / name), **env}
        self.start(name, *words, "--local-directory", str(self.folder / "scratch"), **env)
        until(lambda: "Registered to:" in self.log(name), f"no node {name}")

    def kill(self, name: str) -> None:
        """The whole node at once, with its nanny and its tools, as when its power fails."""
        os.killpg(self.started[name].pid, signal.SIGKILL)
        for pid in _members(self.started[name].pid):
            os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        for process in self.started.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _members(session: int) -> list[int]:
    """The processes of a session; tools have sessions of their own, and die with their parent."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in listed.stdout.split()]


@contextmanager
def _cluster(folder: Path) -> Iterator[Cluster]:
    folder.mkdir()
    Vpo(folder).home.mkdir()
    found = Cluster(folder)
    try:
        found.schedule()
        yield found
    finally:
        found.end()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with _cluster(tmp_path / "cluster") as found:
        yield found


def process(vpo: Vpo, cluster: Cluster | None, *args: str | Path, policy: str = POLICY) -> Result:
    where = ["--cluster", cluster.address] if cluster else []
    return vpo("process", *where, "-p", vpo.policy(policy), *args)


def plain(result: Result, root: Path) -> Any:
    """What two runs over equal libraries have in common."""
    files = result.json["files"]
    for file in files:
        del file["seconds"]
        for key in ("path", "new_path"):
            file[key] = file[key] and os.path.relpath(file[key], root)
    summary = {k: v for k, v in result.json["summary"].items() if k != "seconds"}
    return sorted(files, key=lambda file: str(file["path"])), summary


def contents(root: Path) -> list[object]:
    """What is in each file, by other tools: each that mkvmerge writes has ids of its own."""
    found: list[object] = []
    for path in sorted(path for path in root.iterdir() if path.name != "text.mkv"):
        facts = read(path)
        parts = (facts.container, facts.summary, facts.attachments, facts.chapters)
        found.append((path.name, parts, stream_hashes(path)))
    return found


def test_cluster_nodes_give_the_same_outcomes_as_threads(
    vpo: Vpo, library: Library, cluster: Cluster, tmp_path: Path
) -> None:
    """One of the nodes has the library in another place."""
    here, there = library(*FILES, folder="here"), library(*FILES, folder="there")
    (tmp_path / "elsewhere").symlink_to(there)
    cluster.node("one", '[processing]\nnice = 19\nionice = "low"\n')
    cluster.node("two", f'[cluster]\npath_map = {{ "{there}" = "{tmp_path}/elsewhere" }}\n')
    alone = process(vpo, None, "--format", "json", here)
    history = vpo("history", "--format", "json").json["runs"]
    on_nodes = process(vpo, cluster, "--format", "json", there)
    assert alone.rc == on_nodes.rc == 1
    assert plain(alone, here) == plain(on_nodes, there)
    assert on_nodes.json["summary"]["changed"] == 4
    assert contents(here) == contents(there)
    newest, *older = vpo("history", "--format", "json").json["runs"]
    assert older == history
    assert newest["state"] == history[0]["state"]
    again = process(vpo, cluster, "--format", "json", there)
    assert again.json["summary"]["unchanged"] == 4
    assert "distributed" not in again.stderr


def test_cluster_leaves_out_node_that_does_not_see_the_library(
    vpo: Vpo, library: Library, cluster: Cluster
) -> None:
    root = library("wrong-flags.mkv")
    cluster.node("lost", f'[cluster]\npath_map = {{ "{root}" = "/nowhere" }}\n')
    refused = process(vpo, cluster, root)
    assert refused.rc == 1
    assert f"no node of {cluster.address} can be used" in refused.stderr
    assert "it does not see the library" in refused.stderr
    assert vpo("history", "--format", "json").json["runs"][0]["state"] != "running"
    cluster.node("one")
    unable = process(vpo, cluster, root, policy=NVENC)
    assert unable.rc == 1
    assert "no hardware encoder for hevc is available" in unable.stderr
    done = process(vpo, cluster, root)
    assert done.rc == 0
    assert "1 changed" in done.stdout
    assert "does not take part: it does not see the library" in done.stderr
    assert not list(root.glob(".vpo-*"))


def test_cluster_gives_work_of_killed_node_to_another(
    vpo: Vpo, library: Library, cluster: Cluster, tools_on_path: ToolsOnPath, tmp_path: Path
) -> None:
    """In the midst of its work: another node does that, and cleans up."""
    slow = f'mkdir "{tmp_path}/first" 2>/dev/null && exec sleep 600'
    tools_on_path(mkvmerge=MERGE.format(slow))
    cluster.node("one")
    root = library("multi-audio.mkv")
    run = vpo.start("process", "--cluster", cluster.address, "-p", vpo.policy(POLICY), root)
    until((tmp_path / "first").exists, "no tool was started")
    cluster.kill("one")
    cluster.node("two")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert b"1 changed" in out
    assert b"was lost; its jobs go to other nodes" in err
    assert not list(root.glob(".vpo-*"))
    assert vpo("process", "-n", "-p", vpo.policy(POLICY), root).stdout.endswith(": 1 unchanged\n")


def test_cluster_fails_file_that_kills_nodes(
    vpo: Vpo, library: Library, cluster: Cluster, tools_on_path: ToolsOnPath
) -> None:
    """The tool kills the process that started it; its nanny starts it again. Others are done."""
    tools_on_path(mkvmerge=MERGE.format("kill -9 $PPID"))
    cluster.node("one")
    root = library("multi-audio.mkv", "wrong-flags.mkv")
    before = tree(root)
    result = process(vpo, cluster, "--format", "json", root)
    files = {Path(file["path"]).name: file for file in result.json["files"]}
    assert files["wrong-flags.mkv"]["status"] == "changed", result
    assert files["multi-audio.mkv"]["error"]["type"] == "NodeLostError"
    assert tree(root)[str(root / "multi-audio.mkv")] == before[str(root / "multi-audio.mkv")]
    vpo("process", "-p", vpo.policy(POLICY), library())  # cleans up
    assert cluster.started["scheduler"].poll() is None


def test_cluster_run_fails_when_scheduler_is_lost(
    vpo: Vpo, library: Library, cluster: Cluster, tools_on_path: ToolsOnPath, tmp_path: Path
) -> None:
    slow = f'mkdir "{tmp_path}/first" 2>/dev/null && exec sleep 600'
    tools_on_path(mkvmerge=MERGE.format(slow))
    cluster.node("one")
    root = library("multi-audio.mkv", "wrong-flags.mkv")
    before = tree(root)
    run = vpo.start("process", "--cluster", cluster.address, "-p", vpo.policy(POLICY), root)
    until((tmp_path / "first").exists, "no tool was started")
    cluster.kill("scheduler")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert b"was lost" in err
    assert b"stopped early" in out
    cluster.kill("one")
    assert tree(root)[str(root / "multi-audio.mkv")] == before[str(root / "multi-audio.mkv")]
    assert vpo("process", "-p", vpo.policy(POLICY), root).rc == 0
    assert not list(root.glob(".vpo-*"))


def test_cluster_second_ctrl_c_ends_tools_on_nodes(
    vpo: Vpo, library: Library, cluster: Cluster, tools_on_path: ToolsOnPath, tmp_path: Path
) -> None:
    tools_on_path(mkvmerge=MERGE.format(f': > "{tmp_path}/runs"; exec sleep 600'))
    cluster.node("one")
    root = library("multi-audio.mkv", "ietf.mkv")
    before = tree(root)
    run = vpo.start("process", "--cluster", cluster.address, "-p", vpo.policy(POLICY), root)
    until((tmp_path / "runs").exists, "no tool was started")
    run.send_signal(signal.SIGTERM)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert b"1 not started" in out
    del before[str(root)]
    assert before.items() == {k: v for k, v in tree(root).items() if k != str(root)}.items()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1", "cannot be reached"),
        ("nonsense://127.0.0.1:1", "cannot be reached"),
        ("tls://127.0.0.1:1", "needs certificates"),
        ("tcp://192.0.2.1:8786", "require_tls = false"),
    ],
)
def test_cluster_run_fails_without_scheduler(
    vpo: Vpo, library: Library, address: str, said: str
) -> None:
    result = vpo(
        "process", "--cluster", address, "-p", vpo.policy(POLICY), library("wrong-flags.mkv")
    )
    assert result.rc == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def without_dask(folder: Path) -> dict[str, str]:
    (folder / "distributed.py").write_text("raise ImportError('not here')\n")
    return {"PYTHONPATH": str(folder)}


def test_cluster_option_names_extra_when_dask_is_missing(
    vpo: Vpo, library: Library, tmp_path: Path
) -> None:
    env, root = without_dask(tmp_path), library("wrong-flags.mkv")
    args: Callable[..., Result] = lambda *more: vpo(  # noqa: E731
        "process", *more, "-p", vpo.policy(POLICY), root, env=env
    )
    refused = args("--cluster", "tcp://127.0.0.1:8786")
    assert refused.rc == 1
    assert "install vpo with its extra 'cluster'" in refused.stderr
    assert args().rc == 0
