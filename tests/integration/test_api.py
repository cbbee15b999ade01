"""vpo as a library: the examples of its page, and several runs in one process."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from tests import reading
from tests.conftest import Library, ToolsOnPath, Vpo
from tests.integration.stage import until

import vpo
from vpo.config.builder import build
from vpo.db.store import open_store
from vpo.execute.context import RunContext
from vpo.execute.writers import choose_writer
from vpo.execute.writers.writer import Writer
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.plugins.dispatcher import HookDispatcher
from vpo.policy.loader import load_policy
from vpo.policy.policy_files import PolicyFiles
from vpo.run import api
from vpo.run.coordinator import Coordinator, _Run
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


def folder_and_policy(library: Library, *names: str) -> tuple[Path, Path]:
    folder = library(*(f"{name}=multi-audio.mkv" for name in names), folder="Videos")
    policy = folder.with_name("english.yaml")
    policy.write_text(POLICY)
    return folder, policy


def run_state() -> tuple[str, list[str]]:
    """Return the state of the last run, and those of its outcomes."""
    with open_store(build({}).database_path, dry_run=False) as store:
        assert store is not None
        run = store.runs()[0]
        return run.state, [row.state for row in store.outcomes(run.id)]


@pytest.mark.usefixtures("own_settings")
def test_a_path_that_is_text_is_one_path(library: Library) -> None:
    folder, policy = folder_and_policy(library, "a.mkv")
    summary = vpo.run(str(folder), policy, options=vpo.RunOptions(dry_run=True))
    assert summary.total == summary.counts["planned"] == 1


@pytest.mark.usefixtures("own_settings")
def test_a_path_with_a_null_character_fails_alone(library: Library) -> None:
    folder, policy = folder_and_policy(library, "a.mkv")
    summary = vpo.run(["a\0b", folder], policy)
    assert (summary.counts["failed"], summary.counts["changed"]) == (1, 1)


@pytest.mark.usefixtures("own_settings")
def test_a_run_is_interrupted_and_the_observer_gets_warnings_about_settings(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noting(vpo.Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    notes: list[str] = []
    monkeypatch.setenv("VPO_WORKERS", "5000")
    folder, policy = folder_and_policy(library, "a.mkv")
    interrupt = vpo.Interrupt()
    interrupt.signal()
    summary = vpo.run(folder, policy, observer=Noting(), interrupt=interrupt)
    assert summary.interrupted and not summary.counts["changed"]
    assert notes[0].startswith("warning: ") and "5000" in notes[0]


@pytest.mark.usefixtures("own_settings")
def test_an_original_that_apply_kept_can_be_restored(library: Library, vpo: Vpo) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    folder, policy = folder_and_policy(library, "a.mkv")
    path = folder / "a.mkv"
    before = path.read_bytes()
    applied = api.apply(evaluate([load_policy(policy)], api.probe(path)))
    assert applied is not None and applied.kept is not None
    assert path.read_bytes() != before
    assert vpo("undo", path).rc == 0
    assert path.read_bytes() == before
    assert os.listdir(folder) == ["a.mkv"]


@pytest.mark.usefixtures("own_settings")
def test_apply_returns_the_warnings_of_the_writer(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, policy = folder_and_policy(library, "a.mkv")
    plan = vpo.evaluate([vpo.load_policy(policy)], vpo.probe(folder / "a.mkv"))
    chosen = choose_writer

    def slow(plan: Plan, context: RunContext) -> Writer | None:
        writer = chosen(plan, context)
        if writer is not None:
            writer.warnings = ("slower than it could be",)
        return writer

    monkeypatch.setattr(api, "choose_writer", slow)
    applied = vpo.apply(plan)
    assert applied is not None
    assert "slower than it could be" in applied.warnings


class Failing(vpo.Silent):
    """Raises an error at every tick from the moment when a tool runs."""

    def __init__(self, error: type[BaseException], runs: Path) -> None:
        self.error, self.runs = error, runs

    def tick(self, get_progress: vpo.ProgressSource) -> None:  # noqa: ARG002
        if self.runs.exists():
            raise self.error


@pytest.mark.usefixtures("own_settings")
@pytest.mark.parametrize(
    ("error", "state"), [(KeyError, "finished"), (KeyboardInterrupt, "interrupted")]
)
def test_an_exception_loses_no_outcome(
    library: Library,
    tools_on_path: ToolsOnPath,
    error: type[BaseException],
    state: str,
) -> None:
    folder, policy = folder_and_policy(library, "a.mkv", "b.mkv")
    runs = folder.with_name("runs")
    tools_on_path(mkvmerge=f'touch "{runs}"; sleep 1; exec "$REAL_MKVMERGE" "$@"')
    with pytest.raises(error):
        vpo.run(folder, policy, observer=Failing(error, runs))
    ended, outcomes = run_state()
    assert (ended, set(outcomes)) == (state, {"done"})


@pytest.mark.usefixtures("own_settings")
def test_a_run_that_fails_ends_the_thread_of_the_plugins(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ending(vpo.Silent):
        def started(self, path: str) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    hooks = HookDispatcher({})
    monkeypatch.setattr(_Run, "_hooks", lambda _: hooks)
    folder, policy = folder_and_policy(library, "a.mkv")
    with pytest.raises(KeyboardInterrupt):
        vpo.run(folder, policy, observer=Ending())
    hooks._thread.join(60)
    assert not hooks._thread.is_alive()


@pytest.mark.usefixtures("own_settings")
def test_one_of_two_runs_is_cancelled_and_the_other_completes(
    library: Library, tmp_path: Path, tools_on_path: ToolsOnPath
) -> None:
    """Both wait in mkvmerge; the tools of the first are ended, the other's go on."""
    go = tmp_path / "go"
    tools_on_path(
        mkvmerge=f'touch "{tmp_path}/runs.$$"; while [ ! -e "{go}" ]; do sleep 0.05; done;'
        ' exec "$REAL_MKVMERGE" "$@"'
    )
    first = library("a.mkv=multi-audio.mkv", folder="first")
    second = library("b.mkv=multi-audio.mkv", folder="second")
    policy = tmp_path / "english.yaml"
    policy.write_text(POLICY)
    before = (first / "a.mkv").read_bytes()
    summaries: dict[Path, Summary] = {}
    interrupts = {first: Interrupt(), second: Interrupt()}

    def run(folder: Path) -> None:
        request = Request((str(folder),), PolicyFiles((str(policy),)))
        coordinator = Coordinator(build({}), None, vpo.Silent(), interrupts[folder], Threads())
        summaries[folder] = coordinator.run(request)

    threads = {folder: threading.Thread(target=run, args=(folder,)) for folder in (first, second)}
    for number, thread in enumerate(threads.values(), 1):
        thread.start()
        until(lambda: len([*tmp_path.glob("runs.*")]) == number, "no mkvmerge")  # noqa: B023
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


CONTAINER = POLICY.replace(
    "keep_audio: {languages: [eng, und], fallback: {mode: keep_first}}", "container: {target: mkv}"
)


@pytest.mark.usefixtures("own_settings")
@pytest.mark.parametrize("answers", [[False], [True, False]], ids=["beforehand", "meanwhile"])
def test_result_larger_than_any_file_there_is_refused(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    tools_on_path: ToolsOnPath,
    answers: list[bool],
) -> None:
    """As on FAT, whose files end at 4 GiB."""
    path = library("mov-text.mp4") / "mov-text.mp4"
    before = path.read_bytes()
    policy = path.with_suffix(".yaml")
    policy.write_text(CONTAINER)
    plan = vpo.evaluate([vpo.load_policy(policy)], vpo.probe(path))
    monkeypatch.setattr("vpo.execute.rewrite.can_grow_to", lambda *_: answers.pop(0))
    tools_on_path(ffmpeg="echo File too large >&2; exit 1")
    with pytest.raises(vpo.SpaceError, match="4 GiB on FAT"):
        vpo.apply(plan)
    assert not answers
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["mov-text.mp4", "mov-text.yaml"]
