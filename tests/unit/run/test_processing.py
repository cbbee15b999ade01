"""One file: from a job to an outcome, whatever goes wrong."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vpo.errors import PlanError, ProbeError
from vpo.execute.context import RunContext, new_run_context
from vpo.execute.lock import FileLock, Stamp
from vpo.media.model import MediaFile
from vpo.policy.document import Policy
from vpo.probe.service import Prober
from vpo.run.job import Job
from vpo.run.processing import process_file
from vpo.tools.process import Processes
from vpo.tools.programs import Tools

POLICY = Policy.model_validate({"schema_version": 13, "phases": [{"name": "p"}]})
FLAGS = Policy.model_validate(
    {"schema_version": 13, "phases": [{"name": "p", "default_flags": {}}]}
)
ALL_TOOLS = Tools(mkvpropedit="mkvpropedit", mkvmerge="mkvmerge", ffmpeg="ffmpeg")


def context(tools: Tools | None = None) -> RunContext:
    tools = tools or Tools()
    return new_run_context(tools, Prober(tools.processes, 60))


class Reader(Prober):
    """Stands for the prober; raises what it is given."""

    error: Exception = ProbeError("cannot be read")

    def probe(self, path: str, frames: bool = False) -> MediaFile:  # noqa: ARG002
        raise type(self).error


@pytest.mark.parametrize("mode", ["skip", "continue", "fail"])
def test_process_file_fails_unreadable_file(tmp_path: Path, mode: Any) -> None:
    job = Job(str(tmp_path / "x"), (POLICY,), on_error=mode)
    outcome = process_file(job, context())
    assert outcome.status == "failed"
    assert outcome.stop == (mode == "fail")
    assert outcome.error is not None
    assert outcome.error.type == "ProbeError"


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), RuntimeError(), PlanError("y")])
def test_process_file_turns_every_error_into_an_outcome(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reader, "error", error)
    failing = new_run_context(Tools(), Reader(Processes(), 60))
    outcome = process_file(Job(str(tmp_path / "x"), (POLICY,)), failing)
    assert outcome.error is not None
    assert outcome.error.type == type(error).__name__
    assert outcome.error.message


def test_process_file_skips_locked_file(library: Any) -> None:
    path = library("wrong-flags.mkv") / "wrong-flags.mkv"
    with path.open("rb") as other:
        import fcntl

        fcntl.flock(other.fileno(), fcntl.LOCK_EX)
        outcome = process_file(Job(str(path), (FLAGS,), on_error="fail"), context(ALL_TOOLS))
    assert outcome.status == "skipped"
    assert not outcome.stop
    assert outcome.error is not None
    assert outcome.error.type == "LockedError"
    with FileLock(str(path)):
        pass


class Slow(Prober):
    """Reads a file; before it says what it has read, another vpo processes the file."""

    def probe(self, path: str, frames: bool = False) -> MediaFile:
        media = super().probe(path, frames)
        if not hasattr(self, "other"):
            self.other = process_file(Job(path, (FLAGS,)), context(ALL_TOOLS))
        return media


def test_process_file_plans_anew_where_a_file_server_need_not_tell_of_a_change(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client remembers the status of a file for a while, and another vpo restores its time."""
    path = library("wrong-flags.mkv") / "wrong-flags.mkv"
    status, real = path.stat(), Stamp.of
    monkeypatch.setattr("vpo.execute.lock.is_on_network", lambda _: True)
    monkeypatch.setattr(Stamp, "of", lambda now: replace(real(now), ctime_ns=status.st_ctime_ns))
    slow = Slow(Processes(), 60)
    outcome = process_file(Job(str(path), (FLAGS,)), new_run_context(ALL_TOOLS, slow))
    assert (slow.other.status, outcome.status) == ("changed", "unchanged")


class Late(Prober):
    """Stands for the prober; reads a file while another program replaces it."""

    def probe(self, path: str, frames: bool = False) -> MediaFile:  # noqa: ARG002
        new = Path(path).with_suffix(".new")
        new.write_bytes(b"the result")
        new.replace(path)
        raise ProbeError("cannot be opened: no such file or directory")


@pytest.mark.parametrize("dry_run", [False, True])
def test_process_file_skips_file_that_is_replaced_while_it_is_probed(
    tmp_path: Path, dry_run: bool
) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"a film")
    late = new_run_context(Tools(), Late(Processes(), 60))
    outcome = process_file(Job(str(path), (POLICY,), dry_run=dry_run), late)
    assert outcome.status == "skipped"
    assert outcome.error is not None
    assert outcome.error.message.startswith("another program changed it")


def test_process_file_skips_unreadable_file_that_another_vpo_edits(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"half a header")
    with FileLock(str(path)):
        outcome = process_file(Job(str(path), (POLICY,)), context())
    assert outcome.status == "skipped"
    assert outcome.error is not None
    assert outcome.error.type == "LockedError"


def test_process_file_fails_damaged_file_that_nobody_changes(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"half a header")
    outcome = process_file(Job(str(path), (POLICY,), seen=(1, 2)), context())
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.type == "ProbeError"


def test_jobs_and_outcomes_can_be_pickled(library: Any) -> None:
    path = str(library("wrong-flags.mkv") / "wrong-flags.mkv")
    job = Job(path, (FLAGS,), dry_run=True, seen=(1, 2))
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - our own bytes
    outcome = process_file(job, context(ALL_TOOLS))
    assert outcome.status == "planned"
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301 - our own bytes
