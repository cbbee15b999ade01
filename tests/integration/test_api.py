"""vpo as a library: the examples of its page, and several runs in one process."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from tests import reading
from tests.conftest import Library, ToolsOnPath, Vpo

import vpo
from vpo.config.builder import build
from vpo.policy.policy_files import PolicyFiles
from vpo.run.coordinator import Coordinator
from vpo.run.request import Interrupt, Request
from vpo.run.summary import Summary
from vpo.run.threads import Threads

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
POLICY = """
schema_version: 13
name: english
config: {audio_languages: [eng, und]}
phases:
  - name: filter
    keep_audio: {languages: [eng, und], fallback: {mode: keep_first}}
"""


@pytest.fixture
def own_settings(vpo: Vpo, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vpo.environment().items():
        if name.startswith("VPO_") or name == "HOME":
            monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("own_settings")
def test_the_examples_of_the_page_work(
    library: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = library("film.mkv=multi-audio.mkv", "other.mkv=multi-audio.mkv", folder="Videos")
    monkeypatch.chdir(videos.parent)
    Path("english.yaml").write_text(POLICY)
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    assert "\nremux\n" in printed
    assert re.search(r"^unchanged .*film\.mkv$", printed, re.MULTILINE)
    assert re.search(r"^changed .*other\.mkv$", printed, re.MULTILINE)
    languages = {track.language for track in reading.read(videos / "film.mkv").of("audio")}
    assert languages <= {"eng", "und"}


@pytest.mark.usefixtures("own_settings")
def test_a_plan_is_not_applied_to_a_file_that_has_changed(library: Library) -> None:
    path = library("multi-audio.mkv") / "multi-audio.mkv"
    policy = path.with_suffix(".yaml")
    policy.write_text(POLICY)
    plan = vpo.evaluate([vpo.load_policy(policy)], vpo.probe(path))
    os.utime(path, (1, 1))
    with pytest.raises(vpo.BusyError, match="since the plan was made"):
        vpo.apply(plan)


class Starting(vpo.Silent):
    """Says when a file is begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def started(self, path: str) -> None:  # noqa: ARG002
        self.begun.set()


@pytest.mark.usefixtures("own_settings")
def test_one_of_two_runs_is_cancelled_and_the_other_completes(
    library: Library, tmp_path: Path, tools_on_path: ToolsOnPath
) -> None:
    """Both wait in mkvmerge; the tools of the first are ended, the other's go on."""
    go = tmp_path / "go"
    tools_on_path(
        mkvmerge=f'while [ ! -e "{go}" ]; do sleep 0.05; done; exec "$REAL_MKVMERGE" "$@"'
    )
    first = library("a.mkv=multi-audio.mkv", folder="first")
    second = library("b.mkv=multi-audio.mkv", folder="second")
    policy = tmp_path / "english.yaml"
    policy.write_text(POLICY)
    before = (first / "a.mkv").read_bytes()
    summaries: dict[Path, Summary] = {}
    interrupts = {first: Interrupt(), second: Interrupt()}
    observers = {first: Starting(), second: Starting()}

    def run(folder: Path) -> None:
        request = Request((str(folder),), PolicyFiles((str(policy),)))
        coordinator = Coordinator(build({}), None, observers[folder], interrupts[folder], Threads())
        summaries[folder] = coordinator.run(request)

    threads = {folder: threading.Thread(target=run, args=(folder,)) for folder in (first, second)}
    for folder, thread in threads.items():
        thread.start()
        assert observers[folder].begun.wait(60)
    interrupts[first].signal()
    interrupts[first].signal()
    threads[first].join(60)
    assert summaries[first].interrupted
    assert (first / "a.mkv").read_bytes() == before
    go.touch()
    threads[second].join(60)
    assert summaries[second].counts["changed"] == 1
    assert os.listdir(first) == ["a.mkv"]
    assert os.listdir(second) == ["b.mkv"]
