"""What a run that was killed, or that a power cut ended, may have changed is looked at again."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import NewRun, Result
from vpo.db.store import Store
from vpo.run.recovery import clean_up

POLICY = "f" * 64
LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)


def test_compliance_recorded_before_a_change_ends_with_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome of a header edit is lost, and the edit has left size, time and inode alone."""
    monkeypatch.setenv("VPO_DATA_DIR", str(tmp_path / "data"))
    edited, same, missing, fat = (tmp_path / n for n in ("edited", "same", "missing", "fat"))
    elsewhere = tmp_path.parent / "elsewhere"
    for film in (edited, same, fat):
        film.touch()
    for film in (edited, same):
        os.utime(film, (0, 0))
    with DaemonConnectionPool(tmp_path / "vpo.db") as pool:
        store = Store(pool)
        options = {"paths": [str(tmp_path)]}
        store.start_run(NewRun("lost", [], options, workers=1, pid=1, host="here"))
        record(Store(pool, now=lambda: LONG_AGO), edited, elsewhere)
        record(store, same, missing, fat)
        clean_up(store, build({}))
        left = {os.fsdecode(path) for path in store.compliant(POLICY)}
        assert left == {str(same), str(elsewhere)}
        assert store.run("lost").state == "interrupted"


def record(store: Store, *films: Path) -> None:
    for key, film in zip(store.start_outcomes("lost", map(str, films)), films, strict=True):
        stat = (len(film.name), 0, 0)
        done = Result(key, str(film), "unchanged", stat=stat, fingerprint=POLICY)
        store.record([done._replace(compliance="complies")])
