"""Recording a run: what it leaves in the database when it ends."""

from __future__ import annotations

from pathlib import Path

from vpo.db.store import open_store
from vpo.run.recorder import RunFacts, recorder


def test_file_without_outcome_is_recorded_as_interrupted(tmp_path: Path) -> None:
    with open_store(tmp_path / "vpo.db", dry_run=False) as store:
        assert store is not None
        with recorder(store, tmp_path, str, RunFacts([], {}, 1)) as record:
            record.start("/a.mkv")
            record.finish("stopped", {"total": 1})
        (run,) = store.runs()
        assert (run.state, run.summary) == ("stopped", {"total": 1})
        assert [row.state for row in store.outcomes(run.id)] == ["interrupted"]
