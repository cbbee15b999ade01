"""Every way to carry out a plan: how often a file is planned and a tool works on it, and signals.

A film of some seconds stands for each of them; one policy has a phase for each, which passes over
films of another length.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from tests.conftest import Vpo
from tests.integration.facts import litter
from tests.integration.stage import LIMIT, Stage, alive, until

from vpo.execute.context import RunContext, new_run_context
from vpo.plan.evaluate import evaluate
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import load_policy
from vpo.probe.service import Prober
from vpo.run.job import Job
from vpo.run.processing import process_file
from vpo.tools.process import Command, Listener, Processes
from vpo.tools.programs import find_tools


class Way(NamedTuple):
    """The operations that lead to a strategy, and the most work of tools that it may take.

    ``plans`` is how often the file is planned.
    """

    operations: str
    work: dict[str, int]
    plans: int = 1


WRITE, FINISH = {"ffmpeg": 1}, {"ffmpeg": 1, "mkvpropedit": 1}
WAYS = {
    "header edit": Way("audio_actions: {clear_all_titles: true}", {}),
    "mkvmerge": Way("track_order: [audio_main, video]", {"mkvmerge": 1}),
    "tags": Way(
        "rules: {items: [{name: r, when: not container_meta(comment), "
        "then: {set_container_metadata: {field: comment, value: x}}}]}",
        {},
    ),
    "transcode": Way("transcode: {video: {to: h264, crf: 40, preset: ultrafast}}", FINISH),
    "fallback": Way(
        "transcode: {video: {to: h264, crf: 0, preset: ultrafast, min_savings: 90%}}\n"
        "    audio_actions: {clear_all_titles: true}",
        FINISH,
        plans=2,
    ),
    "two passes": Way(
        "transcode: {video: {to: h264, target_bitrate: 20k, two_pass: true, preset: ultrafast}}",
        {**FINISH, "first pass": 1},
    ),
    "crf search": Way("transcode: {video: {to: h264, vmaf: 95, preset: ultrafast}}", FINISH),
    "incompatible": Way("container: {target: mp4, on_incompatible_codec: transcode}", WRITE),
    "mapping": Way("container: {target: mp4, codec_mappings: {vp8: {codec: h264}}}", WRITE),
}
SCORING = """\
case "$*" in
  *libvmaf=*) echo "VMAF score: 95.0" >&2; exit 0 ;;
  *-filters*) echo " ... libvmaf VV->V its line" ;;
esac
"""
"""A stand-in for the scoring filter that few builds of ffmpeg have."""


def policy(ways: list[str]) -> str:
    lines = ["schema_version: 13", "phases:"]
    for seconds, name in enumerate(WAYS, 1):
        if name in ways:
            length = f"duration_under: {seconds - 0.5}s, duration_over: {seconds + 0.5}s"
            lines += [f"  - name: {name}", f"    skip_when: {{{length}}}"]
            lines.append(f"    {WAYS[name].operations}")
    return "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, media_tools: None) -> Path:  # noqa: ARG001
    """A folder with a film for each way, of as many seconds as its place among them."""
    folder = tmp_path_factory.mktemp("films")
    inputs = ["-f", "lavfi", "-i", "color=gray:s=32x32:r=4", "-f", "lavfi", "-i", "sine"]
    command = ["ffmpeg", "-v", "error", *inputs]
    encode = ["-c:v", "libvpx", "-b:v", "10k", "-deadline", "realtime", "-c:a", "ac3"]
    for seconds, name in enumerate(WAYS, 1):
        titles = ["-metadata:s:a", "title=Sound", "-t", str(seconds)]
        command += ["-map", "0", "-map", "1", *encode, *titles, str(folder / f"{name}.mkv")]
    subprocess.run(command, check=True)
    return folder


class Counted(Processes):
    """Starts tools, and counts what they do to a film."""

    work: Counter[str]

    def run(self, command: Command, stall_seconds: float, listener: Listener | None = None) -> int:
        self.work.update(_kinds([str(word) for word in command.argv]))
        return super().run(command, stall_seconds, listener)


def _kinds(argv: list[str]) -> Iterator[str]:
    name = Path(argv[0]).name
    if "-map_metadata" in argv or name == "mkvmerge" or name == "mkvpropedit":
        yield name
    elif "-map" in argv and argv[-2:] == ["null", "-"]:
        yield "first pass"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, films: Path) -> Iterator[RunContext]:  # noqa: ARG001
    ffmpeg = tmp_path_factory.mktemp("bin") / "ffmpeg"
    ffmpeg.write_text(f'#!/bin/sh\n{SCORING}exec {shutil.which("ffmpeg")} "$@"\n')
    ffmpeg.chmod(0o755)
    processes = Counted()
    tools = find_tools({"ffmpeg": str(ffmpeg)}, LIMIT, processes)
    context = new_run_context(tools, Prober(processes, LIMIT))
    yield context
    context.close()


@pytest.mark.parametrize("name", WAYS)
def test_a_file_is_planned_once_and_a_tool_works_once_for_a_plan(
    films: Path, context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = Path(shutil.copy(films / f"{name}.mkv", tmp_path))
    file = tmp_path / "policy.yaml"
    file.write_text(policy([name]))
    planned = Mock(wraps=evaluate)
    for module in [module for name, module in sys.modules.items() if name.startswith("vpo.run")]:
        if getattr(module, "evaluate", None) is evaluate:
            monkeypatch.setattr(module, "evaluate", planned)
    processes = context.tools.processes
    assert isinstance(processes, Counted)
    processes.work = Counter()
    outcome = process_file(Job(str(path), (load_policy(file),)), context)
    assert outcome.status == "changed", outcome
    assert not processes.work - Counter(WAYS[name].work), processes.work
    assert planned.call_count == WAYS[name].plans + 1  # and that the policy accepts the result
    again = process_file(Job(outcome.path, (load_policy(file),), known=_known(outcome)), context)
    assert again.status == "unchanged", again


def _known(outcome: Any) -> Any:
    """Return what the database would say of the file in the next run."""
    history = outcome.encode[1] if outcome.encode else None
    return ExternalFacts(encoded=history == "encoded", futile=history == "futile")


HELD = 'case "$*" in {what}) say work; [ {unless} ] || wait_for "$stage/go" ;; esac\nreal "$@"'


def hold(stage: Stage, work: str, unless: str) -> None:
    """Let every tool wait before its work on a film."""
    stage.act("ffmpeg", SCORING + HELD.format(what=work, unless=unless))
    for tool in ("mkvmerge", "mkvpropedit"):
        stage.act(tool, HELD.format(what="*.vpo-*|*/fd/*", unless="! x"))


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_one_signal_ends_a_run_whatever_is_being_done(
    vpo: Vpo, films: Path, stage: Stage, tmp_path: Path, how: str
) -> None:
    """SIGINT lets films in progress complete, with all passes and fallbacks; SIGTERM does not."""
    root = Path(shutil.copytree(films, tmp_path / "films"))
    for name in ("header edit.mkv", "tags.mkv"):
        (root / name).unlink()  # no tool takes part, so that no signal could come meanwhile
    shutil.copy(root / "mkvmerge.mkv", root / "mkvmerge, too.mkv")
    before = {path: path.read_bytes() for path in root.iterdir()}
    if how == "SIGINT":
        hold(stage, "*' -map '*", "! x")
    else:  # before the last work of a tool on each film
        hold(stage, "*-map_metadata*", "! x")
    count = len(WAYS) - 2
    every = vpo.policy(policy(list(WAYS)))
    vpo.config.write_text(f"[processing]\nmax_workers = {count}\n")
    process = vpo.start("process", "-w", str(count), "--format", "json", "-p", every, root)
    until(lambda: [e.what for e in stage.events].count("work") >= count, "no work was done")
    process.send_signal(signal.Signals[how])
    if how == "SIGINT":
        assert process.stderr is not None
        while b"press Ctrl-C again" not in process.stderr.readline():
            pass
        (stage.folder / "go").touch()
    stdout, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    done = Counter(file["status"] for file in json.loads(stdout)["files"])
    assert done == {"changed" if how == "SIGINT" else "cancelled": count, "not_started": 1}
    assert litter(root) == []
    assert not [event for event in stage.events if alive(event.pid)]
    if how == "SIGTERM":
        assert {path: path.read_bytes() for path in root.iterdir()} == before
