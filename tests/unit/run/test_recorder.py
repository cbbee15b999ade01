"""Recording a run: what it leaves in the database when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.db.store import open_store
from vpo.execute.outcome import Outcome
from vpo.run import recorder as recording
from vpo.run.observer import SafeObserver, Silent
from vpo.run.recorder import RunFacts, recorder
from vpo.run.schedule import Pauser
from vpo.run.summary import Summary
from vpo.run.tally import Tally


def _key(path: str, beside: str | None) -> str:
    return f"{path}{beside or ''}"


def test_file_without_outcome_is_recorded_as_interrupted(tmp_path: Path) -> None:
    with open_store(tmp_path / "vpo.db", dry_run=False) as store:
        assert store is not None
        with recorder(store, tmp_path, _key, RunFacts([], {}, 1)) as record:
            record.start("/a.mkv")
            record.finish("stopped", {"total": 1})
        (run,) = store.runs()
        assert (run.state, run.summary) == ("stopped", {"total": 1})
        assert [row.state for row in store.outcomes(run.id)] == ["interrupted"]


def ignore(paused: bool) -> None:
    """Suspend no tools."""


def test_outcome_is_written_though_no_other_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost if vpo is killed while the next file takes hours."""
    monkeypatch.setattr(recording, "_GROUP_SECONDS", 1e9)
    with open_store(tmp_path / "vpo.db", dry_run=False) as store:
        assert store is not None
        with recorder(store, tmp_path, _key, RunFacts([], {}, 1)) as record:
            tally = Tally(Summary(record.run_id, 2), record, SafeObserver(Silent()), None)
            tally.start("/a.mkv")
            tally.take(Outcome("/a.mkv", "skipped"))
            assert [row.state for row in store.outcomes(record.run_id)] == ["running"]
            monkeypatch.setattr(recording, "_GROUP_SECONDS", -1)
            tally.on_tick(Pauser(None, ignore, print))
            assert [row.state for row in store.outcomes(record.run_id)] == ["done"]
            record.finish("finished", {})
